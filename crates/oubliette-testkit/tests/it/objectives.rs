//! Every loss and its gradient against `goldens/objectives.py`, for a model that predicts noise and one that predicts v.

use std::{collections::BTreeSet, path::PathBuf};

use burn::tensor::{Tensor, TensorData};
use oubliette_evidence::Concept;
use oubliette_lab::{
    Study,
    lot::Lot,
    parts::{
        At, Stateful as _,
        anchor::{Adversarial, Anchor, Learning, Nothing, Prompt, Seen, Similarity},
        objective::{Disguised, OBJECTIVES, Objective, Scene, Under, goal, likeness},
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

use crate::reference::{concept, distance};

/// A reference loss: weighted objectives with their settings.
type Sum = &'static [(f64, &'static str, &'static str)];

const REFERENCES: &[(&str, Sum)] = &[
    (
        "advanchor",
        &[(1.0, "anchor_match", "teacher = 'original'"), (10.0, "distill", "under = 'superclass'")],
    ),
    ("anchor_match", &[(1.0, "anchor_match", "")]),
    ("anchor_match_original", &[(1.0, "anchor_match", "teacher = 'original'")]),
    ("attention_norm", &[(1.0, "attention_norm", "")]),
    ("distill", &[(1.0, "distill", "")]),
    // Two steps back from the concept's prediction are one step back from the empty prompt's.
    ("guidance_reversal", &[(1.0, "guidance_reversal", "eta = 2.0\nfrom = 'concept'")]),
    ("elastic", &[(1.0, "elastic", "survey = 1")]),
    ("guided_mse", &[(1.0, "guided_mse", "guidance = 7.5")]),
    ("l1_sp", &[(1.0, "l1_sp", "")]),
    ("l2_sp", &[(1.0, "l2_sp", "")]),
    ("noise_mse", &[(1.0, "noise_mse", "")]),
    ("salun", &[(1.0, "anchor_match", ""), (0.5, "noise_mse", "")]),
    ("sdd", &[(1.0, "anchor_match", "")]),
    ("sculpting", &[(1.0, "anchor_match", ""), (0.25, "noise_mse", ""), (0.25, "distill", "")]),
];

/// A tiny model, its student and what the reference says of them.
struct Bench {
    sd: StableDiffusion,
    student: Weights,
    file: Vec<u8>,
    said: Value,
}

impl Bench {
    fn of(model: &str) -> Self {
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

    fn read(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.file).unwrap();
        let bytes = file.tensor(name).unwrap().data().as_chunks::<4>().0.to_vec();
        bytes.into_iter().map(f32::from_le_bytes).collect()
    }

    /// The weights whose gradients the reference has for one loss.
    fn seen(&self, loss: &str) -> BTreeSet<String> {
        let file = SafeTensors::deserialize(&self.file).unwrap();
        let prefix = format!("{loss}/");
        let names = file.names().into_iter().filter_map(|name| name.strip_prefix(&prefix));
        names.map(|name| format!("unet/{name}")).collect()
    }

    fn batch(&self) -> Batch {
        let device = self.sd.device();
        let picture = |name| TensorData::new(self.read(name), [2, 4, 8, 8]);
        let times = self.said["times"].as_array().unwrap().iter().map(|t| t.as_f64().unwrap());
        let times: Vec<f32> = times.map(|t| t as f32).collect();
        Batch {
            latents: Tensor::from_data(picture("x"), device),
            timesteps: Tensor::from_data(TensorData::new(times, [2]), device),
            prompts: vec![self.text("concept"); 2],
            target: Some(Tensor::from_data(picture("target"), device)),
        }
    }

    /// A concept whose superclass is the anchor.
    fn concept(&self) -> Concept {
        let (name, anchor) = (self.text("name"), self.text("anchor"));
        concept(&name, anchor.trim_start_matches("a "))
    }

    /// The reference's shift for the tokens of some words: 0.1 sin(2 + 0.53 i) at the i-th place.
    fn shift(&self, words: &str) -> Weight {
        let tokens = self.sd.tokenizer.encode(words).unwrap().used - 2;
        let shape = [tokens, self.sd.text.config().width];
        let value = |place: usize| (0.1 * (2.0 + 0.53 * place as f64).sin()) as f32;
        let values = (0..shape.iter().product()).map(value).collect();
        Weight::from_f32(values, &shape, self.sd.device(), burn::tensor::DType::F32)
    }

    fn adversarial(&self, similarity: Similarity) -> Adversarial {
        let shift = self.shift(&self.text("name"));
        let mut anchor = Adversarial::default();
        anchor.similarity = similarity;
        anchor.restore(&[(self.text("name"), shift)].into_iter().collect()).unwrap();
        anchor
    }

    fn text(&self, key: &str) -> String {
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

fn check(bench: &Bench, loss: &str, parts: &mut [(f64, Box<dyn Objective>)]) {
    let anchor: Box<dyn Anchor> = match loss {
        "sdd" => Box::new(Nothing {}),
        "advanchor" => Box::new(bench.adversarial(Similarity::Guidance)),
        _ => Box::new(Prompt { text: bench.text("anchor") }),
    };
    check_with(bench, loss, &*anchor, parts);
}

fn check_with(
    bench: &Bench,
    loss: &str,
    anchor: &dyn Anchor,
    parts: &mut [(f64, Box<dyn Objective>)],
) {
    let (seen, batch) = (bench.seen(loss), bench.batch());
    assert!(seen.len() >= 4, "{loss}: {seen:?}");
    let (sd, concepts) = (&bench.sd, [bench.concept()]);
    let study = Study::new(sd, &sd.weights, None, &seen, &bench.student);
    let scene = Scene { study: &study, concepts: &concepts, anchor, batch: &batch };
    for (_, part) in parts.iter_mut().filter(|(_, part)| part.survey() > 0) {
        part.look(&scene, &seen).unwrap();
    }
    let (value, gradients) = value_and_gradients(&bench.student, &seen, |student| {
        let one = |(weight, part): &(f64, Box<dyn Objective>)| {
            part.loss(&scene, student).unwrap() * *weight
        };
        Ok(parts.iter().map(one).reduce(|sum, one| sum + one).unwrap())
    })
    .unwrap();
    let wanted = bench.said["losses"][loss].as_f64().unwrap();
    assert!((value - wanted).abs() < 1e-4 * wanted.abs(), "{loss}: {value} is not {wanted}");
    for (name, gradient) in &gradients {
        let wanted = bench.read(&name.replacen("unet/", &format!("{loss}/"), 1));
        let apart = distance(&gradient.to_f32_vec(), &wanted);
        assert!(apart < 1e-3, "{loss}, {name}: {apart}");
    }
}

#[test]
fn losses_and_gradients_are_the_reference() {
    for model in ["tiny-sd1", "tiny-sd2"] {
        let bench = Bench::of(model);
        let known = bench.said["losses"].as_object().unwrap();
        let tried: BTreeSet<_> = REFERENCES.iter().map(|(loss, _)| (*loss).to_owned()).collect();
        // The disguise has a test of its own.
        let own = |key: &&String| !key.contains('/') && *key != "disguised";
        let losses = known.keys().filter(own).cloned().collect();
        assert_eq!(tried, losses, "every reference is tried");
        for (loss, sum) in REFERENCES {
            let build = |(weight, name, settings): &(f64, &str, &str)| {
                (*weight, OBJECTIVES.build(name, settings.parse().unwrap()).unwrap())
            };
            check(&bench, loss, &mut sum.iter().map(build).collect::<Vec<_>>());
        }
    }
}

#[test]
fn the_adversarial_anchor_learns_from_the_reference_likeness() {
    for model in ["tiny-sd1", "tiny-sd2"] {
        let bench = Bench::of(model);
        let (batch, concepts) = (bench.batch(), [bench.concept()]);
        let nothing = BTreeSet::new();
        let study = Study::new(&bench.sd, &bench.sd.weights, None, &nothing, &bench.sd.weights);
        let at = At { step: 0, begins: 0, steps: 1 };
        let from =
            Learning { study: &study, concepts: &concepts, batch: &batch, at, lot: Lot::new(0) };
        let seen = Seen::of(&from, Under::Superclass).unwrap();
        for (name, similarity) in
            [("prediction", Similarity::Prediction), ("guidance", Similarity::Guidance)]
        {
            let anchor = bench.adversarial(similarity);
            let shifts = anchor.state();
            let moving = shifts.names().map(str::to_owned).collect();
            let (value, gradients) = value_and_gradients(&shifts, &moving, |shifts| {
                Ok(anchor.likeness(&from, &seen, shifts).unwrap())
            })
            .unwrap();
            let key = format!("likeness/{name}");
            let wanted = bench.said["losses"][&key].as_f64().unwrap();
            assert!((value - wanted).abs() < 1e-4 * wanted.abs(), "{key}: {value} not {wanted}");
            let found = gradients.get(&bench.text("name")).unwrap().to_f32_vec();
            let apart = distance(&found, &bench.read(&key));
            assert!(apart < 1e-3, "{model}, {key}: {apart}");
        }
    }
}

#[test]
fn a_disguise_is_sought_and_seen_through_as_in_the_reference() {
    for model in ["tiny-sd1", "tiny-sd2"] {
        let bench = Bench::of(model);
        let shift = bench.shift(&bench.text("word"));
        let disguised = Disguised::default().behind(shift.clone());
        check_with(&bench, "disguised", &Nothing {}, &mut [(1.0, Box::new(disguised))]);

        let (batch, concepts) = (bench.batch(), [bench.concept()]);
        let study =
            Study::new(&bench.sd, &bench.sd.weights, None, &BTreeSet::new(), &bench.sd.weights);
        let scene =
            Scene { study: &study, concepts: &concepts, anchor: &Nothing {}, batch: &batch };
        let goal = goal(&scene).unwrap();
        let shifts: Weights = [("word".to_owned(), shift)].into_iter().collect();
        let moving = ["word".to_owned()].into();
        let (value, gradients) = value_and_gradients(&shifts, &moving, |shifts| {
            let shift = shifts.get("word").unwrap();
            Ok(likeness(&scene, &bench.student, shift, &goal).unwrap())
        })
        .unwrap();
        let wanted = bench.said["losses"]["likeness/word"].as_f64().unwrap();
        assert!((value - wanted).abs() < 1e-4 * wanted.abs(), "{value} is not {wanted}");
        let found = gradients.get("word").unwrap().to_f32_vec();
        let apart = distance(&found, &bench.read("likeness/word"));
        assert!(apart < 1e-3, "{model}: {apart}");
    }
}
