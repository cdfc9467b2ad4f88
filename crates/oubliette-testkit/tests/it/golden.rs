//! Losses, gradients, joint steps and closed forms of ways to forget against numbers computed apart, in f64: `goldens/erasure.py`.

use std::collections::BTreeSet;

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
use oubliette_model::{Weight, Weights, families::StableDiffusion, train::value_and_gradients};
use serde_json::Value;

use crate::reference::{Reference, distance, embedding, is_near, matrices, open};

fn tiny() -> (StableDiffusion, Reference, Value) {
    open("erasure")
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
        seen: None,
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
        relearn: None,
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
    let embedding = |phrase: &str| embedding(sd, phrase, &said["places"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pair = |pair: &Value| {
        vec![Pair { from: embedding(&text(&pair[0])), to: embedding(&text(&pair[1])) }]
    };
    let edits = said["erase"].as_array().unwrap().iter().map(pair).collect();
    let kept = said["keep"].as_array().unwrap().iter().map(|phrase| embedding(&text(phrase)));
    (edits, kept.collect())
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
