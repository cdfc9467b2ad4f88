//! Every loss and its gradient against `goldens/objectives.py`, for a model that predicts noise and one that predicts v.

use std::collections::BTreeSet;

use oubliette_lab::{
    Study,
    lot::Lot,
    parts::{
        At, Stateful as _,
        anchor::{Anchor, Learning, Nothing, Prompt, Seen, Similarity},
        objective::{Disguised, OBJECTIVES, Objective, Scene, Under, goal, likeness},
    },
};
use oubliette_model::{Weights, train::value_and_gradients};

use crate::{reference::distance, student::Bench};

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
    ("irrelevance", &[(1.0, "irrelevance", "")]),
    ("l1_sp", &[(1.0, "l1_sp", "")]),
    ("l2_sp", &[(1.0, "l2_sp", "")]),
    ("noise_mse", &[(1.0, "noise_mse", "")]),
    ("salun", &[(1.0, "anchor_match", ""), (0.5, "noise_mse", "")]),
    ("sdd", &[(1.0, "anchor_match", "")]),
    ("sculpting", &[(1.0, "anchor_match", ""), (0.25, "noise_mse", ""), (0.25, "distill", "")]),
];

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
