//! Model folders on disk: suspicious readers and writers that leave a whole folder or none.

mod component;
mod fields;
mod folder;
mod header;
mod json;
mod layout;
mod naming;
mod shards;
mod tensor_file;

pub use component::{Component, Config};
pub use fields::Fields;
pub use folder::Folder;
pub use header::{Entry, Stored, read_header};
pub use json::{MAX_CONFIG_BYTES, parse_object, read_capped, read_object};
pub use layout::{Layout, Naming, Place};
pub use naming::{Autoencoder, Clip, Plain};
pub use shards::Shards;
pub use tensor_file::TensorFile;
