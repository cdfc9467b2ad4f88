//! The report: a verdict in words and pictures. It computes nothing but places on a page.

mod chosen;
mod comparison;
mod costs;
mod curve;
mod distances;
mod dot;
mod gallery;
mod hypotheses;
mod interference;
mod page;
mod pictures;
mod rates;
mod returns;
mod sheet;
mod shrink;
mod tables;
mod text;
mod together;
mod tuning;

pub use chosen::render_chosen;
pub use comparison::{ComparedAudit, render_comparison, render_diverged};
pub use costs::Cost;
pub use page::render;
pub use pictures::{Folder, NoPictures, Pictures};
pub use sheet::{SheetRow, sheet};
pub use text::render_text;
pub use tuning::{Trial, Tuning, render_tuning};
