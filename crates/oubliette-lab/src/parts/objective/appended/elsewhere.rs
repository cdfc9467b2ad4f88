//! What erasers add to pixels that did not look at the concept's name.

use burn::tensor::{Tensor, TensorData};
use oubliette_model::networks::Attended;

use super::Scene;
use crate::{Error, Result, wording};

/// The shorter side of the attention maps that are looked at, as near as the network has it.
const SIDE: f64 = 16.0;

/// The mean over all erasers of the mean square that each adds to such pixels, whose sum over pixels and pictures is divided by how
/// many they are.
pub(super) fn added(scene: &Scene<'_>, looked: Vec<Attended>, threshold: f64) -> Result<Tensor<1>> {
    let [_, _, height, width] = scene.batch.latents.dims();
    let size = |pixels: usize| {
        let levels = (0..8).map(|level| (height >> level, width >> level));
        levels.into_iter().find(|(h, w)| h * w == pixels)
    };
    let away = Away::of(scene, threshold, size)?;
    let mut sum: Option<(Tensor<1>, usize)> = None;
    for attended in looked {
        let Some(erased) = attended.erased else { continue };
        let [rows, pixels, _] = erased.dims();
        let Some(size) = size(pixels) else { continue };
        let away = away.at(size);
        let count: f32 = away.clone().sum().into_scalar();
        let square = (erased.clone() * erased).mean_dim(2).reshape([rows, pixels]);
        let one = (square * away).sum() / (count + 1e-9);
        sum = Some(match sum {
            None => (one, 1),
            Some((all, layers)) => (all + one, layers + 1),
        });
    }
    sum.map(|(sum, layers)| sum / layers as f64).ok_or_else(|| Error::Input {
        file: "the recipe, objective `appended`".to_owned(),
        thing: "it is to keep erasers local, and the denoiser has none".to_owned(),
        remedy: "set `locality = 0`, or use it in the method `receler`".to_owned(),
    })
}

/// 1 where pixels did not look at the name, for every picture.
struct Away {
    values: Vec<f32>,
    rows: usize,
    size: (usize, usize),
    like: Tensor<4>,
}

impl Away {
    /// From the original's attention, at one level of the network.
    fn of(
        scene: &Scene<'_>,
        threshold: f64,
        size: impl Fn(usize) -> Option<(usize, usize)>,
    ) -> Result<Self> {
        let (study, batch) = (scene.study, scene.batch);
        let context = study.context(study.original, &batch.prompts)?;
        let (_, looked) = study.predict_watched(study.original, batch, context);
        let level = |attended: &Attended| size(attended.queries.dims()[1]);
        let nearness = |(h, w): (usize, usize)| (h.min(w) as f64 / SIDE).ln().abs();
        let sizes = looked.iter().filter_map(level);
        let chosen = sizes.min_by(|a, b| nearness(*a).total_cmp(&nearness(*b)));
        let chosen = chosen.ok_or_else(|| Error::Input {
            file: "the model".to_owned(),
            thing: "its denoiser looks at no prompt".to_owned(),
            remedy: "use a method that needs no cross-attention".to_owned(),
        })?;
        let rows = batch.prompts.len();
        let pixels = chosen.0 * chosen.1;
        let mut maps = vec![0.0_f64; rows * pixels];
        let of_level: Vec<&Attended> =
            looked.iter().filter(|one| level(one) == Some(chosen)).collect();
        for attended in &of_level {
            let map = attended.map().inner().mean_dim(1); // over heads
            for (row, prompt) in batch.prompts.iter().enumerate() {
                let (_, name) = wording::must_name(scene.concepts, prompt)?;
                let places = study.sd.tokenizer.positions(prompt, name)?;
                let Some(place) = places.first() else { continue };
                let own = map.clone().narrow(0, row, 1).narrow(3, place.start, place.len());
                let own: Vec<f32> =
                    own.mean_dim(3).into_data().convert::<f32>().try_into_vec().expect("floats");
                let into = maps[row * pixels..][..pixels].iter_mut();
                into.zip(own)
                    .for_each(|(sum, value)| *sum += f64::from(value) / of_level.len() as f64);
            }
        }
        let values = maps.chunks_exact(pixels).flat_map(|map| away(map, threshold)).collect();
        Ok(Self { values, rows, size: chosen, like: batch.latents.clone() })
    }

    /// At another level, by nearest neighbours: (rows, pixels).
    fn at(&self, (height, width): (usize, usize)) -> Tensor<2> {
        let (h, w) = self.size;
        let value = |at: usize| {
            let (row, pixel) = (at / (height * width), at % (height * width));
            let (y, x) = (pixel / width * h / height, pixel % width * w / width);
            self.values[row * h * w + y * w + x]
        };
        let shape = [self.rows, height * width];
        let values: Vec<f32> = (0..shape[0] * shape[1]).map(value).collect();
        Tensor::from_data(TensorData::new(values, shape), (&self.like.device(), self.like.dtype()))
    }
}

/// 1 for the pixels that look less than `threshold` of the way from the least to the most.
fn away(map: &[f64], threshold: f64) -> Vec<f32> {
    let least = map.iter().copied().fold(f64::INFINITY, f64::min);
    let most = map.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let looks = |value: &f64| (value - least) / (most - least).max(1e-30) >= threshold;
    map.iter().map(|value| if looks(value) { 0.0 } else { 1.0 }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_looks_least_is_away() {
        assert_eq!(super::away(&[0.2, 0.25, 0.5, 1.2], 0.1), [1.0, 1.0, 0.0, 0.0]);
    }
}
