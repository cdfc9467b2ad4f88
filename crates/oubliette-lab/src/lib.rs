//! Parts, methods, attacks, detectors, metrics and the runner.
//!
//! Lists: [`methods::METHODS`], [`attacks::ATTACKS`], [`detectors::DETECTORS`], [`metrics::METRICS`] and those below
//! [`parts`]. A new member is one file plus one line in its list; nothing else branches on a name.

pub mod alignment;
pub mod attacks;
pub mod captions;
pub mod detectors;
pub mod frechet;
pub mod lot;
pub mod methods;
pub mod metrics;
pub mod parts;
pub mod picture;
pub mod progress;
pub mod run;
pub mod subject;
pub mod training;
pub mod tuning;
pub mod wording;

mod card;
mod cholesky;
pub mod describe;
mod drawn;
mod editing;
mod encoded;
mod entry;
mod error;
mod geometry;
mod gradients;
mod notes;
mod study;
mod walk;

pub use attacks::ATTACKS;
pub use card::Card;
pub use detectors::DETECTORS;
pub use drawn::Drawn;
pub use entry::{Entry, List, Make};
pub use error::{Class, Error, Result};
pub use methods::METHODS;
pub use metrics::METRICS;
pub use study::Study;
