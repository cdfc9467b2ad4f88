//! The network of the Fréchet Inception Distance, with weights that a hash gives both sides.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;
use image::{Rgb, RgbImage};
use oubliette_model::families::Backbone;
use oubliette_model::networks::Inception;
use safetensors::{Dtype, tensor::TensorView};

use crate::golden::{Tensors, near};

/// The sizes of `goldens/inception.py`, height first.
const SIZES: [(u32, u32); 3] = [(32, 32), (299, 299), (340, 301)];

/// Numbers from 0 to 1: FNV-1a of the name, then murmur's finaliser of each place.
fn uniform(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let seed = name
        .bytes()
        .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (0..count as u32).map(move |place| {
        let x = place.wrapping_mul(0x9E37_79B1).wrapping_add(seed);
        let x = (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B);
        let x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
        f64::from(x ^ (x >> 16)) / 2_f64.powi(32)
    })
}

fn weight(name: &str, shape: &[usize]) -> Vec<u8> {
    let values = uniform(name, shape.iter().product());
    let fan: usize = shape[1..].iter().product();
    let number = |value: f64| match name {
        gain if gain.ends_with("bn.weight") || gain.ends_with("running_var") => 0.5 + value,
        shift if shift.ends_with("bias") || shift.ends_with("running_mean") => {
            0.3 * (2.0 * value - 1.0)
        }
        _ => (2.0 * value - 1.0) * (6.0 / fan as f64).sqrt(),
    };
    values.flat_map(|value| (number(value) as f32).to_le_bytes()).collect()
}

/// A folder as the documentation has it made: with a head that is not used.
fn folder(at: &Path) {
    let mut shapes = Inception.shapes();
    shapes.insert("fc.weight".to_owned(), vec![10, 2048]);
    let bytes: BTreeMap<_, _> =
        shapes.iter().map(|(name, shape)| (name, weight(name, shape))).collect();
    let views = shapes.iter().map(|(name, shape)| {
        (name.clone(), TensorView::new(Dtype::F32, shape.clone(), &bytes[name]).unwrap())
    });
    safetensors::serialize_to_file(views, None, &at.join("model.safetensors")).unwrap();
    std::fs::write(at.join("config.json"), r#"{"architectures": ["FIDInceptionV3"]}"#).unwrap();
}

fn picture(height: u32, width: u32) -> RgbImage {
    let level = |c: u32, y: u32, x: u32| ((37 * x + 91 * y + 53 * c + x * y / 7) % 256) as u8;
    RgbImage::from_fn(width, height, |x, y| Rgb([0, 1, 2].map(|c| level(c, y, x))))
}

#[test]
fn features_are_those_of_pytorch_fid() {
    let scratch = tempfile::tempdir().unwrap();
    folder(scratch.path());
    let backbone = Backbone::load(scratch.path(), &Device::flex()).unwrap();
    assert_eq!(backbone.width(), 2048);
    let golden = Tensors::open("inception.safetensors");
    let pictures = SIZES.map(|(height, width)| picture(height, width));
    let features = backbone.features(&pictures, &Device::flex()).into_data().convert::<f32>();
    let features: Vec<f32> = features.try_into_vec().unwrap();
    for (index, found) in features.chunks(2048).enumerate() {
        let wanted = golden.numbers(&format!("features.{index}"));
        near(&format!("features of {:?}", SIZES[index]), found, &wanted, 1e-4);
    }
}
