//! Draws every object in every style, and a page of patterns, as one picture each.
use image::{RgbImage, imageops};
use oubliette_canvas::{SIDE, Scene, colours, objects, patterns, styles};
use rand::SeedableRng;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let side: u32 = std::env::args().nth(2).map_or(Ok(SIDE), |s| s.parse())?;
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let mut pictures = Vec::new();
    for (i, style) in styles::ALL.iter().chain(styles::ALL).enumerate() {
        for (j, object) in objects::ALL.iter().enumerate() {
            let colour = &colours::ALL[(i * 3 + j) % colours::ALL.len()];
            pictures.push(Scene::arrange(object, style, colour, &mut rng).draw(side));
        }
    }
    grid(&pictures, 16).save(format!("{folder}/canvas.png"))?;
    let far: Vec<RgbImage> = patterns::sample(1, 48, side).into_iter().map(|r| r.picture).collect();
    grid(&far, 16).save(format!("{folder}/patterns.png"))?;
    Ok(())
}

fn grid(pictures: &[RgbImage], columns: usize) -> RgbImage {
    let side = pictures.first().map_or(1, |p| p.width());
    let rows = pictures.len().div_ceil(columns) as u32;
    let mut page = RgbImage::new(side * columns as u32, side * rows);
    for (i, picture) in pictures.iter().enumerate() {
        let (x, y) = ((i % columns) as u32 * side, (i / columns) as u32 * side);
        imageops::replace(&mut page, picture, x.into(), y.into());
    }
    page
}
