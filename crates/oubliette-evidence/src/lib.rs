//! What anyone can check: recipe, plan, events, evidence, statistics, verdict, report.
//!
//! Nothing here opens a socket, reads a clock or draws a random number; `judge` and `render` are
//! pure. The files are specified in `spec/`.

pub mod canonical;
pub mod choice;
pub mod claim;
pub mod concept;
pub mod digest;
pub mod document;
pub mod error;
pub mod event;
pub mod evidence;
pub mod folder;
pub mod harmless;
pub mod hypotheses;
pub mod judge;
pub mod number;
pub mod plain;
pub mod plan;
pub mod prompt;
pub mod recipe;
pub mod report;
pub mod settings;
pub mod several;
pub mod stats;
pub mod training;
pub mod verdict;
pub mod verify;

pub use claim::Claim;
pub use concept::Concept;
pub use digest::Digest;
pub use error::{Error, Result};
pub use event::Event;
pub use evidence::Evidence;
pub use judge::{Next, judge, next};
pub use number::{Real, Share};
pub use plan::{AuditPlan, Plan};
pub use prompt::Prompt;
pub use recipe::Recipe;
pub use verdict::{Judgment, Verdict};
pub use verify::verify;
