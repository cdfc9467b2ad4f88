//! Every kernel against the same operation composed in `f64`, forward and gradients, and what the crate promises
//! about bits.

mod attention;
mod conv2d;
mod elementwise;
mod feed_forward;
mod linear;
mod meaning;
mod norms;
mod support;
mod training;
