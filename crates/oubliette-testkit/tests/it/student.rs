//! A tiny model, its student that has moved a little, and what `goldens/objectives.py` says of them.

use std::{collections::BTreeSet, path::PathBuf};

use burn::tensor::{Tensor, TensorData};
use oubliette_evidence::Concept;
use oubliette_lab::parts::{
    Stateful as _,
    anchor::{Adversarial, Similarity},
    source::Batch,
};
use oubliette_model::{
    Weight, Weights,
    device::DeviceKind,
    families::{LoadOptions, StableDiffusion},
};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::reference::concept;

/// A tiny model, its student and what the reference says of them.
pub(crate) struct Bench {
    pub(crate) sd: StableDiffusion,
    pub(crate) student: Weights,
    file: Vec<u8>,
    pub(crate) said: Value,
}

impl Bench {
    pub(crate) fn of(model: &str) -> Self {
        let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../goldens/data");
        let options = LoadOptions::on(DeviceKind::Flex.open().unwrap());
        let sd = StableDiffusion::load(&data.join(model), &options).unwrap();
        let student = sd.weights.map(|name, weight| match name.contains(".attn2.") {
            true => moved(weight),
            false => weight.clone(),
        });
        let at = data.join(format!("of-{model}"));
        let said = std::fs::read_to_string(at.join("objectives.json")).unwrap();
        let file = std::fs::read(at.join("objectives.safetensors")).unwrap();
        Self { sd, student, file, said: serde_json::from_str(&said).unwrap() }
    }

    pub(crate) fn read(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.file).unwrap();
        let bytes = file.tensor(name).unwrap().data().as_chunks::<4>().0.to_vec();
        bytes.into_iter().map(f32::from_le_bytes).collect()
    }

    /// The weights whose gradients the reference has for one loss.
    pub(crate) fn seen(&self, loss: &str) -> BTreeSet<String> {
        let file = SafeTensors::deserialize(&self.file).unwrap();
        let prefix = format!("{loss}/");
        let names = file.names().into_iter().filter_map(|name| name.strip_prefix(&prefix));
        names.map(|name| format!("unet/{name}")).collect()
    }

    pub(crate) fn batch(&self) -> Batch {
        let device = self.sd.device();
        let picture = |name| TensorData::new(self.read(name), [2, 4, 8, 8]);
        let times = self.said["times"].as_array().unwrap().iter().map(|t| t.as_f64().unwrap());
        let times: Vec<f32> = times.map(|t| t as f32).collect();
        Batch {
            latents: Tensor::from_data(picture("x"), device),
            timesteps: Tensor::from_data(TensorData::new(times, [2]), device),
            prompts: vec![self.text("concept"); 2],
            target: Some(Tensor::from_data(picture("target"), device)),
            seen: None,
        }
    }

    /// A concept whose superclass is the anchor.
    pub(crate) fn concept(&self) -> Concept {
        let (name, anchor) = (self.text("name"), self.text("anchor"));
        concept(&name, anchor.trim_start_matches("a "))
    }

    /// The reference's shift for the tokens of some words: 0.1 sin(2 + 0.53 i) at the i-th place.
    pub(crate) fn shift(&self, words: &str) -> Weight {
        let tokens = self.sd.tokenizer.encode(words).unwrap().used - 2;
        let shape = [tokens, self.sd.text.config().width];
        let value = |place: usize| (0.1 * (2.0 + 0.53 * place as f64).sin()) as f32;
        let values = (0..shape.iter().product()).map(value).collect();
        Weight::from_f32(values, &shape, self.sd.device(), burn::tensor::DType::F32)
    }

    /// The shift of the concept's name, as an anchor that learns keeps it.
    pub(crate) fn shifts(&self) -> Weights {
        let name = self.text("name");
        let shift = self.shift(&name);
        [(name, shift)].into_iter().collect()
    }

    pub(crate) fn adversarial(&self, similarity: Similarity) -> Adversarial {
        let mut anchor = Adversarial::default();
        anchor.similarity = similarity;
        anchor.restore(&self.shifts()).unwrap();
        anchor
    }

    pub(crate) fn text(&self, key: &str) -> String {
        self.said[key].as_str().unwrap().to_owned()
    }
}

/// 0.02 sin(1 + 0.37 i) added at the i-th place.
fn moved(weight: &Weight) -> Weight {
    let shifted =
        weight.to_f32_vec().into_iter().enumerate().map(|(place, value)| {
            (f64::from(value) + 0.02 * (1.0 + 0.37 * place as f64).sin()) as f32
        });
    Weight::from_f32(shifted.collect(), weight.shape(), &weight.device(), weight.dtype())
}
