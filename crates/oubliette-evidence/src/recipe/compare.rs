//! The recipe that compares: many methods on many concepts, one unlearning and one audit for every pair.

mod cell;
mod claims;
mod hypothesis;
mod trend;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use cell::ComparedCell;
pub use hypothesis::{Hypothesis, Measure};
pub use trend::Trend;

use super::{Order, Problem, Task, apart, check_seed, check_task, words};
use crate::document::Document;
use crate::{Concept, Result, settings::Named, training};

/// A recipe with `task = "compare"`. Paths are relative to the folder of the recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareRecipe {
    /// Always 1.
    pub schema: u32,
    /// Always `compare`.
    pub task: Task,
    /// Every random choice follows from it; below 2^53.
    #[serde(default)]
    pub seed: u64,
    /// Everything is done once for each of these in the place of `seed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<u64>,
    /// Folder of the model that is to forget.
    pub model: PathBuf,
    /// The concepts' files.
    pub concepts: Vec<PathBuf>,
    /// Folder for the unlearned models.
    pub models: PathBuf,
    /// Folder that keeps what the page is made of: a few small files a cell.
    pub out: PathBuf,
    /// The page; absent: `page.md` in `out`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PathBuf>,
    /// The heading of the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the page says first, as Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The concepts are forgotten by one model, in this order; absent: each by a model of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Every audit asks for all other concepts too, in their own words; in turn, it always does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interference: bool,
    /// The methods, in order.
    pub method: Vec<Compared>,
    /// What is claimed of them, written down before anything is run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hypothesis: Vec<Hypothesis>,
    /// What is claimed of an order of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trend: Vec<Trend>,
    /// Twins that never saw some of the concepts.
    #[serde(default)]
    pub never_exposed: Vec<Twin>,
    /// The audit of every cell: an audit recipe without concept and subjects. Texts may hold `{id}`, `{superclass}`
    /// and `{neighbour}`.
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub audit: toml::Table,
    /// The text this recipe was read from.
    #[serde(skip)]
    #[schemars(skip)]
    pub source: Document,
}

/// A method under a name of its own, with its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// What the page calls it: lower-case letters, digits and hyphens.
    pub label: String,
    /// The method.
    #[serde(flatten)]
    pub method: Named,
}

/// A model that never saw some concepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Twin {
    /// Its folder.
    pub model: PathBuf,
    /// The concepts' ids.
    pub concepts: Vec<String>,
}

impl CompareRecipe {
    /// Reads and checks a recipe file.
    pub fn read(file: &Path) -> Result<Self> {
        Self::parse(&Document::read(file)?)
    }

    /// Reads and checks a recipe.
    pub fn parse(document: &Document) -> Result<Self> {
        check_task(document, Task::Compare)?;
        let recipe: Self = document.parse()?;
        recipe
            .check()
            .and_then(|()| recipe.check_places(document))
            .map_err(|(key, thing, remedy)| document.error(&key, thing, remedy))?;
        Ok(Self { source: document.clone(), ..recipe })
    }

    /// One cell for every seed, concept and method, the methods moving fastest.
    pub fn cells(&self) -> Result<Vec<ComparedCell>> {
        let read = |file: &PathBuf| Ok((file.clone(), Concept::read(&self.source.beside(file))?));
        let concepts = self.concepts.iter().map(read).collect::<Result<Vec<_>>>()?;
        for (at, (_, concept)) in concepts.iter().enumerate() {
            if concepts[..at].iter().any(|(_, other)| other.id == concept.id) {
                let thing = format!("the concept `{}` is named twice", concept.id);
                return Err(self.source.error("concepts", thing, "name every concept once"));
            }
        }
        trend::covers(self, concepts.iter().map(|(_, concept)| concept.id.as_str()))
            .map_err(|(key, thing, remedy)| self.source.error(&key, thing, remedy))?;
        let seeds: Vec<Option<u64>> = match self.seeds.as_slice() {
            [] => vec![None],
            seeds => seeds.iter().copied().map(Some).collect(),
        };
        let mut cells = Vec::new();
        for seed in seeds {
            for at in 0..concepts.len() {
                for compared in &self.method {
                    cells.push(
                        cell::Maker { recipe: self, concepts: &concepts, compared, seed }
                            .cell(at)?,
                    );
                }
            }
        }
        let mut names = BTreeSet::new();
        match cells.iter().map(ComparedCell::name).find(|name| !names.insert(name.clone())) {
            Some(name) => {
                let thing = format!("two cells would be called `{name}`");
                Err(self.source.error("method", thing, "give methods or concepts other names"))
            }
            None => Ok(cells),
        }
    }

    /// Nothing that is written lies in a model that is read.
    pub(super) fn check_places(&self, document: &Document) -> Result<(), Problem> {
        let page = self.page.iter().map(|page| ("page", page.as_path()));
        let written: Vec<(&str, &Path)> =
            [("models", self.models.as_path()), ("out", self.out.as_path())]
                .into_iter()
                .chain(page)
                .collect();
        let twins = self.never_exposed.iter().map(|twin| twin.model.as_path());
        let read: Vec<&Path> = std::iter::once(self.model.as_path()).chain(twins).collect();
        apart::check(document, &written, &read)
    }

    /// Refuses words in braces that nothing takes the place of, beside those that every method has and the `own` of each.
    ///
    /// # Errors
    /// The first such word.
    pub fn check_braces(&self, own: impl Fn(&str) -> &'static [&'static str]) -> Result<()> {
        self.braces(own).map_err(|(key, thing, remedy)| self.source.error(&key, thing, remedy))
    }

    fn braces(&self, own: impl Fn(&str) -> &'static [&'static str]) -> Result<(), Problem> {
        self.method.iter().enumerate().try_for_each(|(number, compared)| {
            let Named { name, settings } = &compared.method;
            words::known(&format!("method.{number}"), settings, own(name))
        })
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        check_seed(self.seed)?;
        // First: what follows looks at pairs of them.
        let counts = [self.seeds.len(), self.concepts.len(), self.method.len()];
        if counts.into_iter().fold(1, |all: usize, n| all.saturating_mul(n.max(1))) > MOST_CELLS {
            let thing = format!("more than {MOST_CELLS} cells");
            return Err(("concepts".into(), thing, "split the recipe into several"));
        }
        if self.seed != 0 && !self.seeds.is_empty() {
            let remedy = "leave one of them out";
            return Err(("seed".into(), "there is `seed`, and there are `seeds`".into(), remedy));
        }
        for (number, &seed) in self.seeds.iter().enumerate() {
            check_seed(seed)?;
            if self.seeds[..number].contains(&seed) {
                let thing = format!("the seed {seed} stands twice");
                return Err(("seeds".into(), thing, "name every seed once"));
            }
        }
        if self.concepts.is_empty() || self.method.is_empty() {
            let thing = "there is no concept or no method".to_owned();
            return Err(("concepts".into(), thing, "name at least one of each"));
        }
        for (number, compared) in self.method.iter().enumerate() {
            let label = &compared.label;
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if label.is_empty() || label.len() > 64 || !label.chars().all(plain) {
                let remedy = "use lower-case letters, digits and hyphens, at most 64";
                return Err((format!("method.{number}.label"), format!("label `{label}`"), remedy));
            }
            if self.method[..number].iter().any(|other| other.label == *label) {
                let thing = format!("two methods are labelled `{label}`");
                return Err((format!("method.{number}.label"), thing, "give each its own label"));
            }
            training::check_method(&compared.method.settings, &format!("method.{number}"))?;
        }
        if let Some(page) =
            self.page.as_ref().filter(|page| page.extension() != Some("md".as_ref()))
        {
            let thing = format!("the page would be `{}`", page.display());
            return Err(("page".into(), thing, "name a file that ends in .md"));
        }
        claims::check(self)?;
        training::check_audit(&self.audit, "audit.")?;
        words::templates("audit", &self.audit, &words::OF_A_CONCEPT)?;
        match self.audit.keys().find(|key| OWN.contains(&key.as_str())) {
            Some(key) => {
                let remedy = "leave it out; every cell has its own";
                Err((format!("audit.{key}"), format!("`{key}` of the audit"), remedy))
            }
            None => Ok(()),
        }
    }
}

/// Most cells of a comparison, or of a search.
const MOST_CELLS: usize = 10_000;

/// What every cell's audit has of its own.
const OWN: [&str; 5] = ["schema", "task", "seed", "concept", "subjects"];
