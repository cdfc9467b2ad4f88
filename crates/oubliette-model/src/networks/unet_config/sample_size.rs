//! How large the latents are that a U-Net was trained on.

use serde_json::Value;

use crate::error::Result;
use crate::networks::limits;
use crate::store::Fields;

/// The release of diffusers from which on the size in the file is the size.
const TRUSTED: (u64, u64) = (0, 9);
/// What diffusers takes in the place of a smaller one in files of before.
const LEAST: usize = 64;

/// Height and width, where the file says so.
pub(super) fn sample_size(fields: &Fields<'_>) -> Result<Option<(usize, usize)>> {
    if matches!(fields.value("sample_size"), Some(Value::Array(_))) {
        let sizes = fields.sizes("sample_size", &[], 2, limits::SIDE)?;
        return Ok(Some((sizes[0], sizes[sizes.len() - 1])));
    }
    let version = fields.value("_diffusers_version").and_then(Value::as_str);
    let old = version.and_then(release).is_some_and(|release| release < TRUSTED);
    let least = if old { LEAST } else { 1 };
    let side = fields.optional_size("sample_size", limits::SIDE)?;
    Ok(side.map(|side| side.max(least)).map(|side| (side, side)))
}

/// The first two numbers of a version: `0.9.0.dev0`, which comes before the release 0.9.0, counts as that.
fn release(version: &str) -> Option<(u64, u64)> {
    let mut numbers = version.split('.').map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..end].parse().ok()
    });
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn size(config: Value) -> Option<(usize, usize)> {
        let map = config.as_object().unwrap();
        sample_size(&Fields::new(Path::new("config.json"), map)).unwrap()
    }

    #[test]
    fn a_small_size_of_2022_is_diffusers_64() {
        for version in ["0.6.0", "0.8.1", "0.8.0.dev0", "0.4", "0.8rc1"] {
            let of = |side: Value| json!({"_diffusers_version": version, "sample_size": side});
            assert_eq!(size(of(json!(32))), Some((64, 64)), "{version}");
            assert_eq!(size(of(json!(96))), Some((96, 96)), "{version}");
            assert_eq!(size(of(json!([32, 48]))), Some((32, 48)), "{version}");
            assert_eq!(size(of(json!(null))), None, "{version}");
        }
    }

    #[test]
    fn any_other_size_is_as_it_stands() {
        for version in ["0.9.0", "0.9.0.dev0", "0.10.2", "0.42.1", "1.0.0", "9", "", "new"] {
            let config = json!({"_diffusers_version": version, "sample_size": 8});
            assert_eq!(size(config), Some((8, 8)), "{version}");
        }
        assert_eq!(size(json!({"sample_size": 8})), Some((8, 8)));
    }
}
