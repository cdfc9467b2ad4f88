//! What a `scheduler_config.json` says, and what its silence means to each diffusers class.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Entry;
use crate::error::{Error, Result};
use crate::store::{Folder, MAX_CONFIG_BYTES, parse_object, read_capped};

/// What the model's output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Prediction {
    /// The noise that was added.
    #[serde(rename = "epsilon")]
    Epsilon,
    /// `sqrt(ᾱ) noise − sqrt(1−ᾱ) clean` (Salimans and Ho 2022).
    #[serde(rename = "v_prediction")]
    Velocity,
    /// The clean latents.
    #[serde(rename = "sample")]
    Sample,
}

/// How the noise grows with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are diffusers' own")]
pub enum BetaSchedule {
    Linear,
    ScaledLinear,
    #[serde(rename = "squaredcos_cap_v2")]
    SquaredCosine,
    Sigmoid,
    Laplace,
}

/// How a short run's times are spread over the training times (table 2 of arXiv 2305.08891).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are diffusers' own")]
pub enum Spacing {
    Leading,
    Trailing,
    Linspace,
}

/// A `scheduler_config.json`: keys that it lacks stay `None` and mean what the diffusers class means by them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "the fields are diffusers' own keys")]
pub struct ScheduleConfig {
    #[serde(rename = "_class_name")]
    pub class: Option<String>,
    pub num_train_timesteps: Option<usize>,
    pub beta_start: Option<f64>,
    pub beta_end: Option<f64>,
    pub beta_schedule: Option<BetaSchedule>,
    pub trained_betas: Option<Vec<f32>>,
    pub prediction_type: Option<Prediction>,
    pub timestep_spacing: Option<Spacing>,
    pub steps_offset: Option<usize>,
    pub rescale_betas_zero_snr: Option<bool>,
    pub set_alpha_to_one: Option<bool>,
    pub skip_prk_steps: Option<bool>,
    pub clip_sample: Option<bool>,
    pub clip_sample_range: Option<f32>,
    pub thresholding: Option<bool>,
    pub variance_type: Option<String>,
    pub algorithm_type: Option<String>,
    pub solver_order: Option<usize>,
    pub solver_type: Option<String>,
    pub lower_order_final: Option<bool>,
    pub euler_at_final: Option<bool>,
    pub final_sigmas_type: Option<String>,
    pub lambda_min_clipped: Option<f32>,
    pub use_karras_sigmas: Option<bool>,
    pub use_exponential_sigmas: Option<bool>,
    pub use_beta_sigmas: Option<bool>,
    pub use_lu_lambdas: Option<bool>,
    pub use_flow_sigmas: Option<bool>,
    pub interpolation_type: Option<String>,
    pub timestep_type: Option<String>,
    pub sigma_min: Option<f64>,
    pub sigma_max: Option<f64>,
}

/// Keys that mean nothing to the samplers here: they belong to other classes, or to what is refused when it is switched on.
const IDLE: [&str; 16] = [
    "corrector_order",
    "disable_corrector",
    "dynamic_thresholding_ratio",
    "flow_shift",
    "noise_sampler_seed",
    "original_inference_steps",
    "predict_epsilon",
    "predict_x0",
    "predictor_order",
    "sample_max_value",
    "shift_terminal",
    "solver_p",
    "tau_func",
    "tensor_format",
    "time_shift_type",
    "timestep_scaling",
];

/// The whole file: the keys that are read, and all others.
#[derive(Deserialize)]
struct Whole {
    #[serde(flatten)]
    config: ScheduleConfig,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Whole {
    /// Refuses keys that might change what is sampled. A key that nobody knows says nothing where it is null or false.
    fn refuse_unknown(&self, file: &Path) -> Result<()> {
        if self.rest.get("predict_epsilon") == Some(&Value::Bool(false)) {
            let remedy = "say it as `prediction_type`: `sample`, and remove this key";
            return Err(Error::config(file, "predict_epsilon", "is false", remedy));
        }
        let says = |(key, value): &(&String, &Value)| {
            let known = key.starts_with('_') || IDLE.contains(&key.as_str());
            !known && !value.is_null() && value.as_bool() != Some(false)
        };
        self.rest.iter().find(says).map_or(Ok(()), |(key, _)| {
            let remedy = "remove it if it means nothing, else use a model without it";
            Err(Error::config(file, key, "is not known", remedy))
        })
    }
}

impl ScheduleConfig {
    /// Reads `scheduler_config.json` of a `scheduler/` folder.
    ///
    /// # Errors
    /// When it is missing or cannot be parsed.
    pub fn read(folder: &Folder) -> Result<Self> {
        let path = folder.path("scheduler_config.json")?;
        Self::parse(&read_capped(&path, MAX_CONFIG_BYTES)?, &path)
    }

    /// Parses the file. Python writes infinities that JSON does not have; they mean what the key's absence means.
    ///
    /// # Errors
    /// When it is not JSON, repeats a key, or has a key or a value that no scheduler has.
    pub fn parse(bytes: &[u8], file: &Path) -> Result<Self> {
        let refuse = |thing: String| {
            Error::file(file, thing, "use the scheduler folder that belongs to the model")
        };
        let text = std::str::from_utf8(bytes).map_err(|error| refuse(error.to_string()))?;
        let object = Value::Object(parse_object(file, without_infinities(text).as_bytes())?);
        let whole: Whole =
            serde_json::from_value(object).map_err(|error| refuse(error.to_string()))?;
        whole.refuse_unknown(file)?;
        let config = whole.config;
        let times = config.train_timesteps();
        let betas = config.trained_betas.as_ref();
        if !(1..=1_000_000).contains(&times) || betas.is_some_and(|betas| betas.len() != times) {
            return Err(refuse(format!(
                "{times} training timesteps with {} trained betas",
                betas.map_or(0, Vec::len)
            )));
        }
        let finite = [config.beta_start, config.beta_end]
            .into_iter()
            .flatten()
            .all(|beta| (0.0..1.0).contains(&beta));
        if !finite || betas.is_some_and(|betas| betas.iter().any(|beta| !(0.0..1.0).contains(beta)))
        {
            return Err(refuse("a beta outside 0..1".into()));
        }
        Ok(config)
    }

    /// The config as `StableDiffusionPipeline` uses it: whatever the folder says, times are shifted by one and the
    /// estimate of the clean latents is not clipped. Folders of 2022 were released without these two keys.
    #[must_use]
    pub fn for_stable_diffusion(mut self) -> Self {
        self.steps_offset = Some(1);
        self.clip_sample = Some(false);
        self
    }

    /// The config as a pipeline uses it whose index names that class: the class of the file itself is then left out of
    /// account, and keys that the file lacks mean what the other class means by them.
    #[must_use]
    pub fn of_class(mut self, class: Option<&str>) -> Self {
        self.class = class.map(str::to_owned).or(self.class);
        self
    }

    /// The sampler that the folder names.
    ///
    /// # Errors
    /// When it names none, or one that is not in the list.
    pub fn sampler(&self) -> Result<&'static Entry> {
        super::find(self.class.as_deref().unwrap_or("PNDMScheduler"))
    }

    /// How many noise levels the model was trained on.
    pub fn train_timesteps(&self) -> usize {
        self.num_train_timesteps.unwrap_or(1000)
    }

    /// What the model predicts.
    pub fn prediction(&self) -> Prediction {
        self.prediction_type.unwrap_or(Prediction::Epsilon)
    }

    /// The bound on the estimate of the clean latents, where the config asks for one.
    pub(super) fn clip(&self) -> Option<f32> {
        self.clip_sample.unwrap_or(true).then(|| self.clip_sample_range.unwrap_or(1.0))
    }

    /// Refuses what no sampler here does, rather than sampling something else in silence.
    pub(super) fn refuse_unsupported(&self) -> Result<()> {
        let set = [
            (
                "thresholding",
                self.thresholding,
                "dynamic thresholding is for pixel models; it has no meaning on latents",
            ),
            ("use_exponential_sigmas", self.use_exponential_sigmas, "use Karras sigmas or none"),
            ("use_beta_sigmas", self.use_beta_sigmas, "use Karras sigmas or none"),
            ("use_lu_lambdas", self.use_lu_lambdas, "use Karras sigmas or none"),
            (
                "use_flow_sigmas",
                self.use_flow_sigmas,
                "flow models are not Stable Diffusion 1 or 2",
            ),
        ];
        match set.into_iter().find(|(_, value, _)| value == &Some(true)) {
            Some((key, _, why)) => Err(Error::setting(
                key,
                "is set in the scheduler's config",
                format!("{why}; set it to false"),
            )),
            None => Ok(()),
        }
    }

    /// Refuses a setting outside the ones a sampler knows.
    pub(super) fn expect(key: &str, value: Option<&str>, known: &[&str]) -> Result<()> {
        match value {
            Some(value) if !known.contains(&value) => Err(Error::setting(
                key,
                format!("is `{value}` in the scheduler's config"),
                format!("this sampler knows {}", known.join(", ")),
            )),
            _ => Ok(()),
        }
    }
}

/// Python's `json` writes `-Infinity`, `Infinity` and `NaN` bare; JSON has `null`.
fn without_infinities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, part) in text.split('"').enumerate() {
        if at > 0 {
            out.push('"');
        }
        // Even parts lie outside strings; no key of a scheduler holds an escaped quote.
        match at % 2 {
            0 => out.push_str(
                &part
                    .replace("-Infinity", "null")
                    .replace("Infinity", "null")
                    .replace("NaN", "null"),
            ),
            _ => out.push_str(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ScheduleConfig> {
        ScheduleConfig::parse(text.as_bytes(), Path::new("scheduler_config.json"))
    }

    /// What diffusers writes for DPM-Solver, and keys of other classes that a folder may carry along.
    #[test]
    fn what_releases_carry_is_read() {
        let config = parse(
            r#"{
                "_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": "0.35.0",
                "_use_default_values": ["flow_shift"], "algorithm_type": "dpmsolver++",
                "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
                "clip_sample": false, "dynamic_thresholding_ratio": 0.995, "euler_at_final": false,
                "final_sigmas_type": "zero", "flow_shift": 1.0, "lambda_min_clipped": -Infinity,
                "lower_order_final": true, "num_train_timesteps": 1000, "predict_epsilon": true,
                "prediction_type": "v_prediction", "rescale_betas_zero_snr": false,
                "sample_max_value": 1.0, "set_alpha_to_one": false, "shift_terminal": null,
                "skip_prk_steps": true, "solver_order": 2, "solver_type": "midpoint",
                "steps_offset": 1, "tensor_format": "pt", "thresholding": false,
                "time_shift_type": "exponential", "timestep_spacing": "linspace",
                "trained_betas": null, "use_beta_sigmas": false, "use_dynamic_shifting": false,
                "use_exponential_sigmas": false, "use_flow_sigmas": false,
                "use_karras_sigmas": false, "use_lu_lambdas": false, "variance_type": null
            }"#,
        )
        .unwrap();
        assert_eq!((config.beta_end, config.steps_offset), (Some(0.012), Some(1)));
        assert_eq!((config.prediction(), config.lambda_min_clipped), (Prediction::Velocity, None));
        assert!(config.sampler().is_ok_and(|sampler| sampler.name == "dpm-solver++"));
    }

    #[test]
    fn what_may_change_the_pictures_is_refused() {
        for (text, key) in [
            (r#"{"timestep_shift": 3.0}"#, "`timestep_shift` is not known"),
            (r#"{"use_dynamic_shifting": true}"#, "`use_dynamic_shifting`"),
            (r#"{"predict_epsilon": false}"#, "`prediction_type`"),
        ] {
            let refused = parse(text).unwrap_err().to_string();
            assert!(refused.contains(key) && refused.contains("; "), "{refused}");
        }
    }
}
