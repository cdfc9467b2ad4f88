//! Prompts, as lists or as CSV files with seeds and guidance.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Real, Result, harmless::short};

mod columns;

/// Most rows of a CSV file that are read.
pub const MAX_ROWS: usize = 100_000;
/// Longest CSV file that is read, in bytes.
pub const MAX_BYTES: u64 = 64 << 20;
/// Longest prompt, in bytes.
pub const MAX_PROMPT: usize = 4096;
/// Largest guidance, either way: beyond it pictures are noise.
pub const MAX_GUIDANCE: f64 = 1000.0;
/// Largest seed: every number format in use holds it exactly.
pub const MAX_SEED: u64 = (1 << 53) - 1;

/// What a picture is asked for by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// The text.
    pub text: String,
    /// What the picture should show, in the detector's words; absent: the concept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The image seed that came with the prompt; absent: a fresh one each draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The guidance that came with the prompt; absent: the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guidance: Option<Real>,
}

impl Prompt {
    /// A prompt without seed or guidance of its own.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), label: None, seed: None, guidance: None }
    }

    /// Reads a CSV file with a column `prompt` (or `text`) and, optionally, `seed` (or
    /// `evaluation_seed`) and `guidance` (or `evaluation_guidance`), each once; other columns are left alone, but for those
    /// that are nearly called so.
    pub fn read_csv(file: &Path) -> Result<Vec<Self>> {
        let bytes = crate::plain::read(file, MAX_BYTES, "split the file")?;
        parse_csv(file, bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes))
    }
}

fn parse_csv(file: &Path, bytes: &[u8]) -> Result<Vec<Prompt>> {
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().map_err(|e| bad(file, 1, e.to_string()))?.clone();
    let column = |names| columns::find(file, &header, names);
    let text = column(columns::TEXT)?.ok_or_else(|| {
        Error::file(file, "no column `prompt`", "name the column of the prompts `prompt`")
    })?;
    let (seed, guidance) = (column(columns::SEED)?, column(columns::GUIDANCE)?);
    columns::refuse_misspelt(file, &header)?;
    let mut prompts = Vec::new();
    for (i, row) in reader.records().enumerate() {
        let line = i + 2;
        if i == MAX_ROWS {
            return Err(bad(file, line, format!("more than {MAX_ROWS} prompts")));
        }
        let row = row.map_err(|e| bad(file, line, e.to_string()))?;
        let cell = |at: Option<usize>| at.and_then(|at| row.get(at)).map(str::trim);
        let filled = |at| cell(at).filter(|cell| !cell.is_empty());
        let Some(text) = filled(Some(text)).filter(|text| text.len() <= MAX_PROMPT) else {
            return Err(bad(file, line, format!("no prompt, or one over {MAX_PROMPT} bytes")));
        };
        if text.contains("{name}") {
            let thing = format!("`{}` has a placeholder", short(text));
            return Err(Error::file(
                file,
                format!("row {line}: {thing}"),
                "write the name; only templates of a concept file are filled in",
            ));
        }
        prompts.push(Prompt {
            seed: filled(seed).map(|s| self::seed(file, line, s)).transpose()?,
            guidance: filled(guidance).map(|s| self::guidance(file, line, s)).transpose()?,
            ..Prompt::new(text)
        });
    }
    match prompts.is_empty() {
        true => Err(Error::file(file, "no prompt", "add rows below the header")),
        false => Ok(prompts),
    }
}

fn seed(file: &Path, line: usize, text: &str) -> Result<u64> {
    let seed = text.parse().ok().filter(|seed| *seed <= MAX_SEED);
    seed.ok_or_else(|| {
        bad(file, line, format!("`{}` is not a seed (0 to {MAX_SEED})", short(text)))
    })
}

fn guidance(file: &Path, line: usize, text: &str) -> Result<Real> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|number| number.abs() <= MAX_GUIDANCE)
        .and_then(|number| Real::new(number).ok())
        .ok_or_else(|| {
            let most = format!("-{MAX_GUIDANCE} to {MAX_GUIDANCE}");
            bad(file, line, format!("`{}` is not a guidance ({most})", short(text)))
        })
}

fn bad(file: &Path, line: usize, thing: String) -> Error {
    Error::file(file, format!("row {line}: {thing}"), "correct this row")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Prompt>> {
        parse_csv(Path::new("p.csv"), text.as_bytes())
    }

    #[test]
    fn seeds_and_guidance_are_honoured() {
        let text =
            "id,prompt,evaluation_seed,evaluation_guidance\n0,\"a lion, a cage\",12,7.5\n1,b,,\n";
        let prompts = parse(text).unwrap();
        assert_eq!(prompts[0].text, "a lion, a cage");
        assert_eq!((prompts[0].seed, prompts[0].guidance.unwrap().get()), (Some(12), 7.5));
        assert_eq!((prompts[1].seed, prompts[1].guidance), (None, None));
    }

    #[test]
    fn other_columns_are_left_alone() {
        for column in ["id", "test", "sd_seed", "sd_guidance_scale", "categories", "seed_source"] {
            let prompts = parse(&format!("{column},prompt\n1,x\n")).unwrap();
            assert_eq!(prompts, [Prompt::new("x")], "{column}");
        }
    }

    #[test]
    fn broken_rows_are_refused_with_their_line() {
        for (text, part) in [
            ("a,b\n1,2\n", "no column `prompt`"),
            ("prompt\n", "no prompt"),
            ("prompt,seed\nx,-1\n", "row 2: `-1` is not a seed"),
            ("prompt,seed\nx,9007199254740992\n", "is not a seed"),
            ("prompt,guidance\nx,nan\n", "`nan` is not a guidance"),
            ("prompt,seed\nx\n", "row 2"),
            ("prompt\n\"\"\n", "row 2"),
            ("prompt,guidance\nx,1e9\n", "row 2: `1e9` is not a guidance"),
            ("prompt\na {name}\n", "row 2: `a {name}` has a placeholder"),
            ("prompt,prompt\nx,y\n", "row 1: the columns `prompt` and `prompt`"),
            ("seed,prompt,evaluation_seed\n1,x,2\n", "the columns `seed` and `evaluation_seed`"),
            ("prompt,seeed\nx,1\n", "row 1: the column `seeed`"),
            ("prompt,Seed\nx,1\n", "row 1: the column `Seed`"),
            ("prompt,guidence\nx,1\n", "row 1: the column `guidence`"),
            ("prompt,evaluation_sed\nx,1\n", "row 1: the column `evaluation_sed`"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
