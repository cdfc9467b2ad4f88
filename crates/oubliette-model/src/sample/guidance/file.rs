//! The file of a policy: read as if its writer meant harm, checked against the tokenizer, written with its schema.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Guidance;
use crate::error::{Error, Result};
use crate::store::{Folder, NewFolder, read_object};
use crate::tokenizer::ClipTokenizer;

/// The name of the file beside a model's components that holds its policy.
pub const GUIDANCE_FILE: &str = "oubliette_guide.json";

/// Such a file never is larger.
const MAX_BYTES: u64 = 64 << 10;
const SCHEMA: u64 = 1;
const AGAIN: &str = "correct the file, or take the model's folder from its source again";

/// A sampling policy that a model's folder carries.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Guide")]
pub struct GuidanceFile {
    /// The version of the format: 1.
    #[schemars(extend("const" = 1))]
    pub schema: u64,
    /// The policy by which every picture of the model is sampled.
    pub guidance: Guidance,
}

/// The policy of a folder, where it has one; whether the text encoder reads all of its text is not yet known.
pub(crate) fn read(folder: &Folder) -> Result<Option<Guidance>> {
    let Some(path) = folder.optional(GUIDANCE_FILE)? else { return Ok(None) };
    let map = read_object(&path, MAX_BYTES)?;
    check_schema(&path, &map)?;
    let file: GuidanceFile = serde_json::from_value(Value::Object(map))
        .map_err(|error| Error::file(&path, format!("is no policy: {error}"), AGAIN))?;
    file.guidance.check_values(&path)?;
    Ok(Some(file.guidance))
}

/// Before anything else: another version may have other keys.
fn check_schema(path: &Path, map: &Map<String, Value>) -> Result<()> {
    let schema = map.get("schema");
    if schema.and_then(Value::as_u64) == Some(SCHEMA) {
        return Ok(());
    }
    let why = schema.map_or_else(|| "is missing".to_owned(), |found| format!("is {found:.40}"));
    let remedy = "this version reads schema 1 only; use the version that the file was made for";
    Err(Error::config(path, "schema", why, remedy))
}

impl Guidance {
    /// The policy that a model's folder carries, if it carries one; loads nothing else.
    ///
    /// # Errors
    /// The folder or the file cannot be read, or the file is not a whole policy.
    pub fn of_folder(folder: &Path) -> Result<Option<Self>> {
        read(&Folder::open(folder)?)
    }

    /// Refuses values out of range. `path` is named in errors.
    pub(crate) fn check_values(&self, path: &Path) -> Result<()> {
        let refuse = |(key, why, remedy)| Err(Error::config(path, key, why, remedy));
        self.fault().map_or(Ok(()), refuse)
    }

    /// Refuses a text of which the text encoder would not read the end. `path` is named in errors.
    pub(crate) fn check_length(&self, path: &Path, tokenizer: &ClipTokenizer) -> Result<()> {
        let dropped = tokenizer.encode(self.text())?.dropped;
        if dropped == 0 {
            return Ok(());
        }
        let why = format!("is {dropped} tokens longer than the text encoder reads");
        Err(Error::config(path, "text", why, "shorten it: nothing leads away from what is cut off"))
    }

    /// Writes the file into a folder that is being made.
    pub(crate) fn write(&self, new: &NewFolder) -> Result<()> {
        let file = GuidanceFile { schema: SCHEMA, guidance: self.clone() };
        let value =
            serde_json::to_value(&file).expect("plain values with text keys can be written");
        new.write_json(GUIDANCE_FILE, &value)
    }
}
