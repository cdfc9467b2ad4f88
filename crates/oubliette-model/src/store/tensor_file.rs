//! One safetensors file, read tensor by tensor.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use half::{bf16, f16};

use crate::error::{Error, Result};
use crate::store::header::{Entry, Header, Stored, read_header};
use crate::store::plain::open_plain;

/// An open safetensors file.
///
/// It is read at positions rather than mapped: pages of a map would count as memory beside the
/// tensors made from them, and a file that shrinks under a map ends the process.
#[derive(Debug)]
pub struct TensorFile {
    path: PathBuf,
    file: Mutex<File>,
    header: Header,
}

impl TensorFile {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// The file cannot be read, is not well-formed, or is a device or a pipe.
    pub fn open(path: &Path) -> Result<Self> {
        let file = open_plain(path)?;
        let header = read_header(path, &file)?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), header })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tensors by name.
    pub fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.header.entries
    }

    /// The texts beside the tensors: the format's `__metadata__`.
    pub fn notes(&self) -> &BTreeMap<String, String> {
        &self.header.notes
    }

    fn entry(&self, name: &str) -> Result<&Entry> {
        let remedy = "get the file again";
        let missing = || Error::tensor(&self.path, name, "is missing", remedy);
        self.header.entries.get(name).ok_or_else(missing)
    }

    /// The numbers of a tensor in row-major order.
    ///
    /// # Errors
    /// The tensor is missing, holds other numbers than floats, or one that is not finite.
    pub fn read(&self, name: &str) -> Result<Vec<f32>> {
        let entry = self.entry(name)?;
        let values = match entry.stored {
            Stored::F32 => self.read_f32(entry)?,
            Stored::F16 => self.read_halves(entry, |bits| f16::from_bits(bits).to_f32())?,
            Stored::Bf16 => self.read_halves(entry, |bits| bf16::from_bits(bits).to_f32())?,
            Stored::Other(_) => {
                let remedy = "convert the model to F32, F16 or BF16";
                return Err(Error::tensor(&self.path, name, "does not hold such floats", remedy));
            }
        };
        if values.iter().all(|value| value.is_finite()) {
            return Ok(values);
        }
        let remedy =
            "the model is damaged (training diverged, or f16 overflowed); use another copy";
        Err(Error::tensor(&self.path, name, "holds NaN or infinity", remedy))
    }

    fn read_f32(&self, entry: &Entry) -> Result<Vec<f32>> {
        let mut values = vec![0.0_f32; entry.length / 4];
        self.read_at(entry, bytemuck::cast_slice_mut(&mut values))?;
        if cfg!(target_endian = "big") {
            values.iter_mut().for_each(|v| *v = f32::from_bits(v.to_bits().swap_bytes()));
        }
        Ok(values)
    }

    fn read_halves(&self, entry: &Entry, decode: fn(u16) -> f32) -> Result<Vec<f32>> {
        let mut halves = vec![0_u16; entry.length / 2];
        self.read_at(entry, bytemuck::cast_slice_mut(&mut halves))?;
        Ok(halves.into_iter().map(|bits| decode(u16::from_le(bits))).collect())
    }

    fn read_at(&self, entry: &Entry, buffer: &mut [u8]) -> Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(entry.start)).map_err(Error::read(&self.path))?;
        file.read_exact(buffer).map_err(Error::read(&self.path))
    }
}

/// The bytes that a file holds for `values`.
///
/// # Errors
/// The first value that the format cannot hold as a finite number.
pub(crate) fn encode(values: &[f32], stored: Stored) -> Result<Vec<u8>, f32> {
    let mut bytes = Vec::with_capacity(values.len() * stored.bytes());
    for &value in values {
        let finite = match stored {
            Stored::F16 => {
                let half = f16::from_f32(value);
                bytes.extend(half.to_le_bytes());
                half.is_finite()
            }
            Stored::Bf16 => {
                let half = bf16::from_f32(value);
                bytes.extend(half.to_le_bytes());
                half.is_finite()
            }
            _ => {
                bytes.extend(value.to_le_bytes());
                value.is_finite()
            }
        };
        if !finite {
            return Err(value);
        }
    }
    Ok(bytes)
}
