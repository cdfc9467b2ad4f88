//! Model families: load, save, sample, train.

pub mod attached;
pub mod device;
pub mod error;
pub mod families;
pub mod init;
pub mod lora;
pub mod networks;
pub mod preprocess;
pub mod sample;
pub mod schedule;
pub mod scope;
pub mod select;
pub mod store;
pub mod tokenizer;
pub mod train;
pub mod weights;

pub use error::{Error, Result};
pub use scope::Scope;
pub use select::Select;
pub use weights::{Weight, Weights};
