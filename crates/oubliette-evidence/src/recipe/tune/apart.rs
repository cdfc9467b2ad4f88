//! Keeps the concepts that are tuned on apart from those that will be reported.

use std::collections::BTreeSet;
use std::path::Path;

use super::TuneRecipe;
use crate::{Concept, Result};

/// Refuses a concept that stands twice, or whose id or name is one of a concept that will be reported.
pub(super) fn check(recipe: &TuneRecipe, concepts: &[Concept]) -> Result<()> {
    let called: Vec<BTreeSet<String>> = concepts.iter().map(called).collect();
    let refuse = |number: usize, thing: String, remedy| {
        Err(recipe.source.error(&format!("concepts.{number}"), thing, remedy))
    };
    for (number, names) in called.iter().enumerate() {
        let id = &concepts[number].id;
        if let Some(other) = (0..number).find(|&other| !names.is_disjoint(&called[other])) {
            let thing = format!("`{id}` and `{}` share a name", concepts[other].id);
            return refuse(number, thing, "tune on every concept once");
        }
        for reported in &recipe.reported {
            if let Some(shared) = reports(recipe, reported)?.intersection(names).next() {
                let thing =
                    format!("`{id}` will be reported (`{reported}` is called `{shared}`, too)");
                return refuse(
                    number,
                    thing,
                    "tune on other concepts than those that are reported",
                );
            }
        }
    }
    Ok(())
}

/// What a reported concept is called: in its file, or as it is written.
fn reports(recipe: &TuneRecipe, reported: &str) -> Result<BTreeSet<String>> {
    match reported.ends_with(".toml") {
        true => Ok(called(&Concept::read(&recipe.source.beside(Path::new(reported)))?)),
        false => Ok(BTreeSet::from([plain(reported)])),
    }
}

/// The id and every name.
fn called(concept: &Concept) -> BTreeSet<String> {
    concept.names.iter().chain([&concept.id]).map(|name| plain(name)).collect()
}

/// Without what ids cannot have: `Fire Engine` and `fire-engine` are one name.
fn plain(name: &str) -> String {
    let words = name.split(|c: char| c.is_whitespace() || c == '-' || c == '_');
    let words: Vec<String> = words.filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
    words.join(" ")
}
