//! The notes of a safetensors file: the texts of its `__metadata__`.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::store::json::parse_object;
use crate::store::plain::open_plain;

/// The longest header that is read.
const MAX_HEADER_BYTES: u64 = 32 << 20;

/// The notes of a safetensors file; none where it has none.
///
/// # Errors
/// The file cannot be read, its header is malformed, or it is a device or a pipe.
pub fn metadata(path: &Path) -> Result<BTreeMap<String, String>> {
    let mut file = open_plain(path)?;
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(Error::read(path))?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        let why = format!("claims a header of {length} bytes");
        return Err(Error::file(path, why, "the file is damaged; get it again"));
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(Error::read(path))?;
    let map = parse_object(path, &header)?;
    let notes = map.get("__metadata__").and_then(Value::as_object);
    let texts = notes.into_iter().flatten();
    Ok(texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
}
