//! What combiners and wrappers make of gradients against `goldens/updates.py`, whose second derivatives are exact.

use std::{collections::BTreeSet, path::PathBuf};

use oubliette_lab::{
    Result, Study,
    lot::Lot,
    parts::{
        Gradients, Sides, Term,
        anchor::Nothing,
        combiner::COMBINERS,
        objective::{Ascent, Distill, NoiseMse, Objective, Scene},
        source::Batch,
        wrapper::{Oracle, WRAPPERS},
    },
};
use oubliette_model::{Weight, Weights, train::value_and_gradients};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::{reference::distance, student::Bench};

/// The reference's steps of one model.
pub(crate) struct Steps {
    file: Vec<u8>,
    pub(crate) said: Value,
}

impl Steps {
    /// Those that `goldens/{script}.py` made.
    pub(crate) fn of(model: &str, script: &str) -> Self {
        let at = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let at = at.join(format!("../../goldens/data/of-{model}/{script}"));
        let file = std::fs::read(at.with_extension("safetensors")).unwrap();
        let said = std::fs::read_to_string(at.with_extension("json")).unwrap();
        Self { file, said: serde_json::from_str(&said).unwrap() }
    }

    /// One of them, by the names that the weights have here.
    pub(crate) fn read(&self, step: &str) -> Weights {
        let file = SafeTensors::deserialize(&self.file).unwrap();
        let weight = |name: &str| {
            let tensor = file.tensor(name).unwrap();
            let values = tensor.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
            let device = burn::tensor::Device::flex();
            Weight::from_f32(values.collect(), tensor.shape(), &device, burn::tensor::DType::F32)
        };
        let prefix = format!("{step}/");
        let names = file.names();
        let own = names.iter().filter_map(|name| Some((name.strip_prefix(&prefix)?, name)));
        own.map(|(short, name)| (format!("unet/{short}"), weight(name))).collect()
    }

    /// Some of its settings.
    pub(crate) fn table(&self, keys: &[&str]) -> toml::Table {
        let number = |key: &&str| ((*key).to_owned(), self.said[*key].as_f64().unwrap().into());
        keys.iter().map(number).collect()
    }
}

/// All tensors of `found` together, against the reference's step.
pub(crate) fn is_near(found: &Weights, steps: &Steps, step: &str, within: f64) {
    let wanted = steps.read(step);
    assert!(!wanted.is_empty() && found.names().eq(wanted.names()), "{step}");
    let flat = |all: &Weights| all.iter().flat_map(|(_, one)| one.to_f32_vec()).collect::<Vec<_>>();
    let apart = distance(&flat(found), &flat(&wanted));
    assert!(apart < within, "{step}: {apart}");
}

#[test]
fn combiners_make_the_reference_step() {
    for model in ["tiny-sd1", "tiny-sd2"] {
        let steps = Steps::of(model, "updates");
        let memory = steps.read("memory");
        let relearn = memory.map(|_, one| Weight::from_flat(one.flat() * -1.0, one.shape()));
        for (name, key) in [("nash", "xi"), ("bilevel", "eta"), ("gem", "margin")] {
            let settings = steps.table(&[key]);
            let mut combiner = COMBINERS.build(name, settings).unwrap();
            let sides = Sides {
                forget: Some(steps.read("forget")),
                retain: Some(steps.read("retain")),
                relearn: Some(relearn.clone()),
            };
            is_near(&combiner.combine(sides).unwrap(), &steps, name, 1e-4);
        }
    }
}

#[test]
fn the_restricted_gradient_is_the_reference_step() {
    for model in ["tiny-sd1", "tiny-sd2"] {
        let steps = Steps::of(model, "updates");
        let (forget, retain) = (steps.read("forget"), steps.read("retain"));
        let against = steps.said["against"].as_f64().unwrap();
        // As they are, the two sides conflict in some weights alone.
        for (step, share, alone) in [
            ("restricted", -against, false),
            ("restricted.agreed", against, false),
            ("restricted.alone", 0.0, true),
        ] {
            let mut settings = steps.table(&["alpha"]);
            settings.insert("per_layer".to_owned(), alone.into());
            let mut combiner = COMBINERS.build("restricted", settings).unwrap();
            let sides = Sides {
                forget: Some(forget.clone()),
                retain: Some(retain.plus(&forget, share)),
                relearn: None,
            };
            is_near(&combiner.combine(sides).unwrap(), &steps, step, 1e-4);
        }
    }
}

/// The losses of the reference as functions of the few weights that it sees.
#[derive(Clone)]
struct Losses<'a> {
    bench: &'a Bench,
    /// The reference's latents under the concept's prompt and under another.
    batches: [Batch; 2],
    seen: BTreeSet<String>,
}

impl Oracle for Losses<'_> {
    fn gradients(&mut self, weights: &Weights, term: Term) -> Result<Option<Gradients>> {
        let sd = &self.bench.sd;
        let (loss, batch): (Box<dyn Objective>, _) = match term {
            Term::Forget => (Box::new(Ascent { truncate: f64::MAX }), &self.batches[0]),
            Term::Retain => (Box::new(Distill::default()), &self.batches[1]),
            Term::Relearn => (Box::new(NoiseMse {}), &self.batches[1]),
        };
        let study = Study::new(sd, &sd.weights, None, &self.seen, &self.bench.student);
        let scene = Scene { study: &study, concepts: &[], anchor: &Nothing {}, batch };
        let (loss, by_name) = value_and_gradients(weights, &self.seen, |student| {
            Ok(loss.loss(&scene, student).unwrap())
        })?;
        Ok(Some(Gradients { loss, by_name }))
    }
}

#[test]
fn wrappers_make_the_reference_gradient() {
    for model in ["tiny-sd1", "tiny-sd2"] {
        let (bench, steps) = (Bench::of(model), Steps::of(model, "updates"));
        let kept = steps.said["kept"].as_str().unwrap().to_owned();
        let seen = steps.read("forget").names().map(str::to_owned).collect();
        let other = Batch { prompts: vec![kept; 2], ..bench.batch() };
        let mut losses = Losses { bench: &bench, batches: [bench.batch(), other], seen };
        for (term, step) in [(Term::Forget, "forget"), (Term::Retain, "retain")] {
            let found = losses.gradients(&bench.student, term).unwrap().unwrap();
            is_near(&found.by_name, &steps, step, 1e-3);
        }
        let mut resalign = steps.table(&["beta", "gamma"]);
        resalign.insert("rates".to_owned(), vec![steps.said["rate"].as_f64().unwrap()].into());
        resalign.insert("steps".to_owned(), vec![steps.said["inner"].as_i64().unwrap()].into());
        resalign.insert("solves".to_owned(), steps.said["solves"].as_i64().unwrap().into());
        let meta = steps.table(&["rate", "gain", "harm"]);
        for (name, settings, within) in [("meta", meta, 1e-3), ("resalign", resalign, 1e-2)] {
            let wrapper = WRAPPERS.build(name, settings).unwrap();
            let mut oracle = wrapper.wrap(Box::new(losses.clone()), Lot::new(1));
            let found = oracle.gradients(&bench.student, Term::Forget).unwrap().unwrap();
            is_near(&found.by_name, &steps, name, within);
        }
    }
}
