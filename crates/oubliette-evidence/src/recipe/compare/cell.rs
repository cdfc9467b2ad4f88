//! One concept and one method of a comparison, as the recipes that they stand for.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{CompareRecipe, Compared};
use crate::document::Document;
use crate::recipe::{AuditRecipe, Order, UnlearnRecipe, words};
use crate::{Concept, Error, Result};

/// What is run for one concept and one method.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedCell {
    /// The concept's id.
    pub concept: String,
    /// The method's label.
    pub method: String,
    /// The seed, where the recipe has several.
    pub seed: Option<u64>,
    /// In turn: how the model was made to forget the concepts before this one, first to last.
    pub before: Vec<UnlearnRecipe>,
    /// How the model is made to forget.
    pub unlearn: UnlearnRecipe,
    /// How it is examined.
    pub audit: AuditRecipe,
}

impl ComparedCell {
    /// What it is called: `lion-uce`, and `lion-uce-2` where the recipe has several seeds.
    pub fn name(&self) -> String {
        format!("{}-{}{}", self.concept, self.method, ending(self.seed))
    }
}

/// What tells the names of several seeds apart.
fn ending(seed: Option<u64>) -> String {
    seed.map_or_else(String::new, |seed| format!("-{seed}"))
}

/// A concept and the file that it was read from.
type Read = (PathBuf, Concept);

/// Makes the cells of one method and one seed.
pub(super) struct Maker<'a> {
    pub(super) recipe: &'a CompareRecipe,
    pub(super) concepts: &'a [Read],
    pub(super) compared: &'a Compared,
    pub(super) seed: Option<u64>,
}

impl Maker<'_> {
    /// The cell of the concept at a place of all.
    pub(super) fn cell(&self, at: usize) -> Result<ComparedCell> {
        let (recipe, (file, concept)) = (self.recipe, &self.concepts[at]);
        let first = if recipe.order == Some(Order::InTurn) { 0 } else { at };
        let mut before = (first..=at).map(|at| self.unlearn(at)).collect::<Result<Vec<_>>>()?;
        let unlearn = before.remove(before.len() - 1);
        let mut subjects = Table::new();
        subjects.insert("original".into(), text(&recipe.model)?);
        subjects.insert("unlearned".into(), text(&self.out(at))?);
        if let Some(twin) = recipe.never_exposed.iter().find(|t| t.concepts.contains(&concept.id)) {
            subjects.insert("never_exposed".into(), text(&twin.model)?);
        }
        let mut audit = self.head("audit", text(file)?);
        audit.insert("subjects".into(), subjects.into());
        let filled = words::put("audit", &recipe.audit, &[concept], words::Own::Goes);
        audit.extend(
            filled.map_err(|(key, thing, remedy)| recipe.source.error(&key, thing, remedy))?,
        );
        words::without_relatives(&mut audit, concept);
        self.others(&mut audit, at)?;
        let name = format!("{}-{}{}", concept.id, self.compared.label, ending(self.seed));
        Ok(ComparedCell {
            concept: concept.id.clone(),
            method: self.compared.label.clone(),
            seed: self.seed,
            before,
            unlearn,
            audit: AuditRecipe::parse(&document(recipe, &name, "audit", &audit))?,
        })
    }

    /// How the model of a cell is made.
    fn unlearn(&self, at: usize) -> Result<UnlearnRecipe> {
        let (recipe, settings) = (self.recipe, &self.compared.method.settings);
        let at_once = recipe.order.filter(|order| *order != Order::InTurn);
        let files = || self.concepts.iter().map(|(file, _)| text(file)).collect::<Result<_>>();
        let (concepts, asked) = match at_once {
            None => (&self.concepts[at..=at], text(&self.concepts[at].0)?),
            Some(_) => (self.concepts, Value::Array(files()?)),
        };
        let concepts: Vec<&Concept> = concepts.iter().map(|(_, concept)| concept).collect();
        let filled = words::put("method", settings, &concepts, words::Own::Goes);
        let mut method = filled.map_err(|(_, thing, remedy)| {
            recipe.source.error("method", format!("{}: {thing}", self.compared.label), remedy)
        })?;
        method.insert("name".into(), self.compared.method.name.clone().into());
        let mut table = self.head("unlearn", asked);
        let original = match recipe.order {
            Some(Order::InTurn) if at > 0 => self.out(at - 1),
            _ => recipe.model.clone(),
        };
        if at_once == Some(Order::Merged) {
            table.insert("order".into(), "merged".into());
        }
        table.insert("model".into(), text(&original)?);
        table.insert("out".into(), text(&self.out(at))?);
        table.insert("method".into(), method.into());
        UnlearnRecipe::parse(&document(recipe, &self.model(at), "unlearn", &table))
    }

    /// What the model of a cell is called.
    fn model(&self, at: usize) -> String {
        let (id, label) = (&self.concepts[at].1.id, &self.compared.label);
        let name = match self.recipe.order {
            None => format!("{id}-{label}"),
            Some(Order::Together) => format!("together-{label}"),
            Some(Order::Merged) => format!("merged-{label}"),
            Some(Order::InTurn) => format!("in-turn-{label}-{}-{id}", at + 1),
        };
        name + &ending(self.seed)
    }

    fn out(&self, at: usize) -> PathBuf {
        self.recipe.models.join(self.model(at))
    }

    /// Which other concepts the audit asks for, and which of them this model was made to forget too.
    fn others(&self, audit: &mut Table, at: usize) -> Result<()> {
        let (recipe, all) = (self.recipe, 0..self.concepts.len());
        let files = |wanted: &dyn Fn(usize) -> bool| -> Result<Vec<Value>> {
            let places = all.clone().filter(|&other| other != at && wanted(other));
            places.map(|other| text(&self.concepts[other].0)).collect()
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

    fn head(&self, task: &str, concept: Value) -> Table {
        let seed = self.seed.unwrap_or(self.recipe.seed);
        let mut table = Table::new();
        table.insert("schema".into(), Value::Integer(1));
        table.insert("task".into(), task.into());
        table.insert("seed".into(), Value::Integer(seed.cast_signed()));
        table.insert("concept".into(), concept);
        table
    }
}

fn document(recipe: &CompareRecipe, name: &str, kind: &str, table: &Table) -> Document {
    let what = match kind {
        "audit" => format!("the audit of `{name}`"),
        _ => format!("the unlearning of `{name}`"),
    };
    recipe.source.made(&format!("{name}-{kind}.toml"), what, table.to_string())
}

fn text(path: &Path) -> Result<Value> {
    let text = path.to_str().ok_or_else(|| Error::value("a path is not UTF-8", "rename it"))?;
    Ok(text.into())
}
