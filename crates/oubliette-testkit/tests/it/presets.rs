//! What methods descend, as they build it, against `goldens/presets.py`: losses with their weights, sides and teachers, texts,
//! anchors, combiners, and what moves.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Tensor, TensorData};
use oubliette_evidence::Concept;
use oubliette_lab::{
    METHODS, Study,
    methods::{Adapt, Stage},
    parts::{
        Sides,
        objective::Scene,
        source::{Batch, Source},
    },
    training::{Train, Weighted},
};
use oubliette_model::{Select, Weights, train::value_and_gradients};
use serde_json::Value;

use crate::{
    student::Bench,
    updates::{Steps, is_near},
};

/// Methods whose loss has its reference elsewhere: in `attached.rs`, `objectives.rs` (the disguise) and `separable.rs`.
const ELSEWHERE: [&str; 4] = ["advunlearn", "receler", "sepme", "spm"];

/// A method's one training, and the weights that it trains.
fn training(bench: &Bench, said: &Value, concepts: &[Concept]) -> (Train, BTreeSet<String>) {
    let settings = toml::Table::try_from(&said["settings"]).unwrap();
    let method = METHODS.build(said["method"].as_str().unwrap(), settings).unwrap();
    let one = |stage: Stage| match stage {
        Stage::Train(train) => {
            let trains = train.mask.trainable(&bench.student).unwrap();
            Some((*train, trains))
        }
        Stage::Adapt(adapt) => {
            let Adapt { train, weights, .. } = *adapt;
            let select = Select { include: weights, exclude: Vec::new() };
            Some((train, select.names(&bench.student).unwrap()))
        }
        _ => None,
    };
    method.stages(concepts).unwrap().into_iter().find_map(one).unwrap()
}

/// The texts that a source shows its pictures under; it draws them for the reference's texts.
fn texts(source: &dyn Source, concept: &Concept, wanted: &Value) -> Vec<String> {
    let said = source.describe();
    let listed = |key: &str| -> Option<Vec<String>> {
        let all = said.get(key).and_then(toml::Value::as_array)?;
        let text = |text: &toml::Value| text.as_str().map(str::to_owned);
        let mut texts: Vec<String> = all.iter().filter_map(text).collect();
        texts.dedup();
        (!texts.is_empty()).then_some(texts)
    };
    // Where no text is given, the concept's names are drawn.
    let drawn = listed("prompts").unwrap_or_else(|| concept.names.clone());
    let under = listed("under").unwrap_or_else(|| drawn.clone());
    assert_eq!(Value::from(drawn), wanted["drawn"]);
    assert_eq!(Value::from(under.clone()), wanted["under"]);
    let negative = said.get("negative").and_then(toml::Value::as_str);
    assert_eq!(negative, wanted["negative"].as_str());
    under
}

/// The reference's noised pictures of one side, shown under these texts in turn.
fn shown(bench: &Bench, steps: &Steps, side: &str, texts: &[String]) -> Batch {
    let own = bench.batch();
    let prompts = texts.iter().cycle().take(own.prompts.len()).cloned().collect();
    if side == "forget" {
        return Batch { prompts, ..own };
    }
    let (given, device) = (steps.read(&format!("batch.{side}")), bench.sd.device());
    let picture = |name: &str| -> Tensor<4> {
        let values = given.get(&format!("unet/{name}")).unwrap().to_f32_vec();
        Tensor::from_data(TensorData::new(values, [2, 4, 8, 8]), device)
    };
    let times = steps.said["times"][side].as_array().unwrap().iter();
    let times: Vec<f32> = times.map(|time| time.as_f64().unwrap() as f32).collect();
    Batch {
        latents: picture("x"),
        timesteps: Tensor::from_data(TensorData::new(times, [2]), device),
        prompts,
        target: Some(picture("target")),
        seen: None,
    }
}

/// The weighted sum of a side's losses and its gradient; nothing where the side has no loss.
fn descended(
    scene: &Scene<'_>,
    losses: &mut [Weighted],
    student: &Weights,
    moving: &BTreeSet<String>,
) -> Option<(f64, Weights)> {
    for loss in losses.iter_mut().filter(|loss| loss.objective.survey() > 0) {
        loss.objective.look(scene, moving).unwrap();
    }
    if losses.is_empty() {
        return None;
    }
    let found = value_and_gradients(student, moving, |student| {
        let one = |loss: &Weighted| loss.objective.loss(scene, student).unwrap() * loss.weight;
        Ok(losses.iter().map(one).reduce(|sum, one| sum + one).unwrap())
    });
    Some(found.unwrap())
}

fn is_value(value: f64, wanted: f64, what: &str) {
    assert!((value - wanted).abs() < 1e-4 * wanted.abs(), "{what}: {value} is not {wanted}");
}

fn check(bench: &Bench, steps: &Steps, name: &str, said: &Value) {
    let concepts = [bench.concept()];
    let (stage, trains) = training(bench, said, &concepts);
    let seen = steps.said["seen"].as_array().unwrap().iter();
    let seen = seen.map(|place| format!("unet/{}", place.as_str().unwrap()));
    let moving: BTreeSet<String> = seen.filter(|place| trains.contains(place)).collect();
    let study = Study::new(&bench.sd, &bench.sd.weights, None, &moving, &bench.student);
    let Train { source, retain_source, forget, retain, relearn, mask, .. } = stage;
    let (mut anchor, mut combiner) = (stage.anchor, stage.combiner);
    anchor.restore(&bench.shifts()).unwrap();
    let (relearn_source, relearn) = relearn.map(|it| (it.source, it.losses)).unzip();
    let sides = [
        ("forget", Some(source), forget),
        ("retain", retain_source, retain),
        ("relearn", relearn_source, relearn.unwrap_or_default()),
    ];
    let (mut batch, mut gradients) = (bench.batch(), BTreeMap::new());
    for (side, source, mut losses) in sides {
        let (wanted, what) = (&said["sides"][side], format!("{name}, {side}"));
        assert_eq!(losses.is_empty(), wanted.is_null(), "{what}");
        // A side without a source looks at what the one before it looks at.
        if let Some(source) = source {
            batch = shown(bench, steps, side, &texts(&*source, &concepts[0], wanted));
        }
        let scene = Scene { study: &study, concepts: &concepts, anchor: &*anchor, batch: &batch };
        if let (Some(survey), Some(wanted)) = (mask.survey(), said["survey"].as_f64())
            && side == "forget"
        {
            let loss = survey.loss.loss(&scene, &bench.student).unwrap();
            is_value(f64::from(loss.into_scalar::<f32>()), wanted, &format!("{name}, survey"));
        }
        let found = descended(&scene, &mut losses, &bench.student, &moving);
        let Some((value, gradient)) = found else { continue };
        is_value(value, wanted["loss"].as_f64().unwrap(), &what);
        gradients.insert(side, gradient);
    }
    let sides = Sides {
        forget: gradients.remove("forget"),
        retain: gradients.remove("retain"),
        relearn: gradients.remove("relearn").filter(|_| combiner.looks_back(0)),
    };
    is_near(&combiner.combine(sides).unwrap(), steps, name, 1e-3);
}

#[test]
fn every_preset_descends_what_the_reference_does() {
    for model in ["tiny-sd1", "tiny-sd2"] {
        let (bench, steps) = (Bench::of(model), Steps::of(model, "presets"));
        for (name, said) in steps.said["presets"].as_object().unwrap() {
            check(&bench, &steps, name, said);
        }
    }
}

#[test]
fn every_method_that_trains_has_a_reference() {
    let (bench, steps) = (Bench::of("tiny-sd1"), Steps::of("tiny-sd1", "presets"));
    let presets = steps.said["presets"].as_object().unwrap().values();
    let known = presets.filter_map(|preset| preset["method"].as_str()).chain(ELSEWHERE);
    let known: BTreeSet<&str> = known.collect();
    let trains = |name: &&str| {
        let method = METHODS.build(name, toml::Table::new()).unwrap();
        let stages = method.stages(&[bench.concept()]).unwrap();
        stages.iter().any(|stage| stage.training().is_some())
    };
    let training: BTreeSet<&str> = METHODS.names().into_iter().filter(trains).collect();
    assert_eq!(training, known);
}
