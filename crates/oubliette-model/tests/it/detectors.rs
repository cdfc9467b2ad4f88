//! CLIP and picture classifiers, from pictures of several sizes to logits.

use std::path::Path;

use burn::tensor::Device;
use image::RgbImage;
use oubliette_model::families::{Classifier, Clip};
use oubliette_model::preprocess::Preprocessor;
use serde::Deserialize;

use crate::golden::{self, Tensors};

/// Prepares every picture alone and compares it.
fn check_pixels(golden: &Tensors, preprocessor: &Preprocessor) -> Vec<RgbImage> {
    let pictures: Vec<_> = (0..4).map(|i| golden.picture(&format!("picture.{i}"))).collect();
    for (index, picture) in pictures.iter().enumerate() {
        let pixels = preprocessor.prepare(std::slice::from_ref(picture), &Device::flex());
        golden.expect(&format!("pixels.{index}"), pixels.squeeze_dim::<3>(0));
    }
    pictures
}

fn check_clip(folder: &Path, name: &str) {
    #[derive(Deserialize)]
    struct Asked {
        prompts: Vec<String>,
    }
    let golden = Tensors::open(&format!("{name}.safetensors"));
    let clip = Clip::load(folder, &Device::flex()).unwrap();
    let pictures = check_pixels(&golden, &clip.preprocessor);
    let images = clip.image_embeddings(&pictures, &Device::flex());
    let asked: Asked = golden::json(&format!("{name}.json"));
    let texts = clip.text_embeddings(&asked.prompts, &Device::flex()).unwrap();
    golden.expect("image_embeds", images.clone());
    golden.expect("text_embeds", texts.clone());
    golden.expect("logits_per_image", clip.logits(images, texts));
}

fn check_classifier(folder: &Path, name: &str) {
    #[derive(Deserialize)]
    struct Asked {
        labels: Vec<String>,
    }
    let golden = Tensors::open(&format!("{name}.safetensors"));
    let classifier = Classifier::load(folder, &Device::flex()).unwrap();
    let asked: Asked = golden::json(&format!("{name}.json"));
    assert_eq!(classifier.network.labels, asked.labels);
    let pictures = check_pixels(&golden, &classifier.preprocessor);
    golden.expect("logits", classifier.logits(&pictures, &Device::flex()));
}

#[test]
fn tiny_detectors() {
    check_clip(&golden::path("tiny-clip"), "of-tiny-clip");
    check_classifier(&golden::path("tiny-vit"), "of-tiny-vit");
}

#[test]
fn larger_detectors() {
    let Some(models) = golden::models() else { return };
    check_clip(&models.join("clip"), "of-clip");
    check_classifier(&models.join("judge-object"), "of-judge-object");
    check_classifier(&models.join("judge-style"), "of-judge-style");
}
