//! Settings of a part, as a plan keeps them: JSON with sorted keys and finite numbers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use crate::{Error, Result};

/// Settings by name.
pub type Settings = BTreeMap<String, Value>;

/// A named part with its settings, as a recipe writes it: a table with `name` (or `kind`) and the
/// part's own keys, which only the part itself can check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Named {
    /// The part's name in its list.
    pub name: String,
    /// Every other key of the table.
    #[serde(flatten)]
    pub settings: toml::Table,
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = toml::Table::deserialize(deserializer)?;
        match settings.remove("name") {
            Some(toml::Value::String(name)) => Ok(Self { name, settings }),
            Some(_) => Err(D::Error::custom("`name` is not a text")),
            None => Err(D::Error::missing_field("name")),
        }
    }
}

impl JsonSchema for Named {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Named".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A part by name, with the settings of that part.",
            "type": "object",
            "required": ["name"],
            "properties": { "name": { "type": "string" } },
        })
    }
}

/// Turns a TOML table into settings; NaN, infinities and dates are refused.
pub fn settings(table: &toml::Table) -> Result<Settings> {
    table.iter().map(|(key, value)| Ok((key.clone(), json(key, value)?))).collect()
}

fn json(key: &str, value: &toml::Value) -> Result<Value> {
    Ok(match value {
        toml::Value::String(s) => Value::from(s.as_str()),
        toml::Value::Integer(i) => Value::from(*i),
        toml::Value::Float(f) => {
            let refused = |thing: String| Error::value(thing, "write a finite number");
            let real = crate::Real::new(*f).map_err(|_| refused(format!("`{key}` is {f}")))?;
            serde_json::to_value(real).map_err(|e| refused(format!("`{key}`: {e}")))?
        }
        toml::Value::Boolean(b) => Value::from(*b),
        toml::Value::Datetime(_) => {
            return Err(Error::value(format!("`{key}` is a date"), "write it as a text"));
        }
        toml::Value::Array(items) => {
            Value::Array(items.iter().map(|item| json(key, item)).collect::<Result<_>>()?)
        }
        toml::Value::Table(table) => Value::Object(settings(table)?.into_iter().collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_become_settings() {
        let table = toml::from_str("a = 1.0\nb = [true, \"x\"]\n[c]\nd = 1e-4").unwrap();
        let text = crate::canonical::to_text(&settings(&table).unwrap()).unwrap();
        assert_eq!(text, r#"{"a":1,"b":[true,"x"],"c":{"d":0.0001}}"#);
        for bad in ["a = nan", "a = [inf]", "a = 1979-05-27"] {
            let refused = settings(&toml::from_str(bad).unwrap()).unwrap_err().to_string();
            assert!(refused.contains("`a`"), "{bad}: {refused}");
        }
    }
}
