//! The words of concepts, put into the tables of a recipe.

use toml::{Table, Value};

use super::Problem;
use crate::Concept;
use crate::concept::names::plain;

/// What stands in braces in a method's settings: a concept's words, the name that its templates have a place for, and what the
/// sentences of scenes are made of.
const PLACES: [&str; 8] =
    ["id", "superclass", "neighbour", "name", "mood", "activity", "place", "time"];

/// Refuses words in braces that nothing would take the place of; `key` says where the table stands.
pub(super) fn known(key: &str, table: &Table) -> Result<(), Problem> {
    each(key, table, &mut |key, text| match braced(text).find(|word| !PLACES.contains(word)) {
        None => Ok(()),
        Some(word) => {
            let remedy = "write `{name}` in templates, or `{id}`, `{superclass}` or `{neighbour}`; or take the braces away";
            Err((key.to_owned(), format!("nothing takes the place of `{{{word}}}`"), remedy))
        }
    })
}

/// Refuses texts that ask for a word which the concept does not have.
pub(super) fn there(key: &str, table: &Table, concept: &Concept) -> Result<(), Problem> {
    each(key, table, &mut |key, text| {
        let refused = |word: &str, remedy| {
            let thing = format!("`{word}` stands for nothing with the concept `{}`", concept.id);
            Err((key.to_owned(), thing, remedy))
        };
        if text.contains("{neighbour}") && concept.keep.is_empty() {
            return refused("{neighbour}", "name a neighbour in the concept's `keep`, or here");
        }
        if text.contains("{superclass}") && concept.superclass.is_none() {
            return refused("{superclass}", "give the concept a `superclass`, or write it here");
        }
        Ok(())
    })
}

/// Looks at every text of a table, with its key.
fn each(
    key: &str,
    table: &Table,
    look: &mut dyn FnMut(&str, &str) -> Result<(), Problem>,
) -> Result<(), Problem> {
    for (name, value) in table {
        each_in(&format!("{key}.{name}"), value, look)?;
    }
    Ok(())
}

fn each_in(
    key: &str,
    value: &Value,
    look: &mut dyn FnMut(&str, &str) -> Result<(), Problem>,
) -> Result<(), Problem> {
    match value {
        Value::String(text) => look(key, text),
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                each_in(&format!("{key}.{number}"), item, look)?;
            }
            Ok(())
        }
        Value::Table(table) => each(key, table, look),
        _ => Ok(()),
    }
}

/// The words that stand in braces; numbers are none, as patterns have them.
fn braced(text: &str) -> impl Iterator<Item = &str> {
    let inside = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    let plain = |c: char| c.is_alphabetic() || matches!(c, '_' | '-' | ' ');
    let inside = inside.map(|(word, _)| word);
    inside.filter(move |word| word.starts_with(char::is_alphabetic) && word.chars().all(plain))
}

/// A method's settings with the words of the concepts that it is given. Lists keep all that is in them: they were written for these concepts.
pub(super) fn put(key: &str, table: &Table, concepts: &[Concept]) -> Result<Table, Problem> {
    for concept in concepts {
        there(key, table, concept)?;
    }
    let concepts: Vec<&Concept> = concepts.iter().collect();
    put_all(key, table, &concepts)
}

fn put_all(key: &str, table: &Table, concepts: &[&Concept]) -> Result<Table, Problem> {
    let mut all = Table::new();
    for (name, value) in table {
        all.insert(name.clone(), put_one(&format!("{key}.{name}"), value, concepts)?);
    }
    Ok(all)
}

fn put_one(key: &str, value: &Value, concepts: &[&Concept]) -> Result<Value, Problem> {
    Ok(match value {
        Value::String(text) => match every(text, concepts).as_slice() {
            [one] => Value::String(one.clone()),
            _ => {
                let thing = format!("`{text}` is another text for every concept");
                let remedy =
                    "write one text for all of them, or unlearn them in recipes of their own";
                return Err((key.to_owned(), thing, remedy));
            }
        },
        Value::Array(items) => {
            let mut all = Vec::new();
            for (number, item) in items.iter().enumerate() {
                match item.as_str() {
                    Some(text) => all.extend(every(text, concepts).into_iter().map(Value::from)),
                    None => all.push(put_one(&format!("{key}.{number}"), item, concepts)?),
                }
            }
            Value::Array(all)
        }
        Value::Table(table) => Value::Table(put_all(key, table, concepts)?),
        other => other.clone(),
    })
}

/// A table with the concept's words put in; lists lose the concept's own names, so that one list of everything there
/// is serves every concept.
pub(super) fn filled(table: &Table, concept: &Concept) -> Table {
    table.iter().map(|(key, value)| (key.clone(), with_words(value, concept))).collect()
}

fn with_words(value: &Value, concept: &Concept) -> Value {
    match value {
        Value::String(text) => Value::String(fill(text, concept)),
        Value::Array(items) => {
            let own = |item: &&Value| item.as_str().is_some_and(|text| is_own(text, concept));
            Value::Array(
                items.iter().filter(|item| !own(item)).map(|i| with_words(i, concept)).collect(),
            )
        }
        Value::Table(table) => Value::Table(filled(table, concept)),
        other => other.clone(),
    }
}

/// The same for several concepts at once: a text has to be the same for all of them, and an item of a list becomes one for each.
///
/// # Errors
/// The text that is another for every concept, in words.
pub(super) fn filled_for_all(table: &Table, concepts: &[&Concept]) -> Result<Table, String> {
    let one =
        |(key, value): (&String, &Value)| Ok((key.clone(), with_all_words(key, value, concepts)?));
    table.iter().map(one).collect()
}

fn with_all_words(key: &str, value: &Value, concepts: &[&Concept]) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => match every(text, concepts).as_slice() {
            [one] => Value::String(one.clone()),
            _ => return Err(format!("`{key} = \"{text}\"` is another text for every concept")),
        },
        Value::Array(items) => {
            let mut all = Vec::new();
            for item in items {
                match item.as_str() {
                    Some(text) if concepts.iter().any(|concept| is_own(text, concept)) => {}
                    Some(text) => all.extend(every(text, concepts).into_iter().map(Value::from)),
                    None => all.push(with_all_words(key, item, concepts)?),
                }
            }
            Value::Array(all)
        }
        Value::Table(table) => Value::Table(filled_for_all(table, concepts)?),
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

fn is_own(text: &str, concept: &Concept) -> bool {
    concept.is_called(text)
}

/// A concept's neighbours are no unrelated concepts.
pub(super) fn without_relatives(audit: &mut Table, concept: &Concept) {
    let keep = audit.get_mut("keep").and_then(Value::as_table_mut);
    if let Some(Value::Array(unrelated)) = keep.and_then(|keep| keep.get_mut("unrelated")) {
        unrelated.retain(|item| {
            let kept = |text| concept.keep.iter().any(|name| plain(name) == plain(text));
            item.as_str().is_none_or(|text| !kept(text))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<(String, String)> {
        let table: Table = text.parse().unwrap();
        known("method", &table).err().map(|(key, thing, _)| (key, thing))
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
