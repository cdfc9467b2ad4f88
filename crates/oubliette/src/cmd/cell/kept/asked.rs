//! What a cell was asked for: two recipes, and the concepts that they name.

use oubliette_evidence::folder::read_text;
use oubliette_evidence::recipe::{ComparedCell, UnlearnRecipe};
use oubliette_evidence::{Concept, Digest, Plan, Result, document::Document};

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
        }
        Plan::Update(_) => false,
    }
}

/// The digest of the recipe of the unlearning and of its concepts; a concept that cannot be read counts as an empty one.
pub(super) fn digest(cell: &ComparedCell) -> Digest {
    let recipe = &cell.unlearn;
    let files = recipe.concept.all().iter().map(|file| recipe.source.beside(file));
    let concepts = files.map(|file| read_text(&file).unwrap_or_default());
    let all: Vec<String> =
        std::iter::once(recipe.source.text().to_owned()).chain(concepts).collect();
    Digest::of(all.join("\0").as_bytes())
}

/// The digest by which a plan knows the recipe that it was made from.
fn text(document: &Document) -> Digest {
    Digest::of(document.text().as_bytes())
}

fn concepts(recipe: &UnlearnRecipe) -> Result<Vec<Concept>> {
    let files = recipe.concept.all().iter();
    files.map(|file| Concept::read(&recipe.source.beside(file))).collect()
}
