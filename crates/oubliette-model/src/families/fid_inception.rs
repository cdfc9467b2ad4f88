//! The network of the Fréchet Inception Distance, from a folder that the user makes of its weights.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::{DType, Device, Tensor, TensorData};
use image::RgbImage;

use crate::error::Result;
use crate::networks::Inception;
use crate::store::{Component, Config, Folder, Naming, Place, Shards};
use crate::weights::Weights;

const PREFIX: &str = "inception";

/// Inception v3 with the weights of 2015.
///
/// Its folder holds the state of pytorch-fid's `fid_inception_v3()` as `model.safetensors`, and a `config.json` of
/// `{"architectures": ["FIDInceptionV3"]}`. Features agree with pytorch-fid's on the same pictures.
#[derive(Clone, Debug)]
pub struct FidInception {
    weights: Weights,
}

/// torchvision's names; the head that tells labels is not used, nor are counts of training batches.
struct Names;

impl Naming for Names {
    fn candidates(&self, name: &str) -> Vec<Place> {
        vec![Place::whole(name)]
    }

    fn is_ignored(&self, tensor: &str) -> bool {
        tensor.starts_with("fc.") || tensor.ends_with(".num_batches_tracked")
    }
}

impl FidInception {
    /// The class that `config.json` names.
    pub const CLASS: &'static str = "FIDInceptionV3";

    /// Loads the folder.
    ///
    /// # Errors
    /// A file is missing, malformed, or of something else.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let folder = Folder::open(path)?;
        Config::read(&folder, Self::CLASS)?;
        let shards = Arc::new(Shards::open(&folder, "model", None)?);
        let component = Component::find(PREFIX, shards, Inception.shapes(), &Names)?;
        let mut weights = Weights::new();
        component.load(&mut weights, device, DType::F32)?;
        Ok(Self { weights })
    }

    /// The last mean over the picture, (pictures, 2048). Pictures of any sizes become 299 x 299 pixels, by straight lines between the nearest
    /// pixels, as pytorch-fid does it.
    pub fn features(&self, pictures: &[RgbImage], device: &Device) -> Tensor<2> {
        let resized = pictures.iter().map(|picture| resized(picture, device)).collect();
        Inception.features(&self.weights.scope(PREFIX), Tensor::cat(resized, 0))
    }
}

/// Levels between -1 and 1, (1, 3, 299, 299).
fn resized(picture: &RgbImage, device: &Device) -> Tensor<4> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let levels =
        |channel: usize| picture.pixels().map(move |pixel| f32::from(pixel.0[channel]) / 255.0);
    let values: Vec<f32> = (0..3).flat_map(levels).collect();
    let x =
        Tensor::<3>::from_data(TensorData::new(values, [3, height, width]), (device, DType::F32));
    let [down, across] = [height, width].map(|side| lines(side, device));
    let x = down.unsqueeze::<3>().repeat_dim(0, 3).matmul(x);
    let x = x.matmul(across.transpose().unsqueeze::<3>().repeat_dim(0, 3));
    (x * 2.0 - 1.0).unsqueeze::<4>()
}

/// The matrix (299, side) that takes a row of pixels to the larger or smaller one, without widening the filter for smaller ones.
fn lines(side: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0.0; Inception::SIDE * side];
    for (place, row) in values.chunks_mut(side.max(1)).enumerate() {
        let at = (place as f32 + 0.5) * (side as f32 / Inception::SIDE as f32) - 0.5;
        let at = at.max(0.0);
        let first = (at as usize).min(side - 1);
        let share = at - first as f32;
        row[first] += 1.0 - share;
        row[(first + 1).min(side - 1)] += share;
    }
    Tensor::from_data(TensorData::new(values, [Inception::SIDE, side]), (device, DType::F32))
}
