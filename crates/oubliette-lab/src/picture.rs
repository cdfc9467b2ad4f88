//! Pictures: opened from files nobody vouches for, sized for a model, turned into numbers.

use std::{
    io::{BufReader, Cursor},
    path::Path,
};

use image::{
    DynamicImage, ImageError, ImageFormat, ImageReader, Limits, RgbImage, imageops::FilterType,
};
use oubliette_evidence::plain;

use crate::{Error, Result};

/// No picture needs more than this many pixels on a side.
const LARGEST_SIDE: u32 = 16_384;

/// Whether the file's name says that it is a picture we read.
pub fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    ["png", "jpg", "jpeg", "webp"].contains(&extension.as_str())
}

/// Opens a picture; transparency becomes white.
///
/// # Errors
/// When the file is missing, is no plain file or no picture, or claims an absurd size.
pub fn open(path: &Path) -> Result<RgbImage> {
    let refuse = |source| Error::Picture { doing: "read", path: path.to_owned(), source };
    let mut reader = ImageReader::new(BufReader::new(plain::open(path)?))
        .with_guessed_format()
        .map_err(Error::io("read", path))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    reader.limits(limits);
    Ok(on_white(reader.decode().map_err(refuse)?))
}

/// The picture of a PNG file's bytes.
///
/// # Errors
/// When they are no PNG file.
pub(crate) fn read(bytes: &[u8]) -> std::result::Result<RgbImage, ImageError> {
    Ok(image::load_from_memory_with_format(bytes, ImageFormat::Png)?.into_rgb8())
}

/// The bytes of a PNG file; the same picture always gives the same bytes.
///
/// # Errors
/// When the encoder fails.
pub fn png(picture: &RgbImage) -> std::result::Result<Vec<u8>, ImageError> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

/// Scaled so that it covers `width` x `height`, and cut to that from the centre.
pub fn cover(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    if picture.dimensions() == (width, height) {
        return picture.clone();
    }
    let whole = DynamicImage::from(picture.clone());
    whole.resize_to_fill(width, height, FilterType::CatmullRom).into_rgb8()
}

fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    let mut out = RgbImage::new(picture.width(), picture.height());
    for (from, to) in picture.pixels().zip(out.pixels_mut()) {
        let alpha = u32::from(from.0[3]);
        for channel in 0..3 {
            let over = u32::from(from.0[channel]) * alpha + 255 * (255 - alpha);
            to.0[channel] = ((over + 127) / 255) as u8;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparency_is_white() {
        let clear = image::RgbaImage::from_pixel(1, 1, image::Rgba([9, 9, 9, 0]));
        assert_eq!(on_white(clear.into()).get_pixel(0, 0).0, [255, 255, 255]);
    }

    #[test]
    fn a_broken_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.png");
        std::fs::write(&path, b"\x89PNG\r\n\x1a\nnot really").unwrap();
        assert!(open(&path).unwrap_err().to_string().contains("broken.png"));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_no_picture() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("endless.png");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        let message = open(&link).unwrap_err().to_string();
        assert!(message.contains("endless.png") && message.contains("no plain file"), "{message}");
    }
}
