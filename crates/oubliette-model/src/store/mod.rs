//! Model folders on disk: suspicious readers and writers that leave a whole folder or none.

mod fields;
mod json;

pub use fields::Fields;
pub use json::{MAX_CONFIG_BYTES, parse_object, read_capped, read_object};
