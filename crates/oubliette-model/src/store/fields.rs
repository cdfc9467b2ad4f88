//! Reads the keys of a configuration file with their defaults, bounds and refusals.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The keys of one configuration file. A key that is missing or null has its default.
pub struct Fields<'a> {
    path: &'a Path,
    map: &'a Map<String, Value>,
    seen: RefCell<BTreeSet<String>>,
}

impl<'a> Fields<'a> {
    /// The keys of `map`, which was read from `path`.
    pub fn new(path: &'a Path, map: &'a Map<String, Value>) -> Self {
        Self { path, map, seen: RefCell::default() }
    }

    /// The value of a key, unless it is missing or null.
    pub fn value(&self, key: &str) -> Option<&'a Value> {
        self.seen.borrow_mut().insert(key.to_owned());
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// Whether the key is there and null.
    pub fn is_null(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(Value::is_null)
    }

    /// An error about a key of this file.
    pub fn error(&self, key: &str, why: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error::config(self.path, key, why, remedy)
    }

    fn wrong(&self, key: &str, value: &Value, wanted: &str) -> Error {
        let shown: String = value.to_string().chars().take(80).collect();
        self.error(key, format!("is {shown}"), format!("it must be {wanted}"))
    }

    fn number(&self, key: &str, value: &Value, most: usize) -> Result<usize> {
        let whole = value.as_u64().and_then(|number| usize::try_from(number).ok());
        let within = whole.filter(|number| (1..=most).contains(number));
        within.ok_or_else(|| self.wrong(key, value, &format!("a whole number from 1 to {most}")))
    }

    /// A whole number from 1 to `most`.
    pub fn size(&self, key: &str, default: usize, most: usize) -> Result<usize> {
        self.value(key).map_or(Ok(default), |value| self.number(key, value, most))
    }

    /// A whole number from 1 to `most`, if there is one.
    pub fn optional_size(&self, key: &str, most: usize) -> Result<Option<usize>> {
        self.value(key).map(|value| self.number(key, value, most)).transpose()
    }

    /// A whole number from 0 to `most`.
    pub fn count(&self, key: &str, default: usize, most: usize) -> Result<usize> {
        let Some(value) = self.value(key) else { return Ok(default) };
        if value.as_u64() == Some(0) { Ok(0) } else { self.number(key, value, most) }
    }

    /// A list of 1 to `longest` whole numbers from 1 to `most`.
    pub fn sizes(
        &self,
        key: &str,
        default: &[usize],
        longest: usize,
        most: usize,
    ) -> Result<Vec<usize>> {
        let Some(value) = self.value(key) else { return Ok(default.to_vec()) };
        let list = self.list(key, value, 1, longest)?;
        list.iter().map(|item| self.number(key, item, most)).collect()
    }

    /// One whole number for all of `count` blocks, or a list with one for each.
    pub fn size_per_block(
        &self,
        key: &str,
        default: usize,
        count: usize,
        most: usize,
    ) -> Result<Vec<usize>> {
        match self.value(key) {
            None => Ok(vec![default; count]),
            Some(Value::Array(list)) => {
                self.check_length(key, list.len(), count)?;
                list.iter().map(|item| self.number(key, item, most)).collect()
            }
            Some(value) => Ok(vec![self.number(key, value, most)?; count]),
        }
    }

    fn check_length(&self, key: &str, length: usize, count: usize) -> Result<()> {
        let why = || format!("lists {length} values for {count} blocks");
        let right = length == count;
        if right { Ok(()) } else { Err(self.error(key, why(), "list one value for each block")) }
    }

    fn list<'v>(
        &self,
        key: &str,
        value: &'v Value,
        least: usize,
        longest: usize,
    ) -> Result<&'v Vec<Value>> {
        let list = value.as_array().filter(|list| (least..=longest).contains(&list.len()));
        list.ok_or_else(|| {
            self.wrong(key, value, &format!("a list of {least} to {longest} values"))
        })
    }

    /// A list of 1 to `longest` names.
    pub fn names(&self, key: &str, default: &[&str], longest: usize) -> Result<Vec<String>> {
        let Some(value) = self.value(key) else {
            return Ok(default.iter().map(|&name| name.to_owned()).collect());
        };
        let list = self.list(key, value, 1, longest)?;
        let name = |item: &Value| item.as_str().map(str::to_owned);
        list.iter().map(|item| name(item).ok_or_else(|| self.wrong(key, value, "names"))).collect()
    }

    /// True or false.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool> {
        let Some(value) = self.value(key) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.wrong(key, value, "true or false"))
    }

    /// True or false for all of `count` blocks, or a list with one for each.
    pub fn flag_per_block(&self, key: &str, default: bool, count: usize) -> Result<Vec<bool>> {
        match self.value(key) {
            Some(Value::Array(list)) => {
                self.check_length(key, list.len(), count)?;
                let flag = |item: &Value| item.as_bool();
                let wrong = || self.wrong(key, &Value::Array(list.clone()), "true or false");
                list.iter().map(|item| flag(item).ok_or_else(wrong)).collect()
            }
            _ => Ok(vec![self.flag(key, default)?; count]),
        }
    }

    /// A finite number within `least..=most`.
    pub fn real(&self, key: &str, default: f64, least: f64, most: f64) -> Result<f64> {
        let Some(value) = self.value(key) else { return Ok(default) };
        let real = value.as_f64().filter(|real| (least..=most).contains(real));
        real.ok_or_else(|| self.wrong(key, value, &format!("a number from {least} to {most}")))
    }

    /// Exactly `count` finite numbers, if there are any.
    pub fn reals(&self, key: &str, count: usize) -> Result<Option<Vec<f64>>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let list = self.list(key, value, count, count)?;
        let real = |item: &Value| item.as_f64().filter(|real| real.is_finite());
        let wrong = || self.wrong(key, value, "a list of numbers");
        list.iter().map(|item| real(item).ok_or_else(wrong)).collect::<Result<_>>().map(Some)
    }

    /// A text.
    pub fn text(&self, key: &str, default: &str) -> Result<String> {
        let Some(value) = self.value(key) else { return Ok(default.to_owned()) };
        value.as_str().map(str::to_owned).ok_or_else(|| self.wrong(key, value, "a text"))
    }

    /// One of `choices`; the first is the default.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Result<T> {
        let text = self.text(key, choices[0].0)?;
        let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        found.ok_or_else(|| {
            let remedy = format!("use a model with one of: {}", names());
            self.error(key, format!("is `{text}`, which is not supported"), remedy)
        })
    }

    /// Refuses the key unless it is missing, null or one of `neutral`.
    pub fn neutral(&self, key: &str, neutral: &[Value]) -> Result<()> {
        match self.value(key) {
            Some(value) if !neutral.contains(value) => {
                let shown: String = value.to_string().chars().take(80).collect();
                let remedy = match neutral.first() {
                    Some(first) => format!("only models with {first} here can be used"),
                    None => "only models without it can be used".to_owned(),
                };
                Err(self.error(key, format!("is {shown}, which is not supported"), remedy))
            }
            _ => Ok(()),
        }
    }

    /// Refuses keys that nothing asked for and that say something. Names with a leading underscore
    /// are notes of the writing library.
    pub fn refuse_unknown(&self) -> Result<()> {
        let seen = self.seen.borrow();
        let unknown = |(key, value): &(&String, &Value)| {
            !key.starts_with('_') && !value.is_null() && !seen.contains(*key)
        };
        self.map.iter().find(unknown).map_or(Ok(()), |(key, _)| {
            let remedy = "remove it if it means nothing, else use a model without it";
            Err(self.error(key, "is not known", remedy))
        })
    }
}
