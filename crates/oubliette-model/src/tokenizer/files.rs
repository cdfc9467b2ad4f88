//! The files of a `tokenizer/` folder, in the layout of 2022 (`vocab.json`, `merges.txt`) or of today (`tokenizer.json`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use tokenizers::AddedToken;

use crate::error::{Error, Result};
use crate::store::{parse_object, read_capped};

/// No file of a tokenizer comes near this size.
const LARGEST_FILE: u64 = 64 << 20;
/// The most added tokens, and the most bytes of one: all of them are looked for in every text at once.
const MOST_ADDED: usize = 1 << 14;
const LONGEST_ADDED: usize = 256;

/// The bytes of each file that is there.
#[derive(Clone, Debug, Default)]
pub struct TokenizerFiles {
    /// Where they lie, for messages.
    pub folder: PathBuf,
    /// Name to bytes.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// What the files say.
pub(super) struct Parts {
    pub vocab: BTreeMap<String, u32>,
    pub merges: Vec<(String, String)>,
    pub added: Vec<(Option<u32>, AddedToken)>,
    pub bos: AddedToken,
    pub eos: AddedToken,
    pub unk: AddedToken,
    pub pad: AddedToken,
    pub length: Option<usize>,
}

/// Vocabulary, merges and added tokens of a `tokenizer.json`.
type WholeParts = (BTreeMap<String, u32>, Vec<(String, String)>, Vec<(Option<u32>, AddedToken)>);

/// The files that a tokenizer folder may hold and that change the ids.
pub(super) const NAMES: [&str; 6] = [
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
];

impl TokenizerFiles {
    /// Reads the files of a folder.
    ///
    /// # Errors
    /// When a file cannot be read, is larger than 64 MiB, or is a device or a pipe.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        for name in NAMES {
            let path = folder.join(name);
            if path.exists() {
                files.insert(name.to_owned(), read_capped(&path, LARGEST_FILE)?);
            }
        }
        Ok(Self { folder: folder.to_owned(), files })
    }

    /// The file that the vocabulary comes from.
    pub(super) fn main_file(&self) -> PathBuf {
        let whole = self.files.contains_key("tokenizer.json");
        self.folder.join(if whole { "tokenizer.json" } else { "vocab.json" })
    }

    pub(super) fn parse(&self) -> Result<Parts> {
        let config: Map<String, Value> = self.json("tokenizer_config.json")?.unwrap_or_default();
        let (vocab, merges, mut added) = match self.json::<Whole>("tokenizer.json")? {
            Some(whole) => self.whole_parts(whole)?,
            None => (self.vocab()?, self.merges()?, self.added_tokens()?),
        };
        let listed = config.get("added_tokens_decoder").and_then(Value::as_object);
        if let Some(listed) = listed {
            added = self.decoder_tokens(listed)?;
        }
        added.sort_by_key(|(id, _)| *id);
        self.check(&vocab, &merges)?;
        // Before `added_tokens_decoder` existed, the special-token map had the last word; since then it is not read.
        let map: Map<String, Value> = match listed {
            None => self.json("special_tokens_map.json")?.unwrap_or_default(),
            Some(_) => Map::new(),
        };
        let special = |key: &str, default: &str| {
            let value = map.get(key).or_else(|| config.get(key)).filter(|value| !value.is_null());
            value.and_then(special_token).unwrap_or_else(|| AddedToken::from(default, true))
        };
        let (bos, end) = (special("bos_token", "<|startoftext|>"), "<|endoftext|>");
        let (eos, unk, pad) =
            (special("eos_token", end), special("unk_token", end), special("pad_token", end));
        self.check_added(&added, [&bos, &eos, &unk, &pad])?;
        // "No limit" is written as a number of 31 digits; it says nothing.
        let length = config
            .get("model_max_length")
            .and_then(Value::as_u64)
            .and_then(|n| usize::try_from(n).ok());
        Ok(Parts { vocab, merges, added, bos, eos, unk, pad, length })
    }

    fn whole_parts(&self, whole: Whole) -> Result<WholeParts> {
        let file = self.folder.join("tokenizer.json");
        if whole.model.kind.as_deref().is_some_and(|kind| kind != "BPE")
            || whole.model.end_of_word_suffix.as_deref() != Some("</w>")
        {
            return Err(refuse(
                &file,
                "not CLIP's byte-pair encoding with `</w>` at the end of a word",
            ));
        }
        let merges = whole.model.merges.into_iter().map(|merge| match merge {
            Merge::Pair(a, b) => Ok((a, b)),
            Merge::Line(line) => pair(&line)
                .ok_or_else(|| refuse(&file, format!("the merge `{line}` is not a pair"))),
        });
        let added = whole.added_tokens.into_iter().map(|token| (token.id, token.token)).collect();
        Ok((whole.model.vocab, merges.collect::<Result<_>>()?, added))
    }

    fn vocab(&self) -> Result<BTreeMap<String, u32>> {
        let missing = || {
            refuse(
                &self.folder,
                "neither `tokenizer.json` nor `vocab.json` with `merges.txt` is there",
            )
        };
        self.json::<BTreeMap<String, u32>>("vocab.json")?.ok_or_else(missing)
    }

    fn merges(&self) -> Result<Vec<(String, String)>> {
        let file = self.folder.join("merges.txt");
        let bytes =
            self.files.get("merges.txt").ok_or_else(|| refuse(&file, "the file is missing"))?;
        let text = std::str::from_utf8(bytes).map_err(|_| refuse(&file, "not UTF-8"))?;
        let lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.starts_with("#version") && !line.is_empty());
        lines
            .map(|(at, line)| {
                pair(line)
                    .ok_or_else(|| refuse(&file, format!("line {}: not a pair of tokens", at + 1)))
            })
            .collect()
    }

    fn added_tokens(&self) -> Result<Vec<(Option<u32>, AddedToken)>> {
        let tokens = self.json::<BTreeMap<String, u32>>("added_tokens.json")?.unwrap_or_default();
        Ok(tokens
            .into_iter()
            .map(|(token, id)| (Some(id), AddedToken::from(token, false)))
            .collect())
    }

    fn decoder_tokens(
        &self,
        listed: &Map<String, Value>,
    ) -> Result<Vec<(Option<u32>, AddedToken)>> {
        let file = self.folder.join("tokenizer_config.json");
        let wrong =
            |id: &str| refuse(&file, format!("`added_tokens_decoder` entry `{id}` is not a token"));
        let token = |(id, value): (&String, &Value)| {
            let number = id.parse().map_err(|_| wrong(id))?;
            let token = AddedTokenFields::deserialize(value).map_err(|_| wrong(id))?;
            Ok((Some(number), token.into()))
        };
        listed.iter().map(token).collect()
    }

    /// The tokenizer library panics on a merge whose result is no token, so merges are checked before it sees them.
    fn check(&self, vocab: &BTreeMap<String, u32>, merges: &[(String, String)]) -> Result<()> {
        let file = self.main_file();
        let ids: BTreeSet<_> = vocab.values().collect();
        if ids.len() != vocab.len() {
            return Err(refuse(&file, "two tokens share an id"));
        }
        for (a, b) in merges {
            let whole = format!("{a}{b}");
            if let Some(missing) =
                [a, b, &whole].into_iter().find(|token| !vocab.contains_key(*token))
            {
                return Err(refuse(
                    &file,
                    format!("the merge `{a} {b}` needs the token `{missing}`, which has no id"),
                ));
            }
        }
        Ok(())
    }

    fn check_added(
        &self,
        added: &[(Option<u32>, AddedToken)],
        special: [&AddedToken; 4],
    ) -> Result<()> {
        let file = self.main_file();
        if added.len() > MOST_ADDED {
            let why = format!("{} added tokens are more than {MOST_ADDED}", added.len());
            return Err(refuse(&file, why));
        }
        let mut all = added.iter().map(|(_, token)| token).chain(special);
        match all.find(|token| token.content.len() > LONGEST_ADDED) {
            None => Ok(()),
            Some(token) => {
                let (long, text) = (token.content.len(), &token.content);
                Err(refuse(&file, format!("an added token of {long} bytes, `{text:.40}`")))
            }
        }
    }

    fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(bytes) = self.files.get(name) else { return Ok(None) };
        let file = self.folder.join(name);
        let object = Value::Object(parse_object(&file, bytes)?);
        serde_json::from_value(object).map(Some).map_err(|error| refuse(&file, error.to_string()))
    }
}

pub(super) fn refuse(file: &Path, thing: impl Into<String>) -> Error {
    Error::file(file, thing, "use the tokenizer folder that belongs to the model")
}

/// A special token given as its text, or with the flags that say how it is looked for.
fn special_token(value: &Value) -> Option<AddedToken> {
    match value.as_str() {
        Some(content) => Some(AddedToken::from(content, true)),
        None => {
            let fields = AddedTokenFields::deserialize(value).ok()?;
            Some(AddedToken { special: true, ..fields.into() })
        }
    }
}

fn pair(line: &str) -> Option<(String, String)> {
    let (a, b) = line.split_once(' ')?;
    (!a.is_empty() && !b.is_empty() && !b.contains(' ')).then(|| (a.to_owned(), b.to_owned()))
}

#[derive(Deserialize)]
struct Whole {
    #[serde(default)]
    added_tokens: Vec<WholeToken>,
    model: WholeModel,
}

#[derive(Deserialize)]
struct WholeModel {
    #[serde(rename = "type")]
    kind: Option<String>,
    end_of_word_suffix: Option<String>,
    vocab: BTreeMap<String, u32>,
    merges: Vec<Merge>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Pair(String, String),
    Line(String),
}

#[derive(Deserialize)]
#[serde(from = "WholeTokenFields")]
struct WholeToken {
    id: Option<u32>,
    token: AddedToken,
}

#[derive(Deserialize)]
struct WholeTokenFields {
    id: Option<u32>,
    #[serde(flatten)]
    token: AddedTokenFields,
}

impl From<WholeTokenFields> for WholeToken {
    fn from(fields: WholeTokenFields) -> Self {
        Self { id: fields.id, token: fields.token.into() }
    }
}

#[derive(Deserialize)]
struct AddedTokenFields {
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    normalized: bool,
    #[serde(default)]
    special: bool,
}

impl From<AddedTokenFields> for AddedToken {
    fn from(fields: AddedTokenFields) -> Self {
        AddedToken::from(fields.content, fields.special)
            .single_word(fields.single_word)
            .lstrip(fields.lstrip)
            .rstrip(fields.rstrip)
            .normalized(fields.normalized)
    }
}
