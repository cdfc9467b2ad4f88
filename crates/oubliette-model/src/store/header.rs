//! The header of a safetensors file, read as if its writer meant harm.
//!
//! The format: eight bytes with the length of the header, the header as JSON, then the numbers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::store::json::parse_object;

/// The longest header that is read: 32 MiB, some hundred thousand tensors.
const MAX_HEADER_BYTES: u64 = 32 << 20;
const AGAIN: &str = "the file is damaged or was cut short; get it again";

/// How numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 16-bit floats with the range of `f32`.
    Bf16,
    /// Anything else, of so many bytes: allowed in tensors that are not weights.
    Other(usize),
}

impl Stored {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "F32" => Self::F32,
            "F16" => Self::F16,
            "BF16" => Self::Bf16,
            "F64" | "I64" | "U64" => Self::Other(8),
            "I32" | "U32" => Self::Other(4),
            "I16" | "U16" => Self::Other(2),
            "I8" | "U8" | "BOOL" | "F8_E5M2" | "F8_E4M3" => Self::Other(1),
            _ => return None,
        })
    }

    /// The name that the format gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::Other(_) => "not a format for weights",
        }
    }

    /// Bytes per number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Other(bytes) => bytes,
        }
    }
}

/// Where a tensor is in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number format.
    pub stored: Stored,
    /// The sizes of the axes.
    pub shape: Vec<usize>,
    /// Its first byte, counted from the start of the file.
    pub start: u64,
    /// Its length in bytes.
    pub length: usize,
}

/// What the header of a file says.
#[derive(Debug)]
pub(super) struct Header {
    /// Where each tensor is.
    pub(super) entries: BTreeMap<String, Entry>,
    /// The texts of `__metadata__`.
    pub(super) notes: BTreeMap<String, String>,
}

/// Reads and checks the header of `file`, which is at `path`.
///
/// # Errors
/// Whatever the format forbids: see the messages.
pub(super) fn read_header(path: &Path, mut file: &File) -> Result<Header> {
    let whole = file.metadata().map_err(Error::read(path))?.len();
    let mut length = [0; 8];
    if whole < 8 {
        return Err(Error::file(path, format!("is only {whole} bytes long"), AGAIN));
    }
    file.read_exact(&mut length).map_err(Error::read(path))?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES || length > whole - 8 {
        let why = format!("claims a header of {length} bytes in a file of {whole}");
        return Err(Error::file(path, why, AGAIN));
    }
    let mut header = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact(&mut header).map_err(Error::read(path))?;
    let map = parse_object(path, &header)?;
    let start = 8 + length;
    let header = parts(path, &map, start)?;
    check_layout(path, &header.entries, start, whole)?;
    Ok(header)
}

fn parts(path: &Path, map: &Map<String, Value>, start: u64) -> Result<Header> {
    let (mut entries, mut notes) = (BTreeMap::new(), BTreeMap::new());
    for (name, value) in map {
        if name == "__metadata__" {
            let malformed = || Error::file(path, "has malformed `__metadata__`", AGAIN);
            notes = texts(value).ok_or_else(malformed)?;
        } else {
            let refused = |why: &str| Error::tensor(path, name, why, AGAIN);
            let entry = entry(value, start).map_err(refused)?;
            entries.insert(name.clone(), entry);
        }
    }
    Ok(Header { entries, notes })
}

fn texts(value: &Value) -> Option<BTreeMap<String, String>> {
    let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    value.as_object()?.iter().map(text).collect()
}

fn entry(value: &Value, start: u64) -> Result<Entry, &'static str> {
    let map = value.as_object().ok_or("is not described by an object")?;
    if map.keys().any(|key| !matches!(key.as_str(), "dtype" | "shape" | "data_offsets")) {
        return Err("has a description with unknown keys");
    }
    let stored = map.get("dtype").and_then(Value::as_str).and_then(Stored::from_name);
    let stored = stored.ok_or("has an unknown number format")?;
    let shape = sizes(map.get("shape")).filter(|shape| shape.len() <= 8);
    let shape = shape.ok_or("has a malformed shape")?;
    let offsets = sizes(map.get("data_offsets")).ok_or("has malformed offsets")?;
    let &[from, to] = offsets.as_slice() else { return Err("has malformed offsets") };
    let count = shape.iter().try_fold(stored.bytes(), |bytes, &size| bytes.checked_mul(size));
    let length = to.checked_sub(from).ok_or("ends before it begins")?;
    if count != Some(length) {
        return Err("has a shape that does not fit its offsets");
    }
    let start = start.checked_add(from as u64).ok_or("begins outside of the file")?;
    Ok(Entry { stored, shape, start, length })
}

fn sizes(value: Option<&Value>) -> Option<Vec<usize>> {
    let size = |value: &Value| usize::try_from(value.as_u64()?).ok();
    value?.as_array()?.iter().map(size).collect()
}

/// Tensors must lie one after the other without gap or overlap and end where the file ends.
fn check_layout(
    path: &Path,
    entries: &BTreeMap<String, Entry>,
    start: u64,
    whole: u64,
) -> Result<()> {
    let mut order: Vec<_> = entries.iter().collect();
    order.sort_by_key(|(_, entry)| (entry.start, entry.length));
    let mut end = start;
    for (name, entry) in order {
        if entry.start != end {
            return Err(Error::tensor(path, name, "overlaps another or leaves a gap", AGAIN));
        }
        end = end.saturating_add(entry.length as u64);
    }
    if end == whole {
        return Ok(());
    }
    let why = format!("is {whole} bytes long, its header describes {end}");
    Err(Error::file(path, why, AGAIN))
}
