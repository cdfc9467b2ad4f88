//! The largest sizes that a configuration may ask for. They are far above any released model and
//! keep an absurd file from asking for absurd memory.

/// Channels or width of a layer.
pub(crate) const WIDTH: usize = 16_384;
/// Entries of a vocabulary or of a list of labels.
pub(crate) const ENTRIES: usize = 1 << 20;
/// Tokens of a sequence.
pub(crate) const TOKENS: usize = 1 << 16;
/// Blocks of a U-Net or an autoencoder.
pub(crate) const BLOCKS: usize = 8;
/// Residual blocks of one block, or transformer layers beside one residual block.
pub(crate) const BLOCK_LAYERS: usize = 16;
/// Layers of a text or vision transformer.
pub(crate) const LAYERS: usize = 128;
/// Pixels along one side of a picture.
pub(crate) const SIDE: usize = 8_192;
/// Width of a convolution's kernel or of a patch.
pub(crate) const KERNEL: usize = 64;
