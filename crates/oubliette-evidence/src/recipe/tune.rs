//! The recipe that tunes: a method's few sensitive settings, searched on concepts other than those that will be reported.

mod apart;
mod grid;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use grid::Candidate;

use super::{CompareRecipe, Compared, ComparedCell, Problem, Task, Twin, check_seed, check_task};
use crate::document::Document;
use crate::{Concept, Result, Share, settings::Named};

/// A recipe with `task = "tune"`. Paths are relative to the folder of the recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TuneRecipe {
    /// Always 1.
    pub schema: u32,
    /// Always `tune`.
    pub task: Task,
    /// Every random choice follows from it; below 2^53.
    #[serde(default)]
    pub seed: u64,
    /// Folder of the model that is to forget.
    pub model: PathBuf,
    /// Files of the concepts that the settings are chosen on.
    pub concepts: Vec<PathBuf>,
    /// The concepts that will be reported later: ids, names or files (`.toml`). None of them may be tuned on.
    pub reported: Vec<String>,
    /// Folder for the unlearned models.
    pub models: PathBuf,
    /// Folder that keeps what the page is made of, the page and what was chosen.
    pub out: PathBuf,
    /// The method, with the settings that all candidates share.
    pub method: Named,
    /// A list of values for the name of every setting that is searched, dotted where it is nested; and, as a number,
    /// `samples`: so many of all combinations, drawn by the seed.
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub search: toml::Table,
    /// How one candidate is chosen.
    #[serde(default)]
    pub rule: Rule,
    /// Twins that never saw some of the concepts.
    #[serde(default)]
    pub never_exposed: Vec<Twin>,
    /// The audit of every cell, as in a comparison.
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub audit: toml::Table,
    /// The text this recipe was read from.
    #[serde(skip)]
    #[schemars(skip)]
    pub source: Document,
}

/// How one candidate is chosen: of those with few enough direct hits, the one that keeps most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// The largest share of direct hits, pooled over the concepts, with which a candidate has forgotten enough.
    pub hits_at_most: Share,
}

impl Default for Rule {
    fn default() -> Self {
        Self { hits_at_most: Share::new(0.05).expect("0.05 is a share") }
    }
}

impl TuneRecipe {
    /// Reads and checks a recipe file.
    pub fn read(file: &Path) -> Result<Self> {
        Self::parse(&Document::read(file)?)
    }

    /// Reads and checks a recipe.
    pub fn parse(document: &Document) -> Result<Self> {
        check_task(document, Task::Tune)?;
        let recipe: Self = document.parse()?;
        let recipe = Self { source: document.clone(), ..recipe };
        recipe.check().map_err(|(key, thing, remedy)| document.error(&key, thing, remedy))?;
        Ok(recipe)
    }

    /// The candidates, in the order of the grid.
    pub fn candidates(&self) -> Result<Vec<Candidate>> {
        let refused = |(key, thing, remedy): Problem| self.source.error(&key, thing, remedy);
        grid::candidates(self).map_err(refused)
    }

    /// The concepts to tune on, in order.
    ///
    /// # Errors
    /// A file cannot be read; one concept is named twice, or is one that will be reported.
    pub fn concepts(&self) -> Result<Vec<Concept>> {
        let read = |file: &PathBuf| Concept::read(&self.source.beside(file));
        let concepts = self.concepts.iter().map(read).collect::<Result<Vec<_>>>()?;
        apart::check(self, &concepts)?;
        Ok(concepts)
    }

    /// One cell for every concept and candidate, concepts first.
    ///
    /// # Errors
    /// As [`Self::concepts`]; and an audit that is none.
    pub fn cells(&self) -> Result<Vec<ComparedCell>> {
        self.concepts()?;
        let cells = self.comparison(&self.candidates()?).cells()?;
        match cells.iter().find(|cell| cell.audit.samples.schedule(100).len() > 1) {
            Some(_) => {
                let remedy =
                    "remove `looks`: candidates are compared on the same number of pictures";
                Err(self.source.error("audit.samples.looks", "an audit that may end early", remedy))
            }
            None => Ok(cells),
        }
    }

    /// The same candidates as the methods of a comparison.
    fn comparison(&self, candidates: &[Candidate]) -> CompareRecipe {
        let compared = |candidate: &Candidate| Compared {
            label: candidate.label.clone(),
            method: candidate.method.clone(),
        };
        CompareRecipe {
            order: None,
            interference: false,
            schema: self.schema,
            task: Task::Compare,
            seed: self.seed,
            seeds: Vec::new(),
            hypothesis: Vec::new(),
            trend: Vec::new(),
            model: self.model.clone(),
            concepts: self.concepts.clone(),
            models: self.models.clone(),
            out: self.out.clone(),
            page: None,
            title: None,
            about: None,
            method: candidates.iter().map(compared).collect(),
            never_exposed: self.never_exposed.clone(),
            audit: self.audit.clone(),
            source: self.source.clone(),
        }
    }

    /// As [`CompareRecipe::check_braces`], of every candidate.
    ///
    /// # Errors
    /// The first word that nothing takes the place of.
    pub fn check_braces(&self, own: impl Fn(&str) -> &'static [&'static str]) -> Result<()> {
        let candidates = grid::candidates(self);
        let candidates =
            candidates.map_err(|(key, thing, remedy)| self.source.error(&key, thing, remedy))?;
        self.comparison(&candidates).check_braces(own)
    }

    fn check(&self) -> Result<(), Problem> {
        check_seed(self.seed)?;
        if self.reported.is_empty() {
            let remedy =
                "name the concepts that will be reported, so that none of them is tuned on";
            return Err(("reported".into(), "nothing will be reported".into(), remedy));
        }
        let comparison = self.comparison(&grid::candidates(self)?);
        comparison.check()?;
        comparison.check_places(&self.source)
    }
}
