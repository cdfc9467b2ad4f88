//! One concept and one method of a comparison, as the recipes that they stand for.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{CompareRecipe, Compared, words};
use crate::document::Document;
use crate::recipe::{AuditRecipe, Order, UnlearnRecipe};
use crate::{Concept, Error, Result};

/// What is run for one concept and one method.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedCell {
    /// The concept's id.
    pub concept: String,
    /// The method's label.
    pub method: String,
    /// In turn: how the model was made to forget the concepts before this one, first to last.
    pub before: Vec<UnlearnRecipe>,
    /// How the model is made to forget.
    pub unlearn: UnlearnRecipe,
    /// How it is examined.
    pub audit: AuditRecipe,
}

/// A concept and the file that it was read from.
type Read = (PathBuf, Concept);

impl ComparedCell {
    /// The cell of the concept at a place of all, and a method.
    pub(super) fn new(
        recipe: &CompareRecipe,
        concepts: &[Read],
        at: usize,
        compared: &Compared,
    ) -> Result<Self> {
        let (file, concept) = &concepts[at];
        let first = if recipe.order == Some(Order::InTurn) { 0 } else { at };
        let mut before = (first..=at)
            .map(|at| unlearn(recipe, concepts, at, compared))
            .collect::<Result<Vec<_>>>()?;
        let unlearn = before.remove(before.len() - 1);
        let mut subjects = Table::new();
        subjects.insert("original".into(), text(&recipe.model)?);
        subjects.insert("unlearned".into(), text(&out(recipe, concepts, at, compared))?);
        if let Some(twin) = recipe.never_exposed.iter().find(|t| t.concepts.contains(&concept.id)) {
            subjects.insert("never_exposed".into(), text(&twin.model)?);
        }
        let mut audit = head("audit", recipe, text(file)?);
        audit.insert("subjects".into(), subjects.into());
        audit.extend(words::filled(&recipe.audit, concept));
        words::without_relatives(&mut audit, concept);
        others(&mut audit, recipe, concepts, at)?;
        let name = format!("{}-{}", concept.id, compared.label);
        Ok(Self {
            concept: concept.id.clone(),
            method: compared.label.clone(),
            before,
            unlearn,
            audit: AuditRecipe::parse(&document(recipe, &name, "audit", &audit))?,
        })
    }
}

/// How the model of a cell is made.
fn unlearn(
    recipe: &CompareRecipe,
    concepts: &[Read],
    at: usize,
    compared: &Compared,
) -> Result<UnlearnRecipe> {
    let settings = &compared.method.settings;
    let at_once = recipe.order.filter(|order| *order != Order::InTurn);
    let (asked, mut method) = match at_once {
        None => (text(&concepts[at].0)?, words::filled(settings, &concepts[at].1)),
        Some(_) => {
            let files = concepts.iter().map(|(file, _)| text(file)).collect::<Result<_>>()?;
            let all: Vec<&Concept> = concepts.iter().map(|(_, concept)| concept).collect();
            let filled = words::filled_for_all(settings, &all).map_err(|thing| {
                let remedy = "write one text for all concepts, or leave `order` out";
                recipe.source.error("method", format!("{}: {thing}", compared.label), remedy)
            })?;
            (Value::Array(files), filled)
        }
    };
    method.insert("name".into(), compared.method.name.clone().into());
    let mut table = head("unlearn", recipe, asked);
    let original = match recipe.order {
        Some(Order::InTurn) if at > 0 => out(recipe, concepts, at - 1, compared),
        _ => recipe.model.clone(),
    };
    if at_once == Some(Order::Merged) {
        table.insert("order".into(), "merged".into());
    }
    table.insert("model".into(), text(&original)?);
    table.insert("out".into(), text(&out(recipe, concepts, at, compared))?);
    table.insert("method".into(), method.into());
    let name = model(recipe, concepts, at, compared);
    UnlearnRecipe::parse(&document(recipe, &name, "unlearn", &table))
}

/// What the model of a cell is called.
fn model(recipe: &CompareRecipe, concepts: &[Read], at: usize, compared: &Compared) -> String {
    let (id, label) = (&concepts[at].1.id, &compared.label);
    match recipe.order {
        None => format!("{id}-{label}"),
        Some(Order::Together) => format!("together-{label}"),
        Some(Order::Merged) => format!("merged-{label}"),
        Some(Order::InTurn) => format!("in-turn-{label}-{}-{id}", at + 1),
    }
}

fn out(recipe: &CompareRecipe, concepts: &[Read], at: usize, compared: &Compared) -> PathBuf {
    recipe.models.join(model(recipe, concepts, at, compared))
}

/// Which other concepts the audit asks for, and which of them this model was made to forget too.
fn others(audit: &mut Table, recipe: &CompareRecipe, concepts: &[Read], at: usize) -> Result<()> {
    let files = |wanted: &dyn Fn(usize) -> bool| -> Result<Vec<Value>> {
        let places = (0..concepts.len()).filter(|&other| other != at && wanted(other));
        places.map(|other| text(&concepts[other].0)).collect()
    };
    let asked = match recipe.order {
        None => recipe.interference,
        Some(order) => order == Order::InTurn,
    };
    let forgotten = files(&|other| match recipe.order {
        None => false,
        Some(Order::InTurn) => other < at,
        Some(_) => true,
    })?;
    for (key, files) in [("concepts", files(&|_| asked)?), ("forgotten", forgotten)] {
        if !files.is_empty() {
            let keep = audit.entry("keep").or_insert_with(|| Table::new().into());
            if let Some(keep) = keep.as_table_mut() {
                keep.insert(key.into(), files.into());
            }
        }
    }
    Ok(())
}

fn head(task: &str, recipe: &CompareRecipe, concept: Value) -> Table {
    let mut table = Table::new();
    table.insert("schema".into(), Value::Integer(1));
    table.insert("task".into(), task.into());
    table.insert("seed".into(), Value::Integer(recipe.seed.cast_signed()));
    table.insert("concept".into(), concept);
    table
}

fn document(recipe: &CompareRecipe, name: &str, kind: &str, table: &Table) -> Document {
    let file = recipe.source.beside(Path::new(&format!("{name}-{kind}.toml")));
    Document::new(&file, table.to_string())
}

fn text(path: &Path) -> Result<Value> {
    let text = path.to_str().ok_or_else(|| Error::value("a path is not UTF-8", "rename it"))?;
    Ok(text.into())
}
