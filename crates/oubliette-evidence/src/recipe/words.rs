//! The words of concepts, put into the tables of a recipe.

use toml::{Table, Value};

use super::Problem;
use crate::Concept;

/// What stands in braces where the words of a concept are put in.
pub(super) const OF_A_CONCEPT: [&str; 3] = ["id", "superclass", "neighbour"];

/// Refuses words in braces that nothing would take the place of, beside a concept's words, `{name}` and `more`; `key` says where the table stands.
///
/// # Errors
/// The first such word, by its key.
pub(super) fn known(key: &str, table: &Table, more: &[&str]) -> Result<(), Problem> {
    for (key, text) in texts(key, table) {
        let mut words = braced(text);
        let is_known =
            |word: &&str| *word == "name" || OF_A_CONCEPT.contains(word) || more.contains(word);
        if let Some(word) = words.find(|word| !is_known(word)) {
            let remedy = "write `{name}` in templates, or `{id}`, `{superclass}` or `{neighbour}`; or take the braces away";
            return Err((key, format!("nothing takes the place of `{{{word}}}`"), remedy));
        }
    }
    Ok(())
}

/// Refuses, in texts that have a place for a name, words in braces that nothing takes the place of, beside `{name}` and `more`.
///
/// # Errors
/// The first such word, by its key.
pub(super) fn templates(key: &str, table: &Table, more: &[&str]) -> Result<(), Problem> {
    for (key, text) in texts(key, table).into_iter().filter(|(_, text)| text.contains("{name}")) {
        if let Some(word) = braced(text).find(|word| *word != "name" && !more.contains(word)) {
            let remedy = "write `{name}` alone in templates, or take the braces away";
            return Err((key, format!("nothing takes the place of `{{{word}}}`"), remedy));
        }
    }
    Ok(())
}

/// Refuses texts that ask for a word which the concept does not have.
fn there(key: &str, table: &Table, concept: &Concept) -> Result<(), Problem> {
    let lacks = |word: &str| match word {
        "neighbour" if concept.keep.is_empty() => {
            Some("name a neighbour in the concept's `keep`, or here")
        }
        "superclass" if concept.superclass.is_none() => {
            Some("give the concept a `superclass`, or write it here")
        }
        _ => None,
    };
    for (key, text) in texts(key, table) {
        if let Some((word, remedy)) = braced(text).find_map(|word| Some((word, lacks(word)?))) {
            let thing =
                format!("`{{{word}}}` stands for nothing with the concept `{}`", concept.id);
            return Err((key, thing, remedy));
        }
    }
    Ok(())
}

/// Every text of a table, at any depth, with its key.
fn texts<'a>(key: &str, table: &'a Table) -> Vec<(String, &'a str)> {
    let mut all = Vec::new();
    for (name, value) in table {
        texts_in(format!("{key}.{name}"), value, &mut all);
    }
    all
}

fn texts_in<'a>(key: String, value: &'a Value, all: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) => all.push((key, text)),
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                texts_in(format!("{key}.{number}"), item, all);
            }
        }
        Value::Table(table) => all.extend(texts(&key, table)),
        _ => {}
    }
}

/// The words that stand in braces; numbers are none, as patterns have them.
fn braced(text: &str) -> impl Iterator<Item = &str> {
    let inside = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    let plain = |c: char| c.is_alphabetic() || matches!(c, '_' | '-' | ' ');
    let inside = inside.map(|(word, _)| word);
    inside.filter(move |word| word.starts_with(char::is_alphabetic) && word.chars().all(plain))
}

/// What becomes of a concept's own name where it is an item of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// It stays: the list was written for these concepts.
    Stays,
    /// It goes, so that one list of everything there is serves every concept.
    Goes,
}

/// A table with the words of the concepts that it is for: a text has to be the same for all of them, and an item of a list becomes one for
/// each. `key` says where the table stands.
pub(super) fn put(
    key: &str,
    table: &Table,
    concepts: &[&Concept],
    own: Own,
) -> Result<Table, Problem> {
    for concept in concepts {
        there(key, table, concept)?;
    }
    put_all(key, table, concepts, own)
}

fn put_all(key: &str, table: &Table, concepts: &[&Concept], own: Own) -> Result<Table, Problem> {
    let one = |(name, value): (&String, &Value)| {
        Ok((name.clone(), put_one(&format!("{key}.{name}"), value, concepts, own)?))
    };
    table.iter().map(one).collect()
}

fn put_one(key: &str, value: &Value, concepts: &[&Concept], own: Own) -> Result<Value, Problem> {
    Ok(match value {
        Value::String(text) => match every(text, concepts).as_slice() {
            [one] => Value::String(one.clone()),
            _ => {
                let thing = format!("`{text}` is another text for every concept");
                let remedy = "write one text for all of them, or take the concepts one by one";
                return Err((key.to_owned(), thing, remedy));
            }
        },
        Value::Array(items) => {
            let goes =
                |text: &str| own == Own::Goes && concepts.iter().any(|one| one.is_called(text));
            let mut all = Vec::new();
            for (number, item) in items.iter().enumerate() {
                match item.as_str() {
                    Some(text) if goes(text) => {}
                    Some(text) => all.extend(every(text, concepts).into_iter().map(Value::from)),
                    None => all.push(put_one(&format!("{key}.{number}"), item, concepts, own)?),
                }
            }
            Value::Array(all)
        }
        Value::Table(table) => Value::Table(put_all(key, table, concepts, own)?),
        other => other.clone(),
    })
}

/// The different texts that a text is with the words of each.
fn every(text: &str, concepts: &[&Concept]) -> Vec<String> {
    let mut all: Vec<String> = concepts.iter().map(|concept| fill(text, concept)).collect();
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|text| seen.insert(text.clone()));
    all
}

fn fill(text: &str, concept: &Concept) -> String {
    let neighbour = concept.keep.first().map_or("", String::as_str);
    let superclass = concept.superclass.as_deref().unwrap_or_default();
    text.replace("{id}", &concept.id)
        .replace("{superclass}", superclass)
        .replace("{neighbour}", neighbour)
}

/// A concept's neighbours are no unrelated concepts.
pub(super) fn without_relatives(audit: &mut Table, concept: &Concept) {
    let keep = audit.get_mut("keep").and_then(Value::as_table_mut);
    if let Some(Value::Array(unrelated)) = keep.and_then(|keep| keep.get_mut("unrelated")) {
        unrelated.retain(|item| item.as_str().is_none_or(|text| !concept.keeps(text)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<(String, String)> {
        let table: Table = text.parse().unwrap();
        known("method", &table, &["mood", "activity", "place", "time"])
            .err()
            .map(|(key, thing, _)| (key, thing))
    }

    #[test]
    fn what_nothing_fills_is_refused_wherever_it_stands() {
        for (text, key) in [
            ("guide = \"{neighbor}\"", "method.guide"),
            ("templates = [\"a {name}\", \"a {Name}\"]", "method.templates.1"),
            ("uce = { guide = \"{super class}\" }", "method.uce.guide"),
            ("parts = { forget = [{ text = \"an {object}\" }] }", "method.parts.forget.0.text"),
        ] {
            let (found, thing) = refused(text).unwrap();
            assert!(found == key && thing.contains('{'), "{found}: {thing}");
        }
        for text in [
            "guide = \"{neighbour}\"\ntemplates = [\"a {name} by {id}\"]",
            "words = { sentence = \"a {mood} {name} {activity} {place} {time}\" }",
            "weights = [\"re:norm[0-9]{1,2}$\"]",
            "guide = \"{} or { or }\"",
        ] {
            assert_eq!(refused(text), None, "{text}");
        }
    }
}
