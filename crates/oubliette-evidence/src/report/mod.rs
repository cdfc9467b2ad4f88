//! The report: a verdict in words and pictures. It computes nothing but places on a page.

mod comparison;
mod costs;
mod curve;
mod distances;
mod dot;
mod gallery;
mod interference;
mod page;
mod pictures;
mod rates;
mod shrink;
mod tables;
mod text;

pub use comparison::{ComparedAudit, render_comparison};
pub use costs::Cost;
pub use page::render;
pub use pictures::{Folder, NoPictures, Pictures};
pub use text::render_text;
