//! JSON from foreign files: capped in size and depth, and refused when an object repeats a key.

use std::fmt;
use std::io::Read;
use std::path::Path;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::{Error, Result};
use crate::store::plain::open_plain;

/// The largest configuration file that is read: 16 MiB.
pub const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// Reads a JSON object from a file of at most `cap` bytes.
///
/// # Errors
/// As for [`read_capped`], or it is not JSON, repeats a key or does not hold an object.
pub fn read_object(path: &Path, cap: u64) -> Result<Map<String, Value>> {
    parse_object(path, &read_capped(path, cap)?)
}

/// Reads a whole file of at most `cap` bytes.
///
/// # Errors
/// The file cannot be read, is larger, or is a device or a pipe.
pub fn read_capped(path: &Path, cap: u64) -> Result<Vec<u8>> {
    let file = open_plain(path)?;
    let mut bytes = Vec::new();
    file.take(cap + 1).read_to_end(&mut bytes).map_err(Error::read(path))?;
    if bytes.len() as u64 > cap {
        let why = format!("is larger than {cap} bytes, which such a file never is");
        return Err(Error::file(path, why, "replace it with the file that its makers released"));
    }
    Ok(bytes)
}

/// Parses a JSON object; `path` is named in errors.
///
/// # Errors
/// It is not JSON, repeats a key or does not hold an object.
pub fn parse_object(path: &Path, bytes: &[u8]) -> Result<Map<String, Value>> {
    let remedy = "correct the file, or take it from its source again";
    match serde_json::from_slice::<Strict>(bytes) {
        Ok(Strict(Value::Object(map))) => Ok(map),
        Ok(_) => Err(Error::file(path, "does not hold a JSON object", remedy)),
        Err(error) => Err(Error::file(path, format!("is not valid JSON: {error}"), remedy)),
    }
}

/// A JSON value in which no object repeats a key (serde_json by itself keeps the last one).
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> DeserializeSeed<'de> for StrictVisitor {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(StrictVisitor)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(StrictVisitor)?;
            if map.contains_key(&key) {
                return Err(de::Error::custom(format!("key `{key}` is there twice")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Map<String, Value>> {
        parse_object(Path::new("config.json"), text.as_bytes())
    }

    #[test]
    fn keeps_the_order_and_the_values() {
        let map = parse(r#"{"b": [1, -2, 0.5, null], "a": {"x": true, "y": "z"}}"#).unwrap();
        assert_eq!(
            Value::Object(map).to_string(),
            r#"{"b":[1,-2,0.5,null],"a":{"x":true,"y":"z"}}"#
        );
    }

    #[test]
    fn refuses_what_serde_json_would_swallow() {
        for text in [r#"{"a": 1, "a": 2}"#, r#"{"o": [{"a": 1, "a": 2}]}"#] {
            assert!(parse(text).unwrap_err().to_string().contains("`a` is there twice"));
        }
        for text in ["[]", "{", "{} {}", "", "{\"a\": NaN}", &"[".repeat(100_000)] {
            assert!(parse(text).is_err(), "{text:.20}");
        }
    }
}
