//! Small versions of large pictures, so that a report stays a file that can be sent.
//!
//! They are written without compression: the same pixels are the same bytes for every version of
//! every compressor.

use std::io::Cursor;

use png::{ColorType, Compression, Decoder, Encoder, Filter, Limits, Transformations};

/// Longest side of a picture in a report, in pixels.
const SIDE: u32 = 192;
/// Most memory that one picture may take when it is unpacked.
const MAX_UNPACKED: usize = 512 << 20;

/// Most bytes beside its pixels with which a picture is taken as it came.
const MAX_BESIDE: usize = 64 << 10;

/// A picture as it came when it is small, or a version in which blocks of pixels became one, each the
/// mean of its block. Says in words why a picture cannot be read.
pub(super) fn shrink(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let limits = Limits { bytes: MAX_UNPACKED };
    let mut decoder = Decoder::new_with_limits(Cursor::new(&bytes), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
    let (width, height) = (reader.info().width, reader.info().height);
    let factor = width.max(height).div_ceil(SIDE);
    let size = reader.output_buffer_size().filter(|size| *size <= MAX_UNPACKED);
    let mut pixels = vec![0; size.ok_or("it is too large")?];
    let frame = reader.next_frame(&mut pixels).map_err(|e| e.to_string())?;
    // A small picture may carry anything beside its pixels.
    if factor <= 1 && bytes.len() <= pixels.len() + MAX_BESIDE {
        return Ok(bytes);
    }
    let (wide, high) = (width / factor, height / factor);
    if wide == 0 || high == 0 {
        return Err(format!("{width} by {height} pixels"));
    }
    let channels = frame.color_type.samples() as u32;
    let row = frame.line_size;
    let mean = |x: u32, y: u32, channel: u32| {
        let places = (0..factor).flat_map(|dy| (0..factor).map(move |dx| (dx, dy)));
        let at = |(dx, dy)| {
            let column = (x * factor + dx) * channels + channel;
            (y * factor + dy) as usize * row + column as usize
        };
        let value = |at: usize| pixels.get(at).copied().map_or(0, u32::from);
        let sum: u32 = places.map(at).map(value).sum();
        ((sum + factor * factor / 2) / (factor * factor)) as u8
    };
    let small: Vec<u8> = (0..high)
        .flat_map(|y| (0..wide).map(move |x| (x, y)))
        .flat_map(|(x, y)| (0..channels).map(move |channel| (x, y, channel)))
        .map(|(x, y, channel)| mean(x, y, channel))
        .collect();
    write(wide, high, frame.color_type, &small)
}

fn write(width: u32, height: u32, color: ColorType, pixels: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_compression(Compression::NoCompression);
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header().map_err(|e| e.to_string())?;
    writer.write_image_data(pixels).map_err(|e| e.to_string())?;
    writer.finish().map_err(|e| e.to_string())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(width: u32, height: u32, color: ColorType, value: u8) -> Vec<u8> {
        let pixels = vec![value; (width * height) as usize * color.samples()];
        write(width, height, color, &pixels).unwrap()
    }

    fn size(bytes: &[u8]) -> (u32, u32) {
        let reader = Decoder::new(Cursor::new(bytes)).read_info().unwrap();
        (reader.info().width, reader.info().height)
    }

    #[test]
    fn large_pictures_become_small_and_small_ones_stay() {
        let large = shrink(plain(512, 768, ColorType::Rgb, 77)).unwrap();
        assert_eq!(size(&large), (128, 192));
        assert_eq!(large, plain(128, 192, ColorType::Rgb, 77));
        assert_eq!(
            shrink(plain(512, 512, ColorType::Rgba, 9)).unwrap(),
            plain(170, 170, ColorType::Rgba, 9)
        );
        let small = plain(32, 32, ColorType::Grayscale, 200);
        assert_eq!(shrink(small.clone()).unwrap(), small);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let good = plain(32, 32, ColorType::Rgb, 1);
        for bad in [&b""[..], b"\x89PNG\r\n\x1a\n", &good[..good.len() / 2], &good[1..]] {
            assert!(shrink(bad.to_vec()).is_err());
        }
        assert!(shrink(plain(1000, 1, ColorType::Rgb, 1)).is_err());
    }
}
