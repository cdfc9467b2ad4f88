//! A detector and a scorer that cannot err on the colours of known subjects.

use image::{Rgb, RgbImage};
use oubliette_evidence::{Share, event::Score};
use oubliette_lab::{Result, alignment::Aligner, detectors::Eye};

use crate::known::{CONCEPT, OTHERS};

/// The colour that stands for a name: one for every name, none of them black.
pub fn colour_of(name: &str) -> Rgb<u8> {
    let place = std::iter::once(&CONCEPT).chain(OTHERS).position(|known| *known == name);
    place.map_or(Rgb([0; 3]), |place| Rgb([255, place as u8 * 40, 7]))
}

/// Sees the colour in the middle of a picture.
#[derive(Debug, Clone, Copy, Default)]
pub struct ColourEye;

impl Eye for ColourEye {
    fn look(&self, pictures: &[RgbImage], sought: &[Option<&str>]) -> Result<Vec<Score>> {
        let look = |(picture, sought): (&RgbImage, &Option<&str>)| {
            let middle = *picture.get_pixel(picture.width() / 2, picture.height() / 2);
            let hit = middle == colour_of(sought.unwrap_or(CONCEPT));
            let animal =
                [CONCEPT, "tiger", "cat", "animal"].iter().any(|name| middle == colour_of(name));
            let probability = if hit { Share::ONE } else { Share::ZERO };
            Score { hit, probability: Some(probability), superclass: Some(animal) }
        };
        Ok(pictures.iter().zip(sought).map(look).collect())
    }

    fn knows(&self, label: &str) -> bool {
        label == CONCEPT || OTHERS.contains(&label)
    }
}

impl Aligner for ColourEye {
    /// A picture agrees with its text when it shows anything that the text names.
    fn cosines(&self, pictures: &[RgbImage], texts: &[&str]) -> Result<Vec<f64>> {
        let agrees = |(picture, text): (&RgbImage, &&str)| {
            let middle = *picture.get_pixel(picture.width() / 2, picture.height() / 2);
            let mut names = std::iter::once(&CONCEPT).chain(OTHERS);
            let named = names.any(|name| text.contains(name) && middle == colour_of(name));
            if named { 0.8 } else { 0.1 }
        };
        Ok(pictures.iter().zip(texts).map(agrees).collect())
    }
}
