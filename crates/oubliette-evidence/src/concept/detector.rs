//! A detector as a concept file names it: a kind, and settings that only that kind can check.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// One `[[detector]]` table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectorSpec {
    /// The detector's name in the list of detectors.
    pub kind: String,
    /// Every other key of the table.
    #[serde(flatten)]
    pub settings: toml::Table,
}

impl<'de> Deserialize<'de> for DetectorSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = toml::Table::deserialize(deserializer)?;
        match settings.remove("kind") {
            Some(toml::Value::String(kind)) => Ok(Self { kind, settings }),
            Some(_) => Err(D::Error::custom("`kind` is not a text")),
            None => Err(D::Error::missing_field("kind")),
        }
    }
}

impl JsonSchema for DetectorSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DetectorSpec".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A detector by kind, with the settings of that kind.",
            "type": "object",
            "required": ["kind"],
            "properties": { "kind": { "type": "string" } },
        })
    }
}
