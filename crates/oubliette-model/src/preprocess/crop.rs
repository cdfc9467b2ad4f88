//! Cuts the middle out of a picture; what is missing around it is black.

use image::{RgbImage, imageops};

/// The middle `width` by `height` of a picture.
pub(crate) fn center_crop(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let (have_width, have_height) = picture.dimensions();
    if have_width >= width && have_height >= height {
        let (left, top) = ((have_width - width) / 2, (have_height - height) / 2);
        return imageops::crop_imm(picture, left, top, width, height).to_image();
    }
    // The reference pads around the picture first, with the larger half before it, then crops.
    let (padded_width, padded_height) = (have_width.max(width), have_height.max(height));
    let mut padded = RgbImage::new(padded_width, padded_height);
    let left = (padded_width - have_width).div_ceil(2);
    let top = (padded_height - have_height).div_ceil(2);
    imageops::replace(&mut padded, picture, i64::from(left), i64::from(top));
    // Position of the crop, counted from the unpadded picture: floor((have - want) / 2).
    let shift = |have: u32, want: u32| (i64::from(have) - i64::from(want)).div_euclid(2);
    let x = (shift(have_width, width) + i64::from(left)).max(0) as u32;
    let y = (shift(have_height, height) + i64::from(top)).max(0) as u32;
    imageops::crop_imm(&padded, x, y, width, height).to_image()
}
