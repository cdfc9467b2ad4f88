//! A drawn world: objects in styles and colours, with captions. It knows nothing of models.
//!
//! A [`Scene`] is drawn as a picture and described by a caption; [`sample`] draws scenes at random from a seed, and
//! [`folder::write`] keeps them as training tools read them. [`patterns`] are pictures from outside this world.
pub mod captions;
pub mod colours;
pub mod figure;
pub mod folder;
pub mod objects;
pub mod patterns;
mod sample;
mod scene;
mod sheet;
pub mod styles;

pub use captions::{Template, caption};
pub use sample::{Captioned, KeptBack, Selection, is_kept_back, sample};
pub use scene::{Place, Scene};
pub use sheet::Sheet;

/// The side of a picture of the canvas in pixels.
pub const SIDE: u32 = 64;
