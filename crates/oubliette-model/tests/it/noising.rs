//! Noise levels, noised samples and training targets of every beta schedule.

use std::path::Path;

use oubliette_model::schedule::{NoiseSchedule, ScheduleConfig};
use serde_json::json;

use crate::golden::{Tensors, near};

#[test]
fn every_beta_schedule_noises_as_diffusers_does() {
    let golden = Tensors::open("noising.safetensors");
    let times: Vec<usize> = golden.numbers("t").into_iter().map(|t| t as usize).collect();
    for beta in ["linear", "scaled_linear", "squaredcos_cap_v2"] {
        for zero in [false, true] {
            let name = format!("{beta}{}", if zero { ".zero-snr" } else { "" });
            let config = json!({
                "beta_schedule": beta, "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000,
                "prediction_type": "v_prediction", "rescale_betas_zero_snr": zero,
            });
            let config =
                ScheduleConfig::parse(config.to_string().as_bytes(), Path::new(&name)).unwrap();
            let schedule = NoiseSchedule::new(&config).unwrap();
            let key = format!("{name}.alphas_cumprod");
            near(&key, schedule.alphas_cumprod(), &golden.numbers(&key), 1e-6);
            let (x, noise) = (golden.floats("x"), golden.floats("noise"));
            let noised = schedule.add_noise(x, noise, &times);
            golden.expect(&format!("{name}.noised"), noised);
            let target = schedule.target(golden.floats("x"), golden.floats("noise"), &times);
            golden.expect(&format!("{name}.velocity"), target);
        }
    }
}
