//! What is attached to a denoiser, and the losses that it is trained with, against `goldens/attached.py`.

use std::{collections::BTreeMap, collections::BTreeSet, path::PathBuf};

use burn::tensor::{DType, Device, Tensor};
use oubliette_evidence::Concept;
use oubliette_lab::{
    Study,
    parts::{
        anchor::Nothing,
        objective::{Appended, GuidanceReversal, LatentAnchor, Objective, Scene},
    },
};
use oubliette_model::{
    Weight, Weights,
    attached::{Attached, Gates, adapter_names, eraser_name, strengths},
    families::StableDiffusion,
    train::value_and_gradients,
};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::{reference::distance, student::Bench};

struct Reference {
    file: Vec<u8>,
    said: Value,
}

impl Reference {
    fn of(model: &str) -> Self {
        let at = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let at = at.join(format!("../../goldens/data/of-{model}/attached"));
        let file = std::fs::read(at.with_extension("safetensors")).unwrap();
        let said = std::fs::read_to_string(at.with_extension("json")).unwrap();
        Self { file, said: serde_json::from_str(&said).unwrap() }
    }

    fn read(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.file).unwrap();
        let bytes = file.tensor(name).unwrap().data().as_chunks::<4>().0.to_vec();
        bytes.into_iter().map(f32::from_le_bytes).collect()
    }

    /// The gradients of a loss, by the names that the weights have here.
    fn gradients(&self, loss: &str) -> BTreeMap<String, Vec<f32>> {
        let file = SafeTensors::deserialize(&self.file).unwrap();
        let prefix = format!("{loss}/");
        let names = file.names();
        let own = names.iter().filter_map(|name| name.strip_prefix(&prefix));
        own.map(|name| (format!("attached/{name}"), self.read(&format!("{loss}/{name}")))).collect()
    }

    fn number(&self, key: &str) -> f64 {
        self.said[key].as_f64().unwrap()
    }

    fn text(&self, key: &str) -> String {
        self.said[key].as_str().unwrap().to_owned()
    }

    fn texts(&self) -> BTreeMap<String, Vec<String>> {
        serde_json::from_value(self.said["texts"].clone()).unwrap()
    }
}

/// size · sin(phase + 0.37 i) at the i-th place.
fn wave(shape: &[usize], size: f64, phase: f64) -> Weight {
    let value = |place: usize| (size * (phase + 0.37 * place as f64).sin()) as f32;
    let values = (0..shape.iter().product()).map(value).collect();
    Weight::from_f32(values, shape, &Device::flex(), DType::F32)
}

fn erasers(base: &Weights, rank: usize) -> Weights {
    let mut all = Weights::new();
    for (name, weight) in base {
        let Some(place) = eraser_name(name) else { continue };
        let width = weight.shape()[0];
        let parts: [(&str, &[usize]); 4] = [
            ("down.weight", &[rank, width]),
            ("down.bias", &[rank]),
            ("up.weight", &[width, rank]),
            ("up.bias", &[width]),
        ];
        for (phase, (part, shape)) in parts.into_iter().enumerate() {
            all.insert(format!("{place}.{part}"), wave(shape, 0.2, 1.0 + phase as f64));
        }
    }
    all
}

fn adapters(base: &Weights, reference: &Reference) -> Weights {
    let rank = reference.number("rank") as usize;
    let mut all = Weights::new();
    for (name, weight) in base {
        let (&[outputs, inputs] | &[outputs, inputs, 1, 1]) = weight.shape() else { continue };
        for (number, id) in reference.texts().keys().enumerate() {
            let Some([down, up]) = adapter_names(name, id) else { continue };
            let phase = 1.0 + number as f64;
            all.insert(down, wave(&[rank, inputs], 0.1, phase));
            all.insert(up, wave(&[outputs, rank], 0.1, phase + 0.5));
        }
    }
    all
}

fn values(tensor: Tensor<4>) -> Vec<f32> {
    Weight::new(tensor).to_f32_vec()
}

fn output(bench: &Bench, weights: &Weights, prompts: [&str; 2], gates: Option<&Gates>) -> Vec<f32> {
    let batch = bench.batch();
    let prompts = prompts.map(str::to_owned);
    let context = bench.sd.encode_prompts(&bench.sd.weights, &prompts).unwrap();
    values(bench.sd.predict_gated(weights, batch.latents, batch.timesteps, context, gates))
}

#[test]
fn what_is_attached_computes_as_in_the_reference() {
    for model in ["tiny-sd1", "tiny-sd2"] {
        let (mut bench, reference) = (Bench::of(model), Reference::of(model));
        let base = bench.sd.weights.clone();
        let [concept, kept] = ["concept", "kept"].map(|key| reference.text(key));
        let [concept, kept] = [concept.as_str(), kept.as_str()];
        let erased = base.overlaid(&erasers(&base, reference.number("rank") as usize));
        let found = output(&bench, &erased, [concept; 2], None);
        let apart = distance(&found, &reference.read("erased"));
        assert!(apart < 1e-4, "{model}: {apart}");
        let plain = output(&bench, &base, [concept; 2], None);
        assert!(distance(&plain, &found) > 1e-2, "{model}: erasers change something");

        let adapted = base.overlaid(&adapters(&base, &reference));
        let found = output(&bench, &adapted, [concept; 2], None);
        assert!(distance(&found, &reference.read("adapted")) < 1e-4, "{model}");
        bench.sd.attach(Attached::GatedAdapters { texts: reference.texts() });
        let strong = |sd: &StableDiffusion, text: &str| {
            let prompts = [text.to_owned()].into();
            strengths(sd, &adapted, &prompts).unwrap().remove(text).unwrap()
        };
        for (text, wanted) in reference.said["strengths"].as_object().unwrap() {
            for (id, found) in strong(&bench.sd, text) {
                let wanted = wanted[&id].as_f64().unwrap();
                assert!((f64::from(found) - wanted).abs() < 1e-4, "{model}, {text}, {id}: {found}");
            }
        }
        let rows = [strong(&bench.sd, concept), strong(&bench.sd, kept)];
        let gates = Gates::of_rows(&[&rows[0], &rows[1]], &bench.sd).unwrap();
        let found = output(&bench, &adapted, [concept, kept], Some(&gates));
        assert!(distance(&found, &reference.read("gated")) < 1e-4, "{model}");
    }
}

#[test]
fn latents_under_several_prompts_have_the_bits_that_they_have_alone() {
    for model in ["tiny-sd1", "tiny-sd2"] {
        let (mut bench, reference) = (Bench::of(model), Reference::of(model));
        let (base, batch) = (bench.sd.weights.clone(), bench.batch());
        let erased = base.overlaid(&erasers(&base, reference.number("rank") as usize));
        let adapted = base.overlaid(&adapters(&base, &reference));
        bench.sd.attach(Attached::GatedAdapters { texts: reference.texts() });
        let prompts = ["concept", "kept", "kept", "concept"].map(|name| reference.text(name));
        let context = bench.sd.encode_prompts(&base, &prompts).unwrap();
        let known = strengths(&bench.sd, &adapted, &prompts.iter().cloned().collect()).unwrap();
        let gates = Gates::of_rows(&prompts.each_ref().map(|text| &known[text]), &bench.sd);
        assert!(gates.is_some(), "{model}: adapters are gated");
        let twice = |x: Tensor<4>| Tensor::cat(vec![x.clone(), x], 0);
        let (x, t) = (batch.latents, batch.timesteps);
        let times = Tensor::cat(vec![t.clone(), t.clone()], 0);
        let all = [(&base, None), (&erased, None), (&adapted, None), (&adapted, gates.as_ref())];
        for (weights, gates) in all {
            let of = |x: &Tensor<4>, t: &Tensor<1>| {
                let (x, t, context) = (x.clone(), t.clone(), context.clone());
                values(bench.sd.predict_gated(weights, x, t, context, gates))
            };
            assert_eq!(of(&x, &t), of(&twice(x.clone()), &times), "{model}");
        }
    }
}

/// The loss, and the gradients that the reference has, within 1e-4 and 1e-3 of their norms.
fn check(
    bench: &Bench,
    weights: &Weights,
    reference: &Reference,
    loss: &str,
    parts: &[(f64, &dyn Objective)],
) {
    let wanted = reference.gradients(loss);
    let seen: BTreeSet<String> = wanted.keys().cloned().collect();
    let (sd, batch, concepts): (_, _, [Concept; 1]) = (&bench.sd, bench.batch(), [bench.concept()]);
    let study = Study::new(sd, &sd.weights, None, &seen, weights);
    let scene = Scene { study: &study, concepts: &concepts, anchor: &Nothing {}, batch: &batch };
    let (value, gradients) = value_and_gradients(weights, &seen, |student| {
        let one =
            |(weight, part): &(f64, &dyn Objective)| part.loss(&scene, student).unwrap() * *weight;
        Ok(parts.iter().map(one).reduce(|sum, one| sum + one).unwrap())
    })
    .unwrap();
    let said = reference.said["losses"][loss].as_f64().unwrap();
    assert!((value - said).abs() < 1e-4 * said.abs(), "{loss}: {value} is not {said}");
    for (name, wanted) in wanted {
        let apart = distance(&gradients.get(&name).unwrap().to_f32_vec(), &wanted);
        assert!(apart < 1e-3, "{loss}, {name}: {apart}");
    }
}

#[test]
fn what_trains_it_is_the_reference() {
    for model in ["tiny-sd1", "tiny-sd2"] {
        let (bench, reference) = (Bench::of(model), Reference::of(model));
        let base = &bench.sd.weights;
        let width = bench.sd.text.config().width;
        let tokens = reference.number("tokens") as usize;
        let mut appended = Appended::default();
        appended.tokens = tokens;
        appended.locality = reference.number("locality");
        appended.threshold = reference.number("threshold");
        let name = bench.concept().names[0].to_lowercase();
        let found = [(name, wave(&[tokens, width], 0.3, 2.0))].into_iter().collect();
        let erased = base.overlaid(&erasers(base, reference.number("rank") as usize));
        check(&bench, &erased, &reference, "appended", &[(1.0, &appended.behind(found))]);

        let samples = reference.number("samples") as usize;
        let shape = [samples, bench.sd.tokenizer.length(), width];
        let anchored = LatentAnchor::default().under(wave(&shape, 1.0, 0.7).tensor());
        let reversal = GuidanceReversal::default();
        let adapted = base.overlaid(&adapters(base, &reference));
        let parts: [(f64, &dyn Objective); 2] =
            [(1.0, &reversal), (reference.number("keep"), &anchored)];
        check(&bench, &adapted, &reference, "latent_anchor", &parts);
    }
}
