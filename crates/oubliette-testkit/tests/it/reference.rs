//! The reference numbers under `goldens/data`, and how near ours are to them.

use std::path::PathBuf;

use oubliette_evidence::{Concept, document::Document};
use oubliette_model::{
    Weight,
    device::DeviceKind,
    families::{LoadOptions, StableDiffusion},
};
use safetensors::SafeTensors;
use serde_json::Value;

fn goldens() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../goldens/data")
}

/// The reference tensors, which are f64: no model's weights, so the model core does not read them.
pub(crate) struct Reference(Vec<u8>);

impl Reference {
    pub(crate) fn names(&self) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let mut names: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
        names.sort();
        names
    }

    pub(crate) fn read(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let bytes = file.tensor(name).unwrap().data().as_chunks::<8>().0.to_vec();
        bytes.into_iter().map(|eight| f64::from_le_bytes(eight) as f32).collect()
    }
}

/// The tiny model, and what `goldens/{name}.py` made of it.
pub(crate) fn open(name: &str) -> (StableDiffusion, Reference, Value) {
    let options = LoadOptions::on(DeviceKind::Flex.open().unwrap());
    let sd = StableDiffusion::load(&goldens().join("tiny-sd1"), &options).unwrap();
    let file = Reference(std::fs::read(goldens().join(format!("{name}.safetensors"))).unwrap());
    let said = std::fs::read_to_string(goldens().join(format!("{name}.json"))).unwrap();
    (sd, file, serde_json::from_str(&said).unwrap())
}

/// What the text encoder makes of a phrase's token, which stands where the golden file says.
pub(crate) fn embedding(sd: &StableDiffusion, phrase: &str, places: &Value) -> Vec<f64> {
    let context = sd.encode_prompts(&sd.weights, &[phrase.to_owned()]).unwrap();
    let width = context.dims()[2];
    let place = places[phrase].as_u64().unwrap() as usize;
    let values = Weight::new(context).to_f32_vec();
    values[place * width..][..width].iter().copied().map(f64::from).collect()
}

/// How far `found` is from `wanted`, relative to the latter's norm.
pub(crate) fn distance(found: &[f32], wanted: &[f32]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    let square = |x: f64| x * x;
    let apart: f64 = found.iter().zip(wanted).map(|(a, b)| square(f64::from(a - b))).sum();
    let norm: f64 = wanted.iter().map(|b| square(f64::from(*b))).sum();
    (apart / norm.max(1e-30)).sqrt()
}

/// The matrices that the reference has edited, by name, as rows and values.
pub(crate) fn matrices(
    sd: &StableDiffusion,
    file: &Reference,
    part: &str,
) -> Vec<(String, (usize, Vec<f64>))> {
    let names = file.names().into_iter().filter(|key| key.starts_with(part));
    let matrix = |key: String| {
        let old = sd.weights.get(&key.replacen(part, "unet/", 1)).unwrap();
        let values = old.to_f32_vec().into_iter().map(f64::from).collect();
        (key, (old.shape()[0], values))
    };
    let all: Vec<_> = names.map(matrix).collect();
    assert!(all.len() > 1, "{}", all.len());
    all
}

/// Refuses a matrix that is not the reference's, within 1e-4 of its norm.
pub(crate) fn is_near(file: &Reference, key: &str, new: &[f64]) {
    let new: Vec<f32> = new.iter().map(|value| *value as f32).collect();
    let apart = distance(&new, &file.read(key));
    assert!(apart < 1e-4, "{key}: {apart}");
}

/// A concept of one name, with a superclass and a neighbour.
pub(crate) fn concept(name: &str, superclass: &str) -> Concept {
    let keep = if name == "cat" { "dog" } else { "cat" };
    let text = format!(
        "schema = 1\nid = \"{}\"\nkind = \"object\"\nnames = [\"{name}\"]\nsuperclass = \"{superclass}\"\nkeep = [\"{keep}\"]\n\
         prompts = [\"a {{name}}\"]\n[[detector]]\nkind = \"clip\"\n[claim]\ntolerated = 0.05\nreturned = 0.3\n\
         false_alarm = 0.05\nmissed_return = 0.05\nkeep_margin = 0.05\n",
        name.replace(' ', "-")
    );
    Concept::parse(&Document::new("it.toml".as_ref(), text)).unwrap()
}
