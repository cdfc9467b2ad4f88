//! Model families: what a folder is, from loading to saving.

mod backbone;
mod classifier;
mod clip;
mod fid_inception;
mod stable_diffusion;

pub use backbone::Backbone;
pub use classifier::Classifier;
pub use clip::Clip;
pub use fid_inception::FidInception;
pub use stable_diffusion::{FreshModel, LoadOptions, StableDiffusion};
