//! The groups of keep arms, as an arm's `attack` names them.

/// What stands near the concept.
pub const NEIGHBOURS: &str = "neighbours";
/// The kind of thing that the concept is.
pub const SUPERCLASS: &str = "superclass";
/// What has nothing to do with it.
pub const UNRELATED: &str = "unrelated";
/// A concept that the model was made to forget before.
pub const FORGOTTEN: &str = "forgotten";
/// Any other concept.
pub const OTHER: &str = "other";
