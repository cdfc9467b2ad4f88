//! The words of concepts, put into the tables of a comparison.

use toml::{Table, Value};

use crate::Concept;

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
    concept.names.iter().any(|name| name == text)
}

/// A concept's neighbours are no unrelated concepts.
pub(super) fn without_relatives(audit: &mut Table, concept: &Concept) {
    let keep = audit.get_mut("keep").and_then(Value::as_table_mut);
    if let Some(Value::Array(unrelated)) = keep.and_then(|keep| keep.get_mut("unrelated")) {
        unrelated.retain(|item| {
            item.as_str().is_none_or(|text| !concept.keep.iter().any(|name| name == text))
        });
    }
}
