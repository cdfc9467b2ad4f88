//! The tokenizer against transformers' on awkward text, for every folder layout.

use std::path::Path;

use oubliette_model::tokenizer::ClipTokenizer;
use serde::Deserialize;

use crate::golden;

#[derive(Deserialize)]
struct Line {
    text: String,
    ids: Vec<u32>,
}

fn check(name: &str, folder: &Path) {
    let tokenizer = ClipTokenizer::load(folder, 16).unwrap();
    for line in golden::json::<Vec<Line>>(&format!("token-ids/{name}.json")) {
        assert_eq!(tokenizer.encode(&line.text).unwrap().ids, line.ids, "{name}: {:?}", line.text);
    }
}

#[test]
fn tiny_tokenizers() {
    check("tiny-sd1", &golden::path("tiny-sd1/tokenizer"));
    check("tiny-sd2", &golden::path("tiny-sd2/tokenizer"));
    check("tiny-clip", &golden::path("tiny-clip"));
}

#[test]
fn larger_tokenizers_in_both_layouts() {
    let Some(models) = golden::models() else { return };
    check("emoji-sd", &models.join("emoji-sd/tokenizer"));
    check("emoji-sd-twin", &models.join("emoji-sd-without-lion-guitar-banana/tokenizer"));
    check("clip", &models.join("clip"));
}
