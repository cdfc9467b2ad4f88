//! One concept and one method of a comparison, as the two recipes that they stand for.

use std::path::Path;

use toml::{Table, Value};

use super::{CompareRecipe, Compared};
use crate::document::Document;
use crate::recipe::{AuditRecipe, UnlearnRecipe};
use crate::{Concept, Error, Result};

/// What is run for one concept and one method.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedCell {
    /// The concept's id.
    pub concept: String,
    /// The method's label.
    pub method: String,
    /// How the model is made to forget.
    pub unlearn: UnlearnRecipe,
    /// How it is examined.
    pub audit: AuditRecipe,
}

impl ComparedCell {
    /// The cell of `concept`, which was read from `file`, and a method.
    pub(super) fn new(
        recipe: &CompareRecipe,
        file: &Path,
        concept: &Concept,
        compared: &Compared,
    ) -> Result<Self> {
        let name = format!("{}-{}", concept.id, compared.label);
        let out = recipe.models.join(&name);
        let mut method = filled(&compared.method.settings, concept);
        method.insert("name".into(), compared.method.name.clone().into());
        let mut unlearn = head("unlearn", recipe, file)?;
        unlearn.insert("model".into(), text(&recipe.model)?);
        unlearn.insert("out".into(), text(&out)?);
        unlearn.insert("method".into(), method.into());
        let mut subjects = Table::new();
        subjects.insert("original".into(), text(&recipe.model)?);
        subjects.insert("unlearned".into(), text(&out)?);
        if let Some(twin) = recipe.never_exposed.iter().find(|t| t.concepts.contains(&concept.id)) {
            subjects.insert("never_exposed".into(), text(&twin.model)?);
        }
        let mut audit = head("audit", recipe, file)?;
        audit.insert("subjects".into(), subjects.into());
        audit.extend(filled(&recipe.audit, concept));
        without_relatives(&mut audit, concept);
        let document = |kind: &str, table: &Table| {
            let file = recipe.source.beside(Path::new(&format!("{name}-{kind}.toml")));
            Document::new(&file, table.to_string())
        };
        Ok(Self {
            concept: concept.id.clone(),
            method: compared.label.clone(),
            unlearn: UnlearnRecipe::parse(&document("unlearn", &unlearn))?,
            audit: AuditRecipe::parse(&document("audit", &audit))?,
        })
    }
}

fn head(task: &str, recipe: &CompareRecipe, concept: &Path) -> Result<Table> {
    let mut table = Table::new();
    table.insert("schema".into(), Value::Integer(1));
    table.insert("task".into(), task.into());
    table.insert("seed".into(), Value::Integer(recipe.seed.cast_signed()));
    table.insert("concept".into(), text(concept)?);
    Ok(table)
}

fn text(path: &Path) -> Result<Value> {
    let text = path.to_str().ok_or_else(|| Error::value("a path is not UTF-8", "rename it"))?;
    Ok(text.into())
}

/// A table with the concept's words put in; lists lose the concept's own names, so that one list of everything there
/// is serves every concept.
fn filled(table: &Table, concept: &Concept) -> Table {
    table.iter().map(|(key, value)| (key.clone(), with_words(value, concept))).collect()
}

fn with_words(value: &Value, concept: &Concept) -> Value {
    match value {
        Value::String(text) => {
            let neighbour = concept.keep.first().map_or("", String::as_str);
            let superclass = concept.superclass.as_deref().unwrap_or_default();
            let filled = text
                .replace("{id}", &concept.id)
                .replace("{superclass}", superclass)
                .replace("{neighbour}", neighbour);
            Value::String(filled)
        }
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

fn is_own(text: &str, concept: &Concept) -> bool {
    concept.names.iter().any(|name| name == text)
}

/// A concept's neighbours are no unrelated concepts.
fn without_relatives(audit: &mut Table, concept: &Concept) {
    let keep = audit.get_mut("keep").and_then(Value::as_table_mut);
    if let Some(Value::Array(unrelated)) = keep.and_then(|keep| keep.get_mut("unrelated")) {
        unrelated.retain(|item| {
            item.as_str().is_none_or(|text| !concept.keep.iter().any(|name| name == text))
        });
    }
}
