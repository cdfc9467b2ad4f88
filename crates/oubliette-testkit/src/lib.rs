//! Subjects of known truth and conformance suites: what tests of other crates stand on.
//!
//! Nothing here is part of the product. A subject of known truth draws plain colours instead of pictures, so a whole
//! audit of it takes milliseconds and its verdict can be known beforehand.

pub mod conformance;
pub mod examine;
pub mod eye;
pub mod known;
pub mod teach;
pub mod toy;

pub use examine::{Examined, examine};
pub use eye::ColourEye;
pub use known::{Known, Truth};
