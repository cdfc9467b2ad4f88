//! What changes in closed form share: the token embeddings that they edit and keep, and the matrices that they change.

mod embeddings;
mod matrices;

pub use embeddings::{Pair, Tokens};
pub(crate) use embeddings::{Reader, checked, usual_guide, within};
pub(crate) use matrices::{keys_and_values, like, matrix};
