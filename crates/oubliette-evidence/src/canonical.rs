//! Canonical JSON: one text for one value, so that a digest of the text is a digest of the value.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Number, Value};

use crate::{Error, Result, number};

/// Writes a value: keys sorted by their UTF-8 bytes, no blanks, no `null`, numbers rounded and
/// without exponent (see `spec/evidence.md`).
pub fn to_text<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    let value = serde_json::to_value(value)
        .map_err(|e| refuse(&e.to_string(), "give every map keys of text"))?;
    let mut text = String::new();
    write(&value, &mut text)?;
    Ok(text)
}

/// Reads a value and refuses any text that is not its canonical form (a final line end is allowed
/// once). Duplicate keys, other orders, other blanks and other spellings of a number all end here.
pub fn from_text<T: Serialize + DeserializeOwned>(file: &Path, text: &str) -> Result<T> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let remedy = "restore the file as the tool wrote it";
    let value: T =
        serde_json::from_str(body).map_err(|e| Error::file(file, e.to_string(), remedy))?;
    match to_text(&value)? == body {
        true => Ok(value),
        false => Err(Error::file(file, "not in canonical form", remedy)),
    }
}

fn write(value: &Value, out: &mut String) -> Result<()> {
    match value {
        Value::Null => {
            Err(refuse("a missing or infinite number", "leave out what was not measured"))
        }
        Value::Bool(b) => push(out, format_args!("{b}")),
        Value::Number(n) => number(n, out),
        Value::String(s) => string(s, out),
        Value::Array(items) => list(out, '[', ']', items.iter(), write),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            list(out, '{', '}', entries.into_iter(), |(key, value), out| {
                string(key, out)?;
                out.push(':');
                write(value, out)
            })
        }
    }
}

fn list<I: Iterator>(
    out: &mut String,
    open: char,
    close: char,
    items: I,
    mut each: impl FnMut(I::Item, &mut String) -> Result<()>,
) -> Result<()> {
    out.push(open);
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(',');
        }
        each(item, out)?;
    }
    out.push(close);
    Ok(())
}

fn number(n: &Number, out: &mut String) -> Result<()> {
    if n.is_i64() || n.is_u64() {
        return push(out, format_args!("{n}"));
    }
    let value = n.as_f64().ok_or_else(|| refuse("a number", "keep it below 1.8e308"))?;
    push(out, format_args!("{}", number::round(value)))
}

fn string(s: &str, out: &mut String) -> Result<()> {
    let text = serde_json::to_string(s).map_err(|e| refuse("a text", &e.to_string()))?;
    out.push_str(&text);
    Ok(())
}

fn push(out: &mut String, what: std::fmt::Arguments<'_>) -> Result<()> {
    out.write_fmt(what).map_err(|e| refuse("a value", &e.to_string()))
}

fn refuse(thing: &str, remedy: &str) -> Error {
    Error::Canonical { thing: thing.to_owned(), remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_numbers_plain() {
        let value = json!({"b": [1, 2.50, 1e-7, 0.1 + 0.2], "a": {"z": "é\n", "y": true}});
        let text = r#"{"a":{"y":true,"z":"é\n"},"b":[1,2.5,0.0000001,0.3]}"#;
        assert_eq!(to_text(&value).unwrap(), text);
    }

    #[test]
    fn what_was_not_measured_is_never_written() {
        assert!(to_text(&json!({"rate": null})).is_err());
        assert!(to_text(&f64::NAN).is_err());
    }

    #[test]
    fn only_the_canonical_text_is_read() {
        let read = |text| from_text::<Value>(Path::new("x.json"), text);
        assert!(read("{\"a\":1}").is_ok());
        assert!(read("{\"a\":1}\n").is_ok());
        for bad in ["{\"a\": 1}", "{\"b\":1,\"a\":1}", "{\"a\":1,\"a\":1}", "{\"a\":1.50}", "{", ""]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
