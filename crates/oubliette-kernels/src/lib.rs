//! Fast CPU kernels with their backward, behind burn's extension API.
//!
//! Every function here takes and returns ordinary [`burn::tensor::Tensor`]s and works under autodiff. On the
//! Flex device with `f32` tensors it runs an own kernel with its own backward; on every other device and type
//! it is composed of burn's operations, so it means the same everywhere.
//!
//! # What the kernels promise
//! - The same bits for any number of threads: the order of every sum depends on the shapes
//!   alone, whoever sums it.
//! - In the forward, what comes out for one sample does not depend on the other samples of the batch nor on
//!   how many there are.
//! - An operand that needs no gradient costs none, and nothing is kept for a gradient that nobody asked for.
//! - The instruction set is found at run time; a plain release build is fast.
//!
//! [`set_enabled`]`(false)` turns the kernels off for the whole process, which changes speed only.

mod activation;
mod adamw;
mod array;
mod attention;
mod buffer;
mod conv2d;
mod engine;
mod feed_forward;
mod gated;
mod group_norm;
mod layer_norm;
mod linear;
mod memory;
mod op;
mod parallel;
mod recompute;
mod rms_norm;
mod rotary;
mod scalar_product;
mod softmax_cross_entropy;
mod switch;
mod upsample;

pub use activation::{gelu, quick_gelu, silu};
pub use adamw::{AdamwSettings, AdamwState, adamw};
pub use attention::{Mask, attention};
pub use conv2d::conv2d;
pub use engine::level::{Instructions, at_most, describe};
pub use feed_forward::{Dense, feed_forward};
pub use gated::{Gate, gated, geglu, swiglu};
pub use group_norm::{Activation, group_norm};
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use memory::{give_memory_back, keep_memory};
pub use recompute::recompute;
pub use rms_norm::rms_norm;
pub use rotary::rotary;
pub use scalar_product::scalar_product;
pub use softmax_cross_entropy::softmax_cross_entropy;
pub use switch::{enabled, set_enabled};
pub use upsample::upsample_nearest_2x;
