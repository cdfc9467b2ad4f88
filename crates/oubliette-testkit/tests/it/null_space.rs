//! The damped projection of gradients against `goldens/null_space.py`, whose inverse is dense and in f64.

use std::collections::BTreeSet;

use oubliette_lab::{Study, parts::mask::MASKS};
use oubliette_model::{Weight, Weights};

use crate::reference::{distance, open};

/// The reference's gradient of its matrix of this number: sin(1 + number + 0.37 i) at the i-th place.
fn gradient(weight: &Weight, number: usize) -> Weight {
    let value = |place: usize| (1.0 + number as f64 + 0.37 * place as f64).sin() as f32;
    let values = (0..weight.len()).map(value).collect();
    Weight::from_f32(values, weight.shape(), &weight.device(), weight.dtype())
}

#[test]
fn a_damped_projection_leaves_what_the_reference_leaves() {
    let (sd, file, said) = open("null_space");
    let protect = said["protect"].as_array().unwrap().iter();
    let protect: Vec<String> = protect.map(|text| text.as_str().unwrap().to_owned()).collect();
    for (case, chosen) in said["cases"].as_object().unwrap() {
        // The last norm of the text encoder says how long its embeddings are.
        let scale = chosen["scale"].as_f64().unwrap();
        let start = sd.weights.map(|name, weight| match name.contains("final_layer_norm") {
            true => Weight::from_flat(weight.flat() * scale, weight.shape()),
            false => weight.clone(),
        });
        let study = Study::new(&sd, &sd.weights, None, &BTreeSet::new(), &start);
        let mut settings = toml::Table::new();
        settings.insert("protect".to_owned(), protect.clone().into());
        settings.insert("tokens".to_owned(), chosen["tokens"].as_str().unwrap().into());
        let mut mask = MASKS.build("null_space", settings).unwrap();
        mask.begin(&study, &start).unwrap();
        let prefix = format!("{case}/");
        let keys = file.names().into_iter().filter(|key| key.starts_with(&prefix));
        let one = |(number, key): (usize, String)| {
            let name = key.replacen(&prefix, "unet/", 1);
            let gradient = gradient(sd.weights.get(&name).unwrap(), number);
            (name, gradient)
        };
        let change: Weights = keys.enumerate().map(one).collect();
        assert_eq!(change.len(), 2, "{case}");
        for (name, left) in &mask.free(change) {
            let wanted = file.read(&name.replacen("unet/", &prefix, 1));
            let apart = distance(&left.to_f32_vec(), &wanted);
            assert!(apart < 1e-3, "{case}, {name}: {apart}");
        }
    }
}
