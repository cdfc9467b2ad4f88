//! The only place that does things: recipes become plans, plans become events in a run folder.

mod audit;
mod card;
mod folder;
mod journal;
mod names;
mod places;
mod positive;
pub mod resolve;
mod unlearn;
mod update;

pub use audit::{Examiner, Lens, look};
pub use folder::would_be_free;
pub use journal::Journal;
pub use places::{Context, Places, Subjects};
pub use resolve::{ResolvedAudit, ResolvedUnlearn, ResolvedUpdate, Turn};
pub use unlearn::unlearn;
pub use update::update;
