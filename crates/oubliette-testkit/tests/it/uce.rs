//! UCE as its release of 2023 has it, as the method does it, against `goldens/uce.py`.

use std::collections::BTreeSet;

use oubliette_evidence::Concept;
use oubliette_lab::{METHODS, Study, lot::Lot, methods::Stage};
use oubliette_model::{Weights, families::StableDiffusion};
use serde_json::Value;

use crate::reference::{Reference, concept, distance, open};

fn texts(said: &Value, key: &str) -> Vec<String> {
    let texts = said[key].as_array().unwrap().iter();
    texts.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// What the method changes with these settings and the reference's weights and concepts.
fn edited(sd: &StableDiffusion, said: &Value, mut settings: toml::Table) -> Weights {
    for key in ["lambda", "erase_scale", "preserve_scale"] {
        settings.insert(key.to_owned(), said[key].as_f64().unwrap().into());
    }
    let named = |name: &String| concept(name, "animal");
    let concepts: Vec<Concept> = texts(said, "concepts").iter().map(named).collect();
    let method = METHODS.build("uce", settings).unwrap();
    let Some(Stage::Edit(edit)) = method.stages(&concepts).unwrap().pop() else {
        panic!("it edits")
    };
    let study = Study::new(sd, &sd.weights, None, &BTreeSet::new(), &sd.weights);
    edit.edit(&study, &concepts, &sd.weights, Lot::new(0)).unwrap()
}

/// How far two matrices are from those of one part of the reference.
fn apart(file: &Reference, part: &str, found: &Weights) -> f64 {
    let prefix = format!("{part}/");
    let keys = file.names().into_iter().filter(|key| key.starts_with(&prefix));
    let one = |key: String| {
        let found = found.get(&key.replacen(&prefix, "unet/", 1)).unwrap();
        distance(&found.to_f32_vec(), &file.read(&key))
    };
    let all: Vec<f64> = keys.map(one).collect();
    assert_eq!(all.len(), 2, "{part}");
    all.into_iter().fold(0.0, f64::max)
}

#[test]
fn whole_texts_and_targets_without_their_old_part_are_the_reference() {
    let (sd, file, said) = open("uce");
    for (part, tokens, technique) in [
        ("all", "all", "replace"),
        ("all.empty", "all", "replace"),
        ("tensor", "last-subject", "tensor"),
        ("tensor.all", "all", "tensor"),
        ("kept", "all", "tensor"),
        ("released", "all", "tensor"),
    ] {
        let mut settings = toml::Table::new();
        settings.insert("tokens".to_owned(), tokens.into());
        settings.insert("technique".to_owned(), technique.into());
        if part != "all.empty" {
            settings.insert("guide".to_owned(), said["guide"].as_str().unwrap().into());
        }
        if ["kept", "released"].contains(&part) {
            settings.insert("whole".to_owned(), (part == "released").into());
            settings.insert("preserve".to_owned(), texts(&said, "keep").into());
        }
        let found = edited(&sd, &said, settings);
        let apart = apart(&file, part, &found);
        assert!(apart < 1e-4, "{part}: {apart}");
        if part == "kept" {
            assert!(self::apart(&file, "released", &found) > 0.1, "the switch makes a difference");
        }
    }
}
