//! Model folders on disk: suspicious readers and writers that leave a whole folder or none.

mod atomic;
mod card;
mod component;
mod fields;
mod folder;
mod fresh;
mod header;
mod json;
mod layout;
mod ldm;
mod naming;
mod plain;
mod save;
mod shards;
mod tensor_file;

pub use atomic::{Lock, NewFolder};
pub use card::CardSection;
pub use component::{Component, Config};
pub use fields::Fields;
pub use folder::Folder;
pub use header::{Entry, Stored};
pub use json::{MAX_CONFIG_BYTES, parse_object, read_capped, read_object};
pub use layout::{Layout, Naming, Place};
pub use ldm::{LdmText, LdmUnet, LdmVae, check_single_file};
pub use naming::{Autoencoder, Clip, Plain};
pub use shards::Shards;
pub use tensor_file::TensorFile;

pub use fresh::save_floats;
pub(crate) use fresh::write_weights;
pub(crate) use save::Copy;
pub(crate) use shards::{DIFFUSERS_STEM, pickle};
