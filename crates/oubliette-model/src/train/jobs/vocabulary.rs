//! The job `tokenizer`: a byte-pair vocabulary in CLIP's form, made from captions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Entry;
use super::workshop::Workshop;
use crate::error::{Error, Result};
use crate::store::NewFolder;

/// The entry of the list.
pub(super) const ENTRY: Entry =
    Entry { name: "tokenizer", about: "a CLIP vocabulary made from the captions", run };

const END: &str = "</w>";
const SPECIAL: [&str; 2] = ["<|startoftext|>", "<|endoftext|>"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// The most pairs that are merged.
    merges: usize,
    /// Tokens of a prompt, start, end and padding included.
    length: usize,
    /// Further texts whose words shall have tokens of their own.
    texts: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { merges: 2000, length: 16, texts: Vec::new() }
    }
}

fn run(shop: &mut Workshop<'_>) -> Result<()> {
    let settings: Settings = shop.recipe.settings()?;
    let mut words = BTreeMap::new();
    for index in 0..shop.examples.len() {
        count_words(&mut words, &shop.examples.example(index)?.caption);
    }
    settings.texts.iter().for_each(|text| count_words(&mut words, text));
    if words.is_empty() {
        let remedy = "give examples with captions";
        return Err(Error::setting("data", "has no words to make a vocabulary from", remedy));
    }
    let merges = merges(words, settings.merges);
    let files = [
        ("vocab.json", Value::Object(vocabulary(&merges)).to_string()),
        ("merges.txt", lines(&merges)),
        ("special_tokens_map.json", special().to_string()),
        ("tokenizer_config.json", config(settings.length).to_string()),
    ];
    let new = NewFolder::create(&shop.destination())?;
    files.iter().try_for_each(|(name, text)| new.write(Path::new(name), text.as_bytes()))?;
    new.finish()
}

/// Runs of letters are words, as CLIP's own pattern has it.
fn count_words(words: &mut BTreeMap<Vec<String>, usize>, text: &str) {
    for word in text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
        let lower = word.to_lowercase();
        let mut symbols: Vec<String> = lower.bytes().map(|byte| letter(byte).to_string()).collect();
        if let Some(last) = symbols.last_mut() {
            last.push_str(END);
        }
        *words.entry(symbols).or_default() += 1;
    }
}

/// The pairs to merge, most frequent first; ties go to the pair that comes first in order.
fn merges(mut words: BTreeMap<Vec<String>, usize>, most: usize) -> Vec<(String, String)> {
    let mut merges = Vec::new();
    while merges.len() < most {
        let mut pairs = BTreeMap::<(&str, &str), usize>::new();
        for (word, count) in &words {
            for pair in word.windows(2) {
                *pairs.entry((&pair[0], &pair[1])).or_default() += count;
            }
        }
        let Some(((a, b), _)) = pairs.into_iter().rev().max_by_key(|(_, count)| *count) else {
            break;
        };
        let pair = (a.to_owned(), b.to_owned());
        words = words.into_iter().map(|(word, count)| (merged(word, &pair), count)).collect();
        merges.push(pair);
    }
    merges
}

fn merged(word: Vec<String>, (a, b): &(String, String)) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(word.len());
    for symbol in word {
        match out.last_mut() {
            Some(last) if last == a && symbol == *b => last.push_str(&symbol),
            _ => out.push(symbol),
        }
    }
    out
}

/// Bytes, bytes that end a word, merged pairs and the two special tokens, in CLIP's order.
fn vocabulary(merges: &[(String, String)]) -> Map<String, Value> {
    let printable = (0..=255u8).filter(|byte| is_printable(*byte));
    let others = (0..=255u8).filter(|byte| !is_printable(*byte));
    let letters: Vec<String> = printable.chain(others).map(|b| letter(b).to_string()).collect();
    let ends = letters.iter().map(|letter| format!("{letter}{END}"));
    let pairs = merges.iter().map(|(a, b)| format!("{a}{b}"));
    let special = SPECIAL.map(str::to_owned);
    let all = letters.iter().cloned().chain(ends).chain(pairs).chain(special);
    // Two pairs can merge into the same token; it has one number.
    let mut seen = BTreeSet::new();
    let unique = all.filter(|token| seen.insert(token.clone()));
    unique.enumerate().map(|(id, token)| (token, json!(id))).collect()
}

/// The letter that stands for a byte in GPT-2's and CLIP's files: itself where it can be seen.
fn letter(byte: u8) -> char {
    if is_printable(byte) {
        return char::from(byte);
    }
    let place = (0..byte).filter(|byte| !is_printable(*byte)).count() as u32;
    char::from_u32(256 + place).expect("the first characters after Latin 1 exist")
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

fn lines(merges: &[(String, String)]) -> String {
    let lines: String = merges.iter().map(|(a, b)| format!("{a} {b}\n")).collect();
    format!("#version: 0.2\n{lines}")
}

fn special() -> Value {
    let [start, end] = SPECIAL;
    json!({ "bos_token": start, "eos_token": end, "unk_token": end, "pad_token": end })
}

fn config(length: usize) -> Value {
    let [start, end] = SPECIAL;
    json!({
        "add_prefix_space": false,
        "bos_token": start,
        "do_lower_case": true,
        "eos_token": end,
        "errors": "replace",
        "model_max_length": length,
        "pad_token": end,
        "tokenizer_class": "CLIPTokenizer",
        "unk_token": end,
    })
}
