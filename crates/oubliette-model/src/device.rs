//! Where tensors live and with how many bits: the values of `--device` and `--dtype`.

use std::fmt;
use std::str::FromStr;

use burn::tensor::{DType, Device};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A kind of device. All can be named; those that were not compiled in are refused by
/// [`DeviceKind::open`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// The processor, with burn's pure-Rust backend.
    #[default]
    Flex,
    /// An NVIDIA card through CUDA (cargo feature `cuda`).
    Cuda,
    /// Any card through Vulkan (cargo feature `vulkan`).
    Vulkan,
    /// An Apple card through Metal (cargo feature `metal`).
    Metal,
    /// An AMD card through ROCm (cargo feature `rocm`).
    Rocm,
}

impl DeviceKind {
    /// All kinds, in the order in which they are listed to users.
    pub const ALL: [Self; 5] = [Self::Flex, Self::Cuda, Self::Vulkan, Self::Metal, Self::Rocm];

    /// The name that users type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flex => "cpu",
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
            Self::Metal => "metal",
            Self::Rocm => "rocm",
        }
    }

    /// The first device of this kind.
    ///
    /// # Errors
    /// The device was not compiled in.
    pub fn open(self) -> Result<Device> {
        match self {
            Self::Flex => Ok(Device::flex()),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(Device::cuda(0)),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => Ok(Device::vulkan(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "metal")]
            Self::Metal => Ok(Device::metal(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "rocm")]
            Self::Rocm => Ok(Device::rocm(0)),
            #[allow(unreachable_patterns, reason = "reached unless every device is compiled in")]
            other => Err(Error::setting(
                "device",
                format!("names `{other}`, which this program was built without"),
                format!("build it with `--features {other}`, or use `cpu`"),
            )),
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DeviceKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            Error::setting(
                "device",
                format!("is `{text}`, which is not a device"),
                "choose cpu, cuda, vulkan, metal or rocm",
            )
        })
    }
}

/// The number format that weights are held and computed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats: what is tested against the reference implementations.
    #[default]
    F32,
    /// 16-bit floats with 10 bits of fraction.
    F16,
    /// 16-bit floats with 7 bits of fraction and the range of `f32`.
    Bf16,
}

impl Precision {
    /// The name that users type.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }

    /// The same as burn calls it.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
        }
    }

    /// Bytes per number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::F32, Self::F16, Self::Bf16].into_iter().find(|p| p.name() == text).ok_or_else(|| {
            Error::setting(
                "dtype",
                format!("is `{text}`, which is not a number format"),
                "choose f32, f16 or bf16",
            )
        })
    }
}
