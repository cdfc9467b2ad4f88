//! Pictures from foreign files, decoded within limits.

use std::path::Path;

use image::{ImageReader, Limits, RgbImage, imageops};

use crate::error::{Error, Result};

/// The longest side of a picture that is decoded.
pub const MAX_SIDE: u32 = 16_384;
/// The most memory that decoding one picture may take.
const MAX_BYTES: u64 = 1 << 30;

/// Decodes a PNG, JPEG or WebP file; what is transparent becomes white.
///
/// # Errors
/// When it is broken, gigantic, or no such picture.
pub fn read_picture(path: &Path) -> Result<RgbImage> {
    let refuse = |why: String| {
        Error::file(path, why, "give a whole PNG, JPEG or WebP of at most 16384 pixels a side")
    };
    let reader = ImageReader::open(path).map_err(Error::read(path))?;
    let mut reader = reader.with_guessed_format().map_err(Error::read(path))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| refuse(format!("cannot be decoded: {error}")))?;
    if !picture.color().has_alpha() {
        return Ok(picture.into_rgb8());
    }
    let picture = picture.into_rgba8();
    Ok(RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [r, g, b, alpha] = picture.get_pixel(x, y).0;
        let over = |value: u8| {
            ((u32::from(value) * u32::from(alpha) + 255 * (255 - u32::from(alpha)) + 127) / 255)
                as u8
        };
        image::Rgb([over(r), over(g), over(b)])
    }))
}

/// The middle of a picture with the wanted proportions, scaled to the wanted size.
pub(super) fn fitted(picture: RgbImage, height: u32, width: u32) -> RgbImage {
    if picture.dimensions() == (width, height) {
        return picture;
    }
    let (w, h) = (u64::from(picture.width()), u64::from(picture.height()));
    // The largest part with the proportions of the target.
    let (cut_w, cut_h) = if w * u64::from(height) > h * u64::from(width) {
        ((h * u64::from(width) / u64::from(height)).max(1), h)
    } else {
        (w, (w * u64::from(height) / u64::from(width)).max(1))
    };
    let (x, y) = (((w - cut_w) / 2) as u32, ((h - cut_h) / 2) as u32);
    let cut = imageops::crop_imm(&picture, x, y, cut_w as u32, cut_h as u32).to_image();
    imageops::resize(&cut, width, height, imageops::FilterType::CatmullRom)
}
