//! The 3x3 convolution at stride one with sixteen products where four positions would take thirty-six: Winograd's
//! minimal filtering F(2x2, 3x3), as Lavin and Gray give it (arXiv 1509.09308, section 4.1).
//!
//! The image is cut into tiles of 2x2 positions. What a tile sees, 4x4 pixels, becomes sixteen *points*; so does every
//! kernel. At each point a product over the channels follows, for all tiles at once, and sixteen sums become the
//! tile's positions. The gradients go the same way: the input's is such a convolution itself, the weight's sums over
//! tiles in place of channels.

mod by_columns;
mod by_tiles;
mod kernels;
mod pass;
mod tiles;
mod transform;
mod weight_gradient;

use crate::engine::micro::LANES;
pub(super) use kernels::Kernels;
pub(super) use pass::Pass;
pub(super) use tiles::Tiles;
pub(super) use weight_gradient::WeightGradient;

/// Kernels of a weight whose points stay in a cache. More take a time of their own to be made, which a few tiles do not make up for: 16
/// do (measured, 8 x 8 of Stable Diffusion 1.4), and for the gradient, whose sums at the points are kept and turned back, 48.
const SMALL: usize = 1 << 16;

/// Whether a result of this size is made faster so. Does not ask for the batch, on which no bit may depend.
pub(super) fn pays(inputs: usize, outputs: usize, result: (usize, usize)) -> bool {
    enough(inputs, outputs, result, 16)
}

/// The same of the gradient of a weight, whose points are kept until all tiles are summed.
pub(super) fn pays_for_weight(inputs: usize, outputs: usize, result: (usize, usize)) -> bool {
    enough(inputs, outputs, result, 48)
}

/// Whether a result has enough tiles, `of_many` where there are many kernels.
fn enough(inputs: usize, outputs: usize, (height, width): (usize, usize), of_many: usize) -> bool {
    let tiles = height.div_ceil(2) * width.div_ceil(2);
    let few = if inputs * outputs <= SMALL { 4 } else { of_many };
    tiles >= few && inputs.min(outputs) >= LANES / 2
}
