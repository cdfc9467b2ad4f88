//! Losses, gradients, joint steps and closed forms of ways to forget against numbers computed apart, in f64: `goldens/erasure.py`.

use std::{collections::BTreeSet, path::PathBuf};

use burn::tensor::{Tensor, TensorData};
use oubliette_lab::{
    Study,
    methods::{Pair, Uce, closed_form, revive},
    parts::{
        Sides,
        anchor::{Anchor, Nothing, Prompt},
        combiner::{Combiner as _, Restricted},
        objective::{AnchorMatch, GuidanceReversal, Objective, Scene},
        source::Batch,
    },
};
use oubliette_model::{
    Weight, Weights,
    device::DeviceKind,
    families::{LoadOptions, StableDiffusion},
    train::value_and_gradients,
};
use safetensors::SafeTensors;
use serde_json::Value;

fn goldens() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../goldens/data")
}

/// The reference tensors, which are f64: no model's weights, so the model core does not read them.
struct Reference(Vec<u8>);

impl Reference {
    fn names(&self) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let mut names: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
        names.sort();
        names
    }

    fn read(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let bytes = file.tensor(name).unwrap().data().as_chunks::<8>().0.to_vec();
        bytes.into_iter().map(|eight| f64::from_le_bytes(eight) as f32).collect()
    }
}

fn tiny() -> (StableDiffusion, Reference, Value) {
    let options = LoadOptions::on(DeviceKind::Flex.open().unwrap());
    let sd = StableDiffusion::load(&goldens().join("tiny-sd1"), &options).unwrap();
    let file = Reference(std::fs::read(goldens().join("erasure.safetensors")).unwrap());
    let said = std::fs::read_to_string(goldens().join("erasure.json")).unwrap();
    (sd, file, serde_json::from_str(&said).unwrap())
}

/// How far `found` is from `wanted`, relative to the latter's norm.
fn distance(found: &[f32], wanted: &[f32]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    let square = |x: f64| x * x;
    let apart: f64 = found.iter().zip(wanted).map(|(a, b)| square(f64::from(a - b))).sum();
    let norm: f64 = wanted.iter().map(|b| square(f64::from(*b))).sum();
    (apart / norm.max(1e-30)).sqrt()
}

/// The student of the reference, which has moved a little, and what of it is trained.
fn student(sd: &StableDiffusion, file: &Reference) -> (Weights, BTreeSet<String>) {
    let (mut student, mut names) = (sd.weights.clone(), BTreeSet::new());
    for key in file.names().iter().filter_map(|key| key.strip_prefix("esd.student/")) {
        let name = format!("unet/{key}");
        let values = file.read(&format!("esd.student/{key}"));
        let old = student.get(&name).unwrap();
        let moved = Weight::from_f32(values, old.shape(), &old.device(), old.dtype());
        student.insert(name.clone(), moved);
        names.insert(name);
    }
    assert!(names.len() > 10, "{}", names.len());
    (student, names)
}

fn batch(sd: &StableDiffusion, file: &Reference, said: &Value) -> Batch {
    let x = TensorData::new(file.read("esd.x"), [2, 4, 8, 8]);
    Batch {
        latents: Tensor::from_data(x, sd.device()),
        timesteps: Tensor::from_data(TensorData::new(vec![120.0f32, 740.0], [2]), sd.device()),
        prompts: vec![said["esd"]["concept"].as_str().unwrap().to_owned(); 2],
        target: None,
    }
}

/// Checks a loss and its gradients against `part` of the reference.
fn has_the_reference(part: &str, anchor: &dyn Anchor, loss: &dyn Objective) {
    let (sd, file, said) = tiny();
    let (student, names) = student(&sd, &file);
    let batch = batch(&sd, &file, &said);
    let study = Study::new(&sd, &sd.weights, None, &names, &student);
    let scene = Scene { study: &study, concepts: &[], anchor, batch: &batch };
    let (value, gradients) =
        value_and_gradients(&student, &names, |weights| Ok(loss.loss(&scene, weights).unwrap()))
            .unwrap();
    let wanted = said[part]["loss"].as_f64().unwrap();
    assert!((value - wanted).abs() < 1e-4 * wanted, "{value} is not {wanted}");
    for (name, gradient) in &gradients {
        let key = name.replacen("unet/", &format!("{part}.gradient/"), 1);
        let apart = distance(&gradient.to_f32_vec(), &file.read(&key));
        assert!(apart < 1e-3, "{name}: {apart}");
    }
}

#[test]
fn esd_has_the_reference_loss_and_gradients() {
    has_the_reference("esd", &Nothing {}, &GuidanceReversal::default());
}

#[test]
fn concept_ablation_has_the_reference_loss_and_gradients() {
    let (_, _, said) = tiny();
    let text = said["ca"]["anchor"].as_str().unwrap().to_owned();
    has_the_reference("ca", &Prompt { text }, &AnchorMatch::default());
}

#[test]
fn the_restricted_gradient_is_the_reference_step() {
    let (sd, file, said) = tiny();
    let (student, names) = student(&sd, &file);
    let said = &said["restricted"];
    let sign = said["sign"].as_f64().unwrap() as f32;
    let side = |prefix: &str, sign: f32| {
        let gradient = |name: &String| {
            let values = file.read(&name.replacen("unet/", prefix, 1));
            let old = student.get(name).unwrap();
            let values = values.into_iter().map(|value| sign * value).collect();
            (name.clone(), Weight::from_f32(values, old.shape(), &old.device(), old.dtype()))
        };
        names.iter().map(gradient).collect::<Weights>()
    };
    let sides = Sides {
        forget: Some(side("esd.gradient/", 1.0)),
        retain: Some(side("ca.gradient/", sign)),
        memory: Vec::new(),
    };
    let mut combiner =
        Restricted { alpha: said["alpha"].as_f64().unwrap(), ..Restricted::default() };
    for (name, step) in &combiner.combine(sides).unwrap() {
        let wanted = file.read(&name.replacen("unet/", "restricted/", 1));
        let apart = distance(&step.to_f32_vec(), &wanted);
        assert!(apart < 1e-4, "{name}: {apart}");
    }
}

/// Edits and kept embeddings of the reference; they stand where the golden file says, since which place an empty text has is the
/// method's own matter.
fn embedded(sd: &StableDiffusion, said: &Value) -> (Vec<Vec<Pair>>, Vec<Vec<f64>>) {
    let said = &said["uce"];
    let embedding = |phrase: &str| -> Vec<f64> {
        let context = sd.encode_prompts(&sd.weights, &[phrase.to_owned()]).unwrap();
        let width = context.dims()[2];
        let place = said["places"][phrase].as_u64().unwrap() as usize;
        let values = Weight::new(context).to_f32_vec();
        values[place * width..][..width].iter().copied().map(f64::from).collect()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pair = |pair: &Value| {
        vec![Pair { from: embedding(&text(&pair[0])), to: embedding(&text(&pair[1])) }]
    };
    let edits = said["erase"].as_array().unwrap().iter().map(pair).collect();
    let kept = said["keep"].as_array().unwrap().iter().map(|phrase| embedding(&text(phrase)));
    (edits, kept.collect())
}

/// The matrices that the reference has edited, by name, as rows and values.
fn matrices(
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
    assert!(all.len() > 3, "{}", all.len());
    all
}

fn is_near(file: &Reference, key: &str, new: &[f64]) {
    let new: Vec<f32> = new.iter().map(|value| *value as f32).collect();
    let apart = distance(&new, &file.read(key));
    assert!(apart < 1e-4, "{key}: {apart}");
}

#[test]
fn uce_has_the_reference_matrices() {
    let (sd, file, said) = tiny();
    let (edits, kept) = embedded(&sd, &said);
    for (key, (rows, old)) in matrices(&sd, &file, "uce/") {
        is_near(&file, &key, &closed_form(&old, rows, &edits, &kept, &Uce::default()).unwrap());
    }
}

#[test]
fn rece_has_the_reference_matrices() {
    let (sd, file, said) = tiny();
    let (edits, kept) = embedded(&sd, &said);
    let (names, old): (Vec<_>, Vec<_>) = matrices(&sd, &file, "rece/").into_iter().unzip();
    let edited = |from: &[(usize, Vec<f64>)], edits: &[Vec<Pair>]| -> Vec<(usize, Vec<f64>)> {
        let new = |(rows, matrix): &(usize, Vec<f64>)| {
            (*rows, closed_form(matrix, *rows, edits, &kept, &Uce::default()).unwrap())
        };
        from.iter().map(new).collect()
    };
    let mut new = edited(&old, &edits);
    for _ in 0..said["rece"]["rounds"].as_u64().unwrap() {
        let regulariser = said["rece"]["regulariser"].as_f64().unwrap();
        new = edited(&new, &revive(&old, &new, &edits, regulariser));
    }
    for (name, (_, new)) in names.iter().zip(&new) {
        is_near(&file, name, new);
    }
}
