//! Networks as plain architecture values: their weights come as an argument.

mod shapes;

pub use shapes::{ShapeScope, Shapes};
