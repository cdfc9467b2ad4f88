//! DDIM: implicit sampling with a share `eta` of fresh noise (Song, Meng and Ermon 2021, arXiv 2010.02502, equation 12).

use burn::tensor::Tensor;

use super::{
    Entry, Prediction, Sampler, ScheduleConfig, Steps, checked_steps, noise, noise_of, origin,
    spacing,
};
use crate::error::Result;

pub(super) const ENTRY: Entry = Entry { name: "ddim", class: "DDIMScheduler", build };

struct Ddim {
    times: Vec<f32>,
    /// Cumulative alpha at each call and at the time that the step goes to.
    alphas: Vec<(f32, f32)>,
    prediction: Prediction,
    clip: Option<f32>,
    eta: f32,
}

fn build(config: &ScheduleConfig, steps: Steps) -> Result<Box<dyn Sampler>> {
    let count = checked_steps(config, steps, 1)?;
    config.refuse_unsupported()?;
    let cumulative = noise::alphas_cumprod(
        &noise::betas(config),
        config.rescale_betas_zero_snr.unwrap_or(false),
    );
    let last = if config.set_alpha_to_one.unwrap_or(true) { 1.0 } else { cumulative[0] };
    let times = spacing::whole(config, count)?;
    let stride = config.train_timesteps() / count;
    let alphas = times
        .iter()
        .map(|t| (cumulative[*t], t.checked_sub(stride).map_or(last, |t| cumulative[t])));
    Ok(Box::new(Ddim {
        alphas: alphas.collect(),
        times: times.iter().map(|t| *t as f32).collect(),
        prediction: config.prediction(),
        clip: config.clip(),
        eta: steps.eta,
    }))
}

impl Sampler for Ddim {
    fn timesteps(&self) -> &[f32] {
        &self.times
    }

    fn takes_noise(&self, _index: usize) -> bool {
        self.eta > 0.0
    }

    fn step(
        &mut self,
        index: usize,
        output: Tensor<4>,
        x: Tensor<4>,
        noise: Option<Tensor<4>>,
    ) -> Tensor<4> {
        let (alpha, before) = self.alphas[index];
        let mut clean = origin(self.prediction, output.clone(), x.clone(), alpha);
        let direction = noise_of(self.prediction, output, x, alpha);
        if let Some(bound) = self.clip {
            clean = clean.clamp(-bound, bound);
        }
        let variance = (1.0 - before) / (1.0 - alpha) * (1.0 - alpha / before);
        let spread = self.eta * variance.sqrt();
        let next = clean * before.sqrt() + direction * (1.0 - before - spread * spread).sqrt();
        match noise {
            Some(noise) => next + noise * spread,
            None => next,
        }
    }
}
