//! Masks against a sequence of gradients worked out apart (`goldens/masks.py`), and what a mask must mean for a weight.

use burn::tensor::{DType, Device};
use oubliette_lab::{
    Study,
    lot::Lot,
    parts::{
        At,
        mask::{Dynamic, Mask, Saliency, Selft, Trim},
    },
};
use oubliette_model::{Weight, Weights};
use serde_json::Value;

use crate::student::Bench;

fn reference() -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/data/masks.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn gradients(said: &Value, step: usize) -> Weights {
    weights(said, &said["gradients"][step])
}

/// Numbers by name, in the shapes of the reference.
fn weights(said: &Value, all: &Value) -> Weights {
    let one = |(name, shape): (&String, &Value)| {
        let numbers = |value: &Value| {
            value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>()
        };
        let shape: Vec<usize> = numbers(shape).into_iter().map(|side| side as usize).collect();
        let values = numbers(&all[name]).into_iter().map(|x| x as f32);
        (name.clone(), Weight::from_f32(values.collect(), &shape, &Device::flex(), DType::F32))
    };
    said["shapes"].as_object().unwrap().iter().map(one).collect()
}

fn is(mask: &dyn Mask, wanted: &Value, when: &str) {
    let movable = mask.movable().unwrap();
    for (name, wanted) in wanted.as_object().unwrap() {
        let found = movable.get(name).unwrap().to_f32_vec();
        let wanted: Vec<f32> =
            wanted.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
        assert_eq!(found, wanted, "{name} {when}");
    }
}

/// Shows `mask` all gradients, and its own state to a copy half-way; `after` sees it after every step.
fn shown<M: Mask + Clone>(mask: &mut M, said: &Value, fresh: &M, mut after: impl FnMut(&M, u64)) {
    let steps = said["gradients"].as_array().unwrap().len() as u64;
    let begins = said["warm_up"].as_u64().unwrap();
    for step in 0..steps {
        if step == steps / 2 {
            let kept = mask.state();
            *mask = fresh.clone();
            mask.restore(&kept).unwrap();
        }
        mask.observe(At { step, begins, steps }, &gradients(said, step as usize)).unwrap();
        after(mask, step + 1);
    }
}

#[test]
fn saliency_is_the_reference() {
    let said = reference();
    let mut fresh = Saliency::default();
    fresh.share = said["share"].as_f64().unwrap();
    fresh.survey = said["warm_up"].as_u64().unwrap();
    let mut looks = 0;
    shown(&mut fresh.clone(), &said, &fresh, |mask, done| {
        if done >= fresh.survey {
            is(mask, &said["saliency"], "after the survey, whatever comes later");
            looks += 1;
        }
    });
    assert!(looks > 10);
}

#[test]
fn the_dynamic_mask_is_the_reference() {
    let said = reference();
    let mut fresh = Dynamic::default();
    fresh.masked = vec!["*".to_owned()];
    fresh.share = said["share"].as_f64().unwrap();
    fresh.warm_up = said["warm_up"].as_u64().unwrap();
    fresh.interval = said["interval"].as_u64().unwrap();
    fresh.turnover = said["turnover"].as_f64().unwrap();
    fresh.until = said["until"].as_f64().unwrap();
    let mut last = Value::Null;
    let mut exchanges = 0;
    shown(&mut fresh.clone(), &said, &fresh, |mask, done| {
        if let Some(wanted) = said["dynamic"].get(done.to_string()) {
            exchanges += 1;
            last.clone_from(wanted);
        }
        if !last.is_null() {
            is(mask, &last, &format!("after step {done}"));
        }
    });
    assert_eq!(exchanges, said["dynamic"].as_object().unwrap().len());
    assert!(exchanges >= 4, "the mask and three exchanges at least");
}

#[test]
fn selft_is_the_reference() {
    let (said, bench) = (reference(), Bench::of("tiny-sd1"));
    let mut fresh = Selft::default();
    fresh.share = said["share"].as_f64().unwrap();
    fresh.survey = said["warm_up"].as_u64().unwrap();
    let (sd, names) = (&bench.sd, Default::default());
    let study = Study::new(sd, &sd.weights, None, &names, &sd.weights);
    fresh.begin(&study, &weights(&said, &said["weights"])).unwrap();
    let mut looks = 0;
    shown(&mut fresh.clone(), &said, &fresh, |mask, done| {
        if done >= fresh.survey {
            is(mask, &said["selft"], "after the survey, whatever comes later");
            looks += 1;
        }
    });
    assert!(looks > 10);
    assert_ne!(said["selft"], said["saliency"], "the weights matter");
}

#[test]
fn trimming_is_the_reference() {
    let said = reference();
    let mut fresh = Trim::default();
    (fresh.include, fresh.reset) = (vec!["*".to_owned()], vec!["b".to_owned()]);
    fresh.share = said["share"].as_f64().unwrap();
    fresh.survey = said["warm_up"].as_u64().unwrap();
    let start = weights(&said, &said["weights"]);
    let mut looks = 0;
    shown(&mut fresh.clone(), &said, &fresh, |mask, done| {
        if done < fresh.survey {
            return;
        }
        let after = mask.clone().reset(&start, Lot::new(done)).unwrap();
        assert_eq!(after.names().collect::<Vec<_>>(), ["b"]);
        let old = start.get("b").unwrap().to_f32_vec();
        let changed = old.iter().zip(after.get("b").unwrap().to_f32_vec());
        let changed: Vec<u64> = changed.map(|(old, new)| u64::from(*old != new)).collect();
        assert_eq!(said["trim"]["b"], serde_json::json!(changed), "after step {done}");
        looks += 1;
    });
    assert!(looks > 10);
}
