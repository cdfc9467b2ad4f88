//! Bounds that a stranger can check: exact or conservative, one-sided, one file each.
//!
//! Everything that a verdict rests on uses only `+ - * /`, square roots and a portable logarithm, so that every machine
//! finds the same bytes.

mod betting;
mod clusters;
mod ebh;
mod enough;
mod evalue;
mod interval;
mod paired;
mod permutation;
mod proportion;
mod recovery;
mod split;
mod student;

pub use betting::{mean_lower, mean_upper};
pub use clusters::{other_clusters, worst_cluster};
pub use ebh::e_bh;
pub use enough::enough;
pub use evalue::e_below;
pub use interval::Interval;
pub use paired::{difference, paired_loss};
pub use permutation::permutation_test;
pub use proportion::{lower, upper};
pub use recovery::recovery;
pub use split::{Levels, levels};
pub use student::mean_interval;
