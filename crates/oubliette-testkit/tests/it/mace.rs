//! MACE's closed forms, as its stages do them, against `goldens/mace.py`.

use std::collections::BTreeSet;

use oubliette_evidence::Concept;
use oubliette_lab::{METHODS, Study, lot::Lot, methods::Stage};
use oubliette_model::{Weight, Weights};
use serde_json::Value;

use crate::reference::{concept, distance, open};

/// The concepts of the reference, each with its superclass as the name that takes its place.
fn concepts(said: &Value) -> Vec<Concept> {
    // In the order of the reference, which JSON does not keep.
    ["fox", "cat"].map(|name| concept(name, said["concepts"][name].as_str().unwrap())).to_vec()
}

fn stages(said: &Value, concepts: &[Concept]) -> Vec<Stage> {
    let preserve = said["preserve"].as_array().unwrap().iter();
    let preserve: Vec<String> = preserve.map(|text| text.as_str().unwrap().to_owned()).collect();
    let mut settings = toml::Table::new();
    settings.insert("templates".into(), vec![said["template"].as_str().unwrap()].into());
    settings.insert("preserve".into(), preserve.into());
    settings.insert("lambda".into(), said["lambda"].as_f64().unwrap().into());
    settings.insert("preserve_scale".into(), said["scale"].as_f64().unwrap().into());
    METHODS.build("mace", settings).unwrap().stages(concepts).unwrap()
}

/// What an adapter made of the refined matrices: the reference's formula.
fn adapted(refined: &Weights, number: usize) -> Weights {
    refined.map(|_, weight| {
        let value = |(place, value): (usize, f32)| {
            let change = 0.1 * (1.0 + number as f64 + 0.7 * place as f64).sin();
            (f64::from(value) + change) as f32
        };
        let values = weight.to_f32_vec().into_iter().enumerate().map(value).collect();
        Weight::from_f32(values, weight.shape(), &weight.device(), weight.dtype())
    })
}

#[test]
fn refinement_and_fusion_are_the_reference() {
    let (sd, file, said) = open("mace");
    let concepts = concepts(&said);
    let stages = stages(&said, &concepts);
    let [Stage::Edit(refine), Stage::Adapt(_), Stage::Adapt(_), Stage::Fuse(fuse)] = &stages[..]
    else {
        panic!("{} stages", stages.len())
    };
    let study = Study::new(&sd, &sd.weights, None, &BTreeSet::new(), &sd.weights);
    let refined = refine.edit(&study, &concepts, &sd.weights, Lot::new(0)).unwrap();
    let weights = sd.weights.overlaid(&refined);
    let all = [adapted(&refined, 0), adapted(&refined, 1)];
    let fused = fuse.fuse(&study, &concepts, &weights, &all).unwrap();
    let mut checked = 0;
    for key in file.names() {
        let (part, name) = key.split_once('/').unwrap();
        let found = if part == "refined" { &refined } else { &fused };
        let found = found.get(&format!("unet/{name}")).unwrap().to_f32_vec();
        let apart = distance(&found, &file.read(&key));
        assert!(apart < 1e-4, "{key}: {apart}");
        let old = sd.weights.get(&format!("unet/{name}")).unwrap().to_f32_vec();
        assert!(distance(&found, &old) > 0.05, "{key} is changed");
        checked += 1;
    }
    assert_eq!(checked, 4);
}
