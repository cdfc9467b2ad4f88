//! What changes in closed form share: the token embeddings that they edit and keep, and the matrices that they change.

mod embeddings;
mod matrices;
mod null_space;
mod refit;
mod ties;

pub use embeddings::{Pair, Tokens};
pub(crate) use embeddings::{Reader, checked, usual_guide, within};
pub use matrices::{Change, Matrices, changed};
pub(crate) use matrices::{like, matrix};
pub(crate) use null_space::{NullSpace, modes, pseudo_inverse};
pub use refit::{Wanted, refit, times};
pub use ties::merged;
pub(crate) use ties::ties;
