//! Every loss and its gradient against `goldens/objectives.py`, for a model that predicts noise and one that predicts v.

use std::collections::BTreeSet;

use oubliette_lab::{
    Study,
    lot::Lot,
    parts::{
        Stateful as _,
        anchor::{Anchor, Learning, Nothing, Prompt, Seen, Similarity},
        objective::{Disguised, OBJECTIVES, Objective, Scene, Under, goal, likeness},
    },
};
use oubliette_model::{Weights, train::value_and_gradients};

use crate::{reference::distance, student::Bench};

/// A reference loss, the objective that it is of, and its settings.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("anchor_match", "anchor_match", ""),
    ("anchor_match_original", "anchor_match", "teacher = 'original'"),
    ("attention_norm", "attention_norm", ""),
    ("distill", "distill", ""),
    // Two steps back from the concept's prediction are one step back from the empty prompt's.
    ("guidance_reversal", "guidance_reversal", "eta = 2.0\nfrom = 'concept'"),
    ("elastic", "elastic", "survey = 1"),
    ("guided_mse", "guided_mse", "guidance = 7.5"),
    ("irrelevance", "irrelevance", ""),
    ("l1_sp", "l1_sp", ""),
    ("l2_sp", "l2_sp", ""),
    ("noise_mse", "noise_mse", ""),
];

fn check(bench: &Bench, loss: &str, anchor: &dyn Anchor, part: &mut dyn Objective) {
    let (seen, batch) = (bench.seen(loss), bench.batch());
    assert!(seen.len() >= 4, "{loss}: {seen:?}");
    let (sd, concepts) = (&bench.sd, [bench.concept()]);
    let study = Study::new(sd, &sd.weights, None, &seen, &bench.student);
    let scene = Scene { study: &study, concepts: &concepts, anchor, batch: &batch };
    if part.survey() > 0 {
        part.look(&scene, &seen).unwrap();
    }
    let (value, gradients) = value_and_gradients(&bench.student, &seen, |student| {
        Ok(part.loss(&scene, student).unwrap())
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
        let tried: BTreeSet<_> = REFERENCES.iter().map(|(loss, ..)| (*loss).to_owned()).collect();
        // The disguise has a test of its own.
        let own = |key: &&String| !key.contains('/') && *key != "disguised";
        let losses = known.keys().filter(own).cloned().collect();
        assert_eq!(tried, losses, "every reference is tried");
        for (loss, name, settings) in REFERENCES {
            let anchor = Prompt { text: bench.text("anchor") };
            let mut part = OBJECTIVES.build(name, settings.parse().unwrap()).unwrap();
            check(&bench, loss, &anchor, &mut *part);
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
        let (alone, lot) = (false, Lot::new(0));
        let from = Learning { study: &study, concepts: &concepts, batch: &batch, alone, lot };
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
        let mut disguised = Disguised::default().behind(shift.clone());
        check(&bench, "disguised", &Nothing {}, &mut disguised);

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
