//! Safe latent guidance (arXiv 2211.05105, equations 3 to 8): where the prompt's prediction comes near a text's, guidance
//! is turned away from the text, with a momentum over the calls.

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SafeLatent {
    /// What pictures are led away from.
    pub text: String,
    /// Calls of the denoiser before guidance is corrected; momentum is gathered from the first one on. 0 to 1000.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub warmup: u32,
    /// How fast the correction grows with the distance between the prompt's and the text's prediction, up to the whole
    /// difference. 0 to 1000000; at 0, with no momentum, nothing is corrected.
    #[schemars(extend("minimum" = 0, "maximum" = 1000000))]
    pub scale: f64,
    /// Numbers are corrected where the prompt's prediction is less than this above the text's. -100 to 100.
    #[schemars(extend("minimum" = -100, "maximum" = 100))]
    pub threshold: f64,
    /// How much of the momentum is added to the correction. 0 to 1.
    #[schemars(extend("minimum" = 0, "maximum" = 1))]
    pub momentum_scale: f64,
    /// How much of the momentum is kept from call to call. 0 to below 1.
    #[schemars(extend("minimum" = 0, "exclusiveMaximum" = 1))]
    pub momentum_beta: f64,
}

/// The momentum of every picture of a batch, (pictures, channels, height, width); none before the first call.
#[derive(Clone, Debug, Default)]
pub struct Momentum(Option<Tensor<4>>);

impl SafeLatent {
    /// Settings that correct nothing, of a policy without a text.
    pub const IDLE: Self = Self {
        text: String::new(),
        warmup: 0,
        scale: 0.0,
        threshold: 0.0,
        momentum_scale: 0.0,
        momentum_beta: 0.0,
    };

    /// The direction that the guidance scale multiplies in call `call`, (pictures, channels, height, width): from
    /// `without` a prompt to the prediction `with` it, less the correction away from the prediction of the policy's text.
    pub fn direction(
        &self,
        call: usize,
        [without, with, text]: [Tensor<4>; 3],
        momentum: &mut Momentum,
    ) -> Tensor<4> {
        let apart = with.clone() - text.clone();
        let far = apart.clone().greater_equal_elem(self.threshold);
        let strength = (apart.abs() * self.scale).clamp_max(1.0).mask_fill(far, 0.0);
        let before = momentum.0.take().unwrap_or_else(|| without.zeros_like());
        let correction = (text - without.clone()) * strength + before.clone() * self.momentum_scale;
        let kept = before * self.momentum_beta;
        momentum.0 = Some(kept + correction.clone() * (1.0 - self.momentum_beta));
        let direction = with - without;
        if call < self.warmup as usize { direction } else { direction - correction }
    }

    /// The number that cannot be used, if there is one: its key, what is wrong, and what it must be.
    pub(super) fn fault(&self) -> Option<(&'static str, String, &'static str)> {
        let share = "give a number from 0 to 1";
        let checks = [
            ("warmup", f64::from(self.warmup), 0.0..=1000.0, "give a whole number from 0 to 1000"),
            ("scale", self.scale, 0.0..=1e6, "give a number from 0 to 1000000"),
            ("threshold", self.threshold, -100.0..=100.0, "give a number from -100 to 100"),
            ("momentum_scale", self.momentum_scale, 0.0..=1.0, share),
            (
                "momentum_beta",
                self.momentum_beta,
                0.0..=1.0 - f64::EPSILON,
                "give a number from 0 to below 1",
            ),
        ];
        let wrong = checks.into_iter().find(|(_, value, range, _)| !range.contains(value));
        wrong.map(|(key, value, _, wanted)| (key, format!("is {value}"), wanted))
    }
}
