//! Pillow's resampling of 8-bit pictures, bit for bit: antialiased, in fixed point, first along
//! the rows, then along the columns.

use std::ops::Range;

use image::{RgbImage, imageops};

/// How pixels are mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// A triangle.
    Bilinear,
    /// Keys' cubic with a = -1/2.
    Bicubic,
}

impl Filter {
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let x = x.abs();
        match self {
            Self::Bilinear if x < 1.0 => 1.0 - x,
            Self::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            _ => 0.0,
        }
    }
}

/// Bits after the point: 32, less 8 for the level, less 2 for sums beyond it.
const FRACTION_BITS: u32 = 32 - 8 - 2;

/// Which input pixels make an output pixel: the first one, and the weights from there on.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

/// One axis of a picture with a new size.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// The new size.
    pub(super) size: u32,
    /// The pixels along it that are wanted.
    pub(super) wanted: Range<u32>,
}

/// A part of a picture with a new size. The rest is not made, since no memory holds the whole of a thin line made wide.
pub(super) fn resize(picture: &RgbImage, across: &Axis, down: &Axis, filter: Filter) -> RgbImage {
    if down.size == picture.height() {
        return rows(picture, across, down.wanted.clone(), filter);
    }
    let windows = windows(picture.height(), down, filter);
    let first = windows.iter().map(|window| window.first).min().unwrap_or(0);
    let end = windows.iter().map(|window| window.first + window.weights.len()).max().unwrap_or(0);
    let lines = rows(picture, across, first as u32..end as u32, filter);
    RgbImage::from_fn(lines.width(), windows.len() as u32, |x, y| {
        mix(&windows[y as usize], |at| lines.get_pixel(x, (at - first) as u32).0)
    })
}

/// Some of a picture's lines, each with its new size.
fn rows(picture: &RgbImage, across: &Axis, lines: Range<u32>, filter: Filter) -> RgbImage {
    let (from, height) = (lines.start, lines.end - lines.start);
    if across.size == picture.width() {
        let Range { start, end } = across.wanted;
        return imageops::crop_imm(picture, start, from, end - start, height).to_image();
    }
    let windows = windows(picture.width(), across, filter);
    RgbImage::from_fn(windows.len() as u32, height, |x, y| {
        mix(&windows[x as usize], |at| picture.get_pixel(at as u32, from + y).0)
    })
}

fn mix(window: &Window, pixel: impl Fn(usize) -> [u8; 3]) -> image::Rgb<u8> {
    let mut sums = [1_i32 << (FRACTION_BITS - 1); 3];
    for (offset, weight) in window.weights.iter().enumerate() {
        for (sum, level) in sums.iter_mut().zip(pixel(window.first + offset)) {
            *sum += i32::from(level) * weight;
        }
    }
    image::Rgb(sums.map(|sum| (sum >> FRACTION_BITS).clamp(0, 255) as u8))
}

fn windows(have: u32, want: &Axis, filter: Filter) -> Vec<Window> {
    let scale = f64::from(have) / f64::from(want.size);
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    let window = |place: u32| {
        let center = (f64::from(place) + 0.5) * scale;
        // Both ends are cut towards zero after adding one half.
        let first = (center - support + 0.5).max(0.0) as usize;
        let end = ((center + support + 0.5) as usize).min(have as usize);
        let weight = |at: usize| filter.weight((at as f64 - center + 0.5) / stretch);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let one = f64::from(1 << FRACTION_BITS);
        let fixed = |weight: f64| (weight / sum * one + 0.5_f64.copysign(weight)) as i32;
        Window { first, weights: weights.into_iter().map(fixed).collect() }
    };
    want.wanted.clone().map(window).collect()
}
