//! Closed forms within a null space against matrices computed apart, with dense inverses in f64: `goldens/closed_forms.py`.

use oubliette_evidence::recipe::Merge;
use oubliette_lab::methods::{
    Dp, Pair, Retained, Speed, centres, changed, double_projection, merged, null_space_form,
};
use oubliette_model::{Weight, families::StableDiffusion};
use serde_json::Value;

use crate::reference::{distance, embedding, is_near, matrices, open};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn all(sd: &StableDiffusion, said: &Value, key: &str) -> Vec<Vec<f64>> {
    let texts = said[key].as_array().unwrap().iter();
    texts.map(|one| embedding(sd, text(one), &said["places"])).collect()
}

fn edits(sd: &StableDiffusion, said: &Value) -> Vec<Vec<Pair>> {
    let read = |value: &Value| embedding(sd, text(value), &said["places"]);
    let pair = |pair: &Value| vec![Pair { from: read(&pair[0]), to: read(&pair[1]) }];
    said["erase"].as_array().unwrap().iter().map(pair).collect()
}

fn retained(sd: &StableDiffusion, said: &Value) -> Vec<Retained> {
    let noise = |row: &Value| row.as_array().unwrap().iter().map(|g| g.as_f64().unwrap()).collect();
    let rows = said["noise"].as_array().unwrap();
    let one = |(embedding, row)| Retained { embedding, noise: noise(row) };
    all(sd, said, "keep").into_iter().zip(rows).map(one).collect()
}

/// The start token of the empty text, and the centres of the others.
fn invariant(sd: &StableDiffusion) -> Vec<Vec<f64>> {
    let context = sd.encode_prompts(&sd.weights, &[String::new()]).unwrap();
    let width = context.dims()[2];
    let values: Vec<f64> = Weight::new(context).to_f32_vec().into_iter().map(f64::from).collect();
    let mut start: Vec<_> = values.chunks_exact(width).map(<[f64]>::to_vec).collect();
    let centres = centres(&start.split_off(1), 3);
    [start, centres].concat()
}

#[test]
fn the_empty_text_has_the_reference_centres() {
    let (sd, file, _) = open("closed_forms");
    let found: Vec<f32> = invariant(&sd).concat().into_iter().map(|value| value as f32).collect();
    assert!(distance(&found, &file.read("invariant")) < 1e-4);
}

#[test]
fn speed_has_the_reference_matrices() {
    let (sd, file, said) = open("closed_forms");
    let (edits, retained, invariant) = (edits(&sd, &said), retained(&sd, &said), invariant(&sd));
    let value = |key: &str| said["speed"][key].as_f64().unwrap();
    let settings = Speed {
        gamma: value("gamma"),
        lambda: value("lambda"),
        threshold: value("threshold"),
        ..Speed::default()
    };
    for (key, (rows, old)) in matrices(&sd, &file, "speed/") {
        let new = null_space_form(&old, rows, &edits, &retained, &invariant, &settings).unwrap();
        is_near(&file, &key, &new);
    }
}

#[test]
fn double_projections_have_the_reference_matrices() {
    let (sd, file, said) = open("closed_forms");
    let targets: Vec<_> = edits(&sd, &said).concat().into_iter().map(|pair| pair.from).collect();
    let (safe, kept) = (all(&sd, &said, "safe"), all(&sd, &said, "keep"));
    let rank = said["rank"].as_u64().unwrap() as usize;
    for (part, targets, rank) in
        [("dp.one/", &targets[..1], None), ("dp.all/", &targets, Some(rank))]
    {
        let settings = Dp { rank, ..Dp::default() };
        let changes = double_projection(targets, &safe, &kept, &settings).unwrap();
        for (key, (_, old)) in matrices(&sd, &file, part) {
            is_near(&file, &key, &changed(&old, &changes));
        }
    }
}

#[test]
fn changes_made_apart_merge_as_in_the_reference() {
    let (_, file, said) = open("closed_forms");
    let value = |key: &str| said["ties"][key].as_f64().unwrap();
    let merge = Merge { share: value("share"), scale: value("scale") };
    assert_eq!(merge, Merge::default(), "the published values");
    let wanted = file.read("ties/merged");
    let changes = file.read("ties/changes").into_iter().map(f64::from).collect::<Vec<_>>();
    let changes = changes.chunks_exact(wanted.len()).map(<[f64]>::to_vec).collect();
    let found: Vec<f32> = merged(changes, merge).into_iter().map(|value| value as f32).collect();
    assert!(distance(&found, &wanted) < 1e-6);
}
