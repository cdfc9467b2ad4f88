//! PNDM: pseudo linear multistep sampling, with or without Runge-Kutta warm-up (Liu et al. 2022, arXiv 2202.09778, algorithm 2).

use burn::tensor::Tensor;

use super::{
    Entry, Prediction, Sampler, ScheduleConfig, Steps, checked_steps, noise, noise_of, spacing,
};
use crate::error::{Error, Result};

pub(super) const ENTRY: Entry = Entry { name: "pndm", class: "PNDMScheduler", build };

/// Model outputs that the multistep formula of order four looks back on.
const ORDER: usize = 4;

struct Pndm {
    times: Vec<f32>,
    /// How many of the calls belong to the Runge-Kutta warm-up.
    warm_up: usize,
    stride: usize,
    cumulative: Vec<f32>,
    last: f32,
    prediction: Prediction,
    outputs: Vec<Tensor<4>>,
    /// The latents that a half step starts from again.
    anchor: Option<Tensor<4>>,
    /// The weighted sum of outputs within one Runge-Kutta step.
    sum: Option<Tensor<4>>,
}

fn build(config: &ScheduleConfig, steps: Steps) -> Result<Box<dyn Sampler>> {
    let skip = config.skip_prk_steps.unwrap_or(false);
    let count = checked_steps(config, steps, if skip { 1 } else { ORDER })?;
    config.refuse_unsupported()?;
    if config.prediction() == Prediction::Sample {
        return Err(Error::setting(
            "sampler",
            "`pndm` does not run models that predict the clean sample",
            "sample with ddim or ddpm",
        ));
    }
    // diffusers' PNDM does not know zero-SNR rescaling, and a schedule without signal at its end would divide by zero.
    let cumulative = noise::alphas_cumprod(&noise::betas(config), false);
    let last = if config.set_alpha_to_one.unwrap_or(false) { 1.0 } else { cumulative[0] };
    let stride = config.train_timesteps() / count;
    let visits = spacing::whole(config, count)?;
    let (times, warm_up) =
        if skip { (multistep(&visits), 0) } else { runge_kutta(&visits, stride) };
    if times.iter().any(|t| *t >= cumulative.len()) {
        return Err(Error::setting(
            "steps",
            format!("is {count}, and the Runge-Kutta warm-up would start before the schedule does"),
            "set `skip_prk_steps` in the scheduler's config",
        ));
    }
    Ok(Box::new(Pndm {
        times: times.into_iter().map(|t| t as f32).collect(),
        warm_up,
        stride,
        cumulative,
        last,
        prediction: config.prediction(),
        outputs: Vec::new(),
        anchor: None,
        sum: None,
    }))
}

/// Latest first; the second visit happens twice, because the first multistep step has nothing to look back on.
fn multistep(visits: &[usize]) -> Vec<usize> {
    let twice = visits.get(1).copied();
    let mut times: Vec<usize> = visits[..1].to_vec();
    times.extend(twice);
    times.extend_from_slice(&visits[1..]);
    times
}

/// Three Runge-Kutta steps of four calls over the first visits, then one call a visit.
fn runge_kutta(visits: &[usize], stride: usize) -> (Vec<usize>, usize) {
    let mut times = Vec::new();
    for pair in visits[..ORDER].windows(2) {
        let half = pair[1] + stride / 2;
        times.extend([pair[0], half, half, pair[1]]);
    }
    let warm_up = times.len();
    times.extend_from_slice(&visits[ORDER - 1..]);
    (times, warm_up)
}

impl Sampler for Pndm {
    fn timesteps(&self) -> &[f32] {
        &self.times
    }

    fn step(
        &mut self,
        index: usize,
        output: Tensor<4>,
        x: Tensor<4>,
        _noise: Option<Tensor<4>>,
    ) -> Tensor<4> {
        let time = self.times[index] as usize;
        if index < self.warm_up {
            return self.runge_kutta_step(index, time, output, x);
        }
        self.multistep_step(index, time, output, x)
    }
}

impl Pndm {
    fn runge_kutta_step(
        &mut self,
        index: usize,
        time: usize,
        output: Tensor<4>,
        x: Tensor<4>,
    ) -> Tensor<4> {
        let start = self.times[index / 4 * 4] as usize;
        let to = time.checked_sub(if index.is_multiple_of(2) { self.stride / 2 } else { 0 });
        let weight = if matches!(index % 4, 0 | 3) { 1.0 / 6.0 } else { 1.0 / 3.0 };
        let weighted = output.clone() * weight;
        let sum = match self.sum.take() {
            Some(sum) => sum + weighted,
            None => weighted,
        };
        if index.is_multiple_of(4) {
            self.outputs.push(output.clone());
            self.anchor = Some(x.clone());
        }
        let from = self.anchor.clone().unwrap_or(x);
        if index % 4 == 3 {
            return self.move_to(from, start, to, sum);
        }
        self.sum = Some(sum);
        self.move_to(from, start, to, output)
    }

    fn multistep_step(
        &mut self,
        index: usize,
        time: usize,
        output: Tensor<4>,
        x: Tensor<4>,
    ) -> Tensor<4> {
        let second_visit = self.warm_up == 0 && index == 1;
        if second_visit {
            let mean = (output + self.outputs[0].clone()) / 2.0;
            let from = self.anchor.take().unwrap_or(x);
            return self.move_to(from, time + self.stride, Some(time), mean);
        }
        let keep = self.outputs.len().saturating_sub(ORDER - 1);
        self.outputs.drain(..keep);
        self.outputs.push(output);
        if self.warm_up == 0 && index == 0 {
            self.anchor = Some(x.clone());
        }
        let combined = self.combined();
        self.move_to(x, time, time.checked_sub(self.stride), combined)
    }

    /// The Adams-Bashforth combination of the last outputs.
    fn combined(&self) -> Tensor<4> {
        let weights: &[f32] = match self.outputs.len() {
            1 => &[1.0],
            2 => &[-1.0 / 2.0, 3.0 / 2.0],
            3 => &[5.0 / 12.0, -16.0 / 12.0, 23.0 / 12.0],
            _ => &[-9.0 / 24.0, 37.0 / 24.0, -59.0 / 24.0, 55.0 / 24.0],
        };
        let terms =
            self.outputs.iter().zip(weights).map(|(output, weight)| output.clone() * *weight);
        terms.reduce(|a, b| a + b).expect("an output was pushed before")
    }

    /// The paper's transfer part, equation 9: from time `from` to time `to` (None: past the end) along an output.
    fn move_to(
        &self,
        x: Tensor<4>,
        from: usize,
        to: Option<usize>,
        output: Tensor<4>,
    ) -> Tensor<4> {
        // The second visit may start beyond the last training time on very short runs.
        let alpha = self.cumulative[from.min(self.cumulative.len() - 1)];
        let next = to.map_or(self.last, |t| self.cumulative[t]);
        let noise = noise_of(self.prediction, output, x.clone(), alpha);
        let denominator = alpha * (1.0 - next).sqrt() + (alpha * (1.0 - alpha) * next).sqrt();
        x * (next / alpha).sqrt() - noise * ((next - alpha) / denominator)
    }
}
