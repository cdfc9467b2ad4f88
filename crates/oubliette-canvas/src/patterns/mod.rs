//! Pictures from outside the canvas: wallpaper patterns that show no object. One file each, one line each in the list.
mod checks;
mod dots;
mod rings;
mod stripes;
mod waves;

use image::RgbImage;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tiny_skia::Transform;

use crate::colours::{self, Colour, Rgb};
use crate::folder::Row;
use crate::sheet::Sheet;

/// A kind of wallpaper.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// The word in a caption, in the plural: "stripes".
    pub name: &'static str,
    /// Paints it with a colour over a ground that is already there; `pitch` is the distance of repeats in page units.
    pub paint: fn(&mut Sheet, Rgb, f32),
}

/// Every pattern, by name.
pub const ALL: &[Pattern] =
    &[checks::ENTRY, dots::ENTRY, rings::ENTRY, stripes::ENTRY, waves::ENTRY];

/// `n` pictures of `size` × `size` pixels with captions such as "blue stripes on pink".
pub fn sample(seed: u64, n: usize, size: u32) -> Vec<Row> {
    (0..n as u64).map(|i| row(seed, i, size)).collect()
}

/// The picture of that number in every [`sample`] of that seed.
pub fn row(seed: u64, index: u64, size: u32) -> Row {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index);
    let pattern = ALL.choose(&mut rng).expect("there are patterns");
    let mut colours = colours::ALL.choose_multiple(&mut rng, 2);
    let mut colour = || colours.next().expect("there are at least two colours");
    let (front, back) = (colour(), colour());
    let picture = draw(pattern, front, back, &mut rng, size);
    Row { picture, caption: format!("{} {} on {}", front.name, pattern.name, back.name) }
}

fn draw(
    pattern: &Pattern,
    front: &Colour,
    back: &Colour,
    rng: &mut impl Rng,
    size: u32,
) -> RgbImage {
    let place = Transform::from_rotate(rng.random_range(0.0..180.0))
        .pre_translate(rng.random_range(-9.0..9.0), rng.random_range(-9.0..9.0));
    let mut sheet = Sheet::new(size, place);
    let ground = back.main.mix(Rgb::hex(0xffffff), 0.45);
    sheet.ground(ground, ground);
    (pattern.paint)(&mut sheet, front.main, rng.random_range(14.0..26.0));
    sheet.finish()
}

/// The repeats of a pattern along one axis, far enough to cover the page in any rotation.
fn repeats(pitch: f32) -> impl Iterator<Item = f32> + Clone {
    let n = (90.0 / pitch).ceil() as i32;
    (-n..=n).map(move |i| i as f32 * pitch)
}
