//! The page of a comparison, and which of its cells it still misses.
use crate::cmd::cell::Kept;
use crate::failure::Failure;
use oubliette_evidence::harmless;
use oubliette_evidence::hypotheses::{Claims, judged};
use oubliette_evidence::recipe::{CompareRecipe, ComparedCell};
use oubliette_evidence::report::{render_comparison, render_diverged};
use std::collections::BTreeMap;
use std::path::Path;

/// Lines of a page that are said; a page of many cells has thousands.
const MOST_LINES: usize = 200;

/// Writes the page from what is kept, and gives its text.
pub(super) fn write<'a>(
    recipe: &'a CompareRecipe,
    kept: &Kept,
    cells: &[ComparedCell],
) -> Result<(Claims<'a>, String), Failure> {
    let audits = cells.iter().map(|cell| kept.read(cell)).collect::<Result<Vec<_>, _>>()?;
    let audits: Vec<_> = audits.into_iter().flatten().collect();
    let diverged = diverged(kept, cells);
    let claims = judged(recipe, cells, &audits, &diverged, kept.claimed(recipe)?);
    let title = recipe.title.iter().map(|title| format!("# {}\n\n", harmless::line(title)));
    let about = recipe.about.iter().map(|about| format!("{}\n\n", harmless::page(about.trim())));
    let mut text: String = title.chain(about).collect();
    text += &render_comparison(&audits, &claims, &missing(kept, cells));
    text += &render_diverged(&diverged);
    kept.write_page(&text)?;
    Ok((claims, text))
}

/// As much of a page as anybody reads on a terminal.
pub(super) fn beginning(text: &str, page: &Path) -> String {
    match text.lines().count().saturating_sub(MOST_LINES) {
        0 => text.to_owned(),
        more => {
            let first: Vec<&str> = text.lines().take(MOST_LINES).collect();
            format!("{}\n... and {more} lines more in {}\n", first.join("\n"), page.display())
        }
    }
}

/// Neither kept nor known to diverge.
pub(super) fn is_open(kept: &Kept, cell: &ComparedCell) -> bool {
    !kept.has(cell) && kept.refusal(cell).is_none()
}

/// The cells that are still to be run.
pub(super) fn missing(kept: &Kept, cells: &[ComparedCell]) -> Vec<String> {
    cells.iter().filter(|cell| is_open(kept, cell)).map(ComparedCell::name).collect()
}

/// The cells whose training diverged, with what it said.
pub(super) fn diverged(kept: &Kept, cells: &[ComparedCell]) -> BTreeMap<String, String> {
    let why = |cell: &ComparedCell| Some((cell.name(), kept.refusal(cell)?.message));
    cells.iter().filter(|cell| !kept.has(cell)).filter_map(why).collect()
}
