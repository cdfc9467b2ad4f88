//! Cuts pictures into square patches, one token each.

use burn::tensor::Tensor;

use crate::error::Result;
use crate::networks::limits;
use crate::scope::Scope;
use crate::store::Fields;

/// Square pictures cut into square patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patches {
    /// Pixels along a side of a picture.
    pub image_size: usize,
    /// Pixels along a side of a patch.
    pub patch_size: usize,
}

impl Patches {
    /// Channels of a picture: red, green and blue.
    pub(crate) const CHANNELS: usize = 3;

    pub(crate) fn read(fields: &Fields<'_>, patch: usize) -> Result<Self> {
        fields.neutral("num_channels", &[Self::CHANNELS.into()])?;
        let patches = Self {
            image_size: fields.size("image_size", 224, limits::SIDE)?,
            patch_size: fields.size("patch_size", patch, limits::KERNEL)?,
        };
        if patches.image_size < patches.patch_size || patches.count() > limits::TOKENS {
            let why = format!("is {}, the picture {}", patches.patch_size, patches.image_size);
            return Err(fields.error("patch_size", why, "use a model with sensible patches"));
        }
        Ok(patches)
    }

    /// The number of patches of a picture.
    pub(crate) fn count(&self) -> usize {
        (self.image_size / self.patch_size).pow(2)
    }

    /// Pictures (batch, channels, side, side) to tokens (batch, patches, width).
    ///
    /// # Panics
    /// With pictures of another size; a folder whose preparation makes such is refused when it is loaded.
    pub(crate) fn cut(&self, at: &Scope<'_>, pixels: Tensor<4>) -> Tensor<3> {
        let ([batch, _, height, width], side) = (pixels.dims(), self.image_size);
        assert_eq!(
            (height, width),
            (side, side),
            "pictures must be resized for this network first"
        );
        let x = at.conv2d(pixels, self.patch_size, (0, 0));
        let [_, channels, rows, columns] = x.dims();
        x.reshape([batch, channels, rows * columns]).swap_dims(1, 2)
    }
}
