//! What a cell was asked for: two recipes, and the concepts that they name.

use oubliette_evidence::folder::read_text;
use oubliette_evidence::plan::UnlearnPlan;
use oubliette_evidence::recipe::{ComparedCell, UnlearnRecipe};
use oubliette_evidence::settings::{Settings, settings};
use oubliette_evidence::{Concept, Digest, Plan, Result, document::Document};
use std::path::{Path, PathBuf};

/// Whether a plan of the cell was made from its recipe, and from concepts as their files have them now.
pub(super) fn is_of(plan: &Plan, cell: &ComparedCell) -> bool {
    match plan {
        Plan::Audit(plan) => {
            let audit = &cell.audit;
            let now = Concept::read(&audit.source.beside(&audit.concept));
            plan.recipe.digest == text(&audit.source) && now.is_ok_and(|now| now == plan.concept)
        }
        Plan::Unlearn(plan) => {
            let now = concepts(&cell.unlearn);
            plan.recipe.digest == text(&cell.unlearn.source)
                && now.is_ok_and(|now| now == plan.concept.all())
                && files(&cell.unlearn).all(|(key, file)| holds(plan, key, &file))
        }
        Plan::Update(_) => false,
    }
}

/// The digest of the recipe of the unlearning and of the files that it names, concepts and tables of settings; one that cannot be read counts as an empty one.
pub(super) fn digest(cell: &ComparedCell) -> Digest {
    let recipe = &cell.unlearn;
    let files = recipe.concept.all().iter().map(|file| recipe.source.beside(file));
    let files = files.chain(self::files(recipe).map(|(_, file)| file));
    let texts = files.map(|file| read_text(&file).unwrap_or_default());
    let all: Vec<String> = std::iter::once(recipe.source.text().to_owned()).chain(texts).collect();
    Digest::of(all.join("\0").as_bytes())
}

/// The tables of the method's settings that lie in files of their own, with these.
fn files(recipe: &UnlearnRecipe) -> impl Iterator<Item = (&str, PathBuf)> {
    recipe.method.settings.iter().filter_map(|(key, table)| {
        let file = table.get("file")?.as_str()?;
        Some((key.as_str(), recipe.source.beside(Path::new(file))))
    })
}

/// Whether a plan has what a file says now of the settings under `key`.
fn holds(plan: &UnlearnPlan, key: &str, file: &Path) -> bool {
    let table = || -> Option<Settings> {
        let whole: toml::Table = Document::read(file).ok()?.piece().ok()?;
        settings(whole.get("method")?.get(key)?.as_table()?).ok()
    };
    let planned = plan.settings.get(key);
    table().is_some_and(|now| {
        now.iter().all(|(name, value)| planned.and_then(|all| all.get(name)) == Some(value))
    })
}

/// The digest by which a plan knows the recipe that it was made from.
fn text(document: &Document) -> Digest {
    Digest::of(document.text().as_bytes())
}

fn concepts(recipe: &UnlearnRecipe) -> Result<Vec<Concept>> {
    let files = recipe.concept.all().iter();
    files.map(|file| Concept::read(&recipe.source.beside(file))).collect()
}
