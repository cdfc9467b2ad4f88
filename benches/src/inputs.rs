//! The tensors that both sides are given.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use oubliette_model::{Weight, Weights};
use safetensors::{Dtype, SafeTensors};

/// Tensors of one safetensors file by name.
pub(crate) struct Inputs(BTreeMap<String, TensorData>);

impl Inputs {
    /// Reads f32 and i64 tensors; anything else is not in these files.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        let file = SafeTensors::deserialize(&bytes)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            let shape = view.shape().to_vec();
            let data = match view.dtype() {
                Dtype::F32 => {
                    TensorData::new(bytemuck::pod_collect_to_vec::<u8, f32>(view.data()), shape)
                }
                Dtype::I64 => {
                    TensorData::new(bytemuck::pod_collect_to_vec::<u8, i64>(view.data()), shape)
                }
                other => bail!("{name} is {other:?}"),
            };
            tensors.insert(name, data);
        }
        Ok(Self(tensors))
    }

    /// Whether there is such a tensor.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A tensor of floats.
    pub(crate) fn float<const D: usize>(&self, name: &str) -> Result<Tensor<D>> {
        let data = self.0.get(name).with_context(|| format!("no tensor `{name}`"))?;
        Ok(Tensor::from_data(data.clone(), &Device::flex()))
    }

    /// A tensor of whole numbers.
    pub(crate) fn int<const D: usize>(&self, name: &str) -> Result<Tensor<D, Int>> {
        let data = self.0.get(name).with_context(|| format!("no tensor `{name}`"))?;
        Ok(Tensor::from_data(data.clone(), &Device::flex()))
    }

    /// All of them as weights of one component.
    pub(crate) fn weights(&self, component: &str) -> Weights {
        let weight =
            |data: &TensorData| Weight::from_data(data.clone(), &Device::flex(), DType::F32);
        self.0.iter().map(|(name, data)| (format!("{component}/{name}"), weight(data))).collect()
    }
}

/// At most 64 values spread over a tensor, to compare with the other side's.
pub(crate) fn some<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let values = tensor.into_data().convert::<f32>().try_into_vec::<f32>().unwrap_or_default();
    let step = values.len().div_ceil(64).max(1);
    values.into_iter().step_by(step).collect()
}
