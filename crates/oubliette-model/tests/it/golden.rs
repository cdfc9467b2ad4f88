//! Goldens by name, folders under test, and how near is near enough.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Int, Tensor, TensorData};
use image::RgbImage;
use oubliette_model::families::{LoadOptions, StableDiffusion};
use safetensors::{Dtype, SafeTensors};
use serde::de::DeserializeOwned;

/// How far an output may be from the golden, relative to the largest value where that is above one.
pub(crate) const NEAR: f64 = 1e-4;

/// A file of the goldens.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/data").join(name)
}

/// The larger models, or none where `OUBLIETTE_TEST_DATA` is not set; set but missing is a failure.
pub(crate) fn models() -> Option<PathBuf> {
    let Some(data) = std::env::var_os("OUBLIETTE_TEST_DATA") else {
        eprintln!("skipped what needs the larger models: OUBLIETTE_TEST_DATA is not set");
        return None;
    };
    let data = PathBuf::from(data);
    // Cargo runs tests in the crate's folder; a relative path is meant from the workspace's.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let models = root.join(data).join("models");
    assert!(models.is_dir(), "OUBLIETTE_TEST_DATA is set, but {} is missing", models.display());
    Some(models)
}

/// A model on the processor in f32.
pub(crate) fn load(folder: &Path) -> StableDiffusion {
    StableDiffusion::load(folder, &LoadOptions::on(Device::flex())).unwrap()
}

/// A JSON file of the goldens.
pub(crate) fn json<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&fs::read(path(name)).unwrap()).unwrap()
}

/// A safetensors file of the goldens.
pub(crate) struct Tensors {
    name: String,
    bytes: Vec<u8>,
}

impl Tensors {
    pub(crate) fn open(name: &str) -> Self {
        Self { name: name.to_owned(), bytes: fs::read(path(name)).unwrap() }
    }

    fn file(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.file().names().into_iter().map(str::to_owned).collect()
    }

    pub(crate) fn shape(&self, name: &str) -> Vec<usize> {
        self.file().tensor(name).unwrap().shape().to_vec()
    }

    /// Any numbers as f64.
    pub(crate) fn numbers(&self, name: &str) -> Vec<f64> {
        let file = self.file();
        let view = file.tensor(name).unwrap_or_else(|_| panic!("no `{name}` in {}", self.name));
        let bytes = view.data();
        match view.dtype() {
            Dtype::F32 => collect::<4>(bytes, |b| f32::from_le_bytes(b).into()),
            Dtype::F64 => collect::<8>(bytes, f64::from_le_bytes),
            Dtype::I64 => collect::<8>(bytes, |b| i64::from_le_bytes(b) as f64),
            Dtype::U8 => bytes.iter().copied().map(f64::from).collect(),
            other => panic!("`{name}` is {other:?}"),
        }
    }

    pub(crate) fn floats<const D: usize>(&self, name: &str) -> Tensor<D> {
        let values: Vec<f32> = self.numbers(name).into_iter().map(|v| v as f32).collect();
        Tensor::from_data(TensorData::new(values, self.shape(name)), &Device::flex())
    }

    pub(crate) fn ints<const D: usize>(&self, name: &str) -> Tensor<D, Int> {
        let values: Vec<i64> = self.numbers(name).into_iter().map(|v| v as i64).collect();
        Tensor::from_data(TensorData::new(values, self.shape(name)), &Device::flex())
    }

    /// A picture (height, width, 3) of whole levels.
    pub(crate) fn picture(&self, name: &str) -> RgbImage {
        let [height, width, 3] = self.shape(name)[..] else { panic!("`{name}` is no picture") };
        let levels = self.numbers(name).into_iter().map(|level| level as u8).collect();
        RgbImage::from_raw(width as u32, height as u32, levels).unwrap()
    }

    /// Fails unless the tensor has the golden's shape and numbers.
    pub(crate) fn expect<const D: usize>(&self, name: &str, found: Tensor<D>) {
        self.expect_within(NEAR, name, found);
    }

    /// The same where numbers may be further off.
    pub(crate) fn expect_within<const D: usize>(
        &self,
        tolerance: f64,
        name: &str,
        found: Tensor<D>,
    ) {
        assert_eq!(found.dims().to_vec(), self.shape(name), "shape of {name} in {}", self.name);
        let found: Vec<f32> = found.into_data().convert::<f32>().try_into_vec().unwrap();
        near(&format!("{} {name}", self.name), &found, &self.numbers(name), tolerance);
    }
}

fn collect<const N: usize>(bytes: &[u8], decode: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    bytes.chunks_exact(N).map(|chunk| decode(chunk.try_into().unwrap())).collect()
}

/// Fails unless all numbers are within `tolerance`, and says by how much they differ.
pub(crate) fn near(what: &str, found: &[f32], wanted: &[f64], tolerance: f64) {
    assert_eq!(found.len(), wanted.len(), "{what}: count of numbers");
    let scale = wanted.iter().fold(1.0_f64, |most, value| most.max(value.abs()));
    let differences =
        found.iter().zip(wanted).map(|(found, wanted)| (f64::from(*found) - wanted).abs());
    let worst =
        differences.fold(0.0_f64, |most, d| if d.is_nan() { f64::INFINITY } else { most.max(d) });
    println!("{what}: {:.1e}", worst / scale);
    assert!(worst <= tolerance * scale, "{what}: off by {worst:e} where values reach {scale:e}");
}
