//! What is kept of each cell: both plans, the events, the verdict, what it cost, and a sheet of a few pictures; or why it cannot be. All other pictures stay in the run folders.
mod asked;
mod claims;
mod page;

use crate::failure::Failure;
use oubliette_evidence::evidence::read_log;
use oubliette_evidence::folder::{RunFolder, read_text, write_whole};
use oubliette_evidence::recipe::{CompareRecipe, ComparedCell};
use oubliette_evidence::report::{ComparedAudit, Cost};
use oubliette_evidence::{Digest, Error, Plan, judge};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What the unlearning cost: telemetry beside the evidence.
const COST: &str = "cost.json";

/// Written last.
const VERDICT: &str = "verdict.json";

/// A few of its pictures.
const SHEET: &str = "pictures.png";

/// Why there is no cell.
const REFUSED: &str = "refused.json";

/// The settings of a cell were refused, or its training diverged.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    /// Digest of the recipe and the concepts that were refused.
    asked: Digest,
    /// The code of the failure.
    pub(crate) code: String,
    /// What it said.
    pub(crate) message: String,
}

/// The folder of a comparison or a search, and its page.
pub(crate) struct Kept {
    folder: PathBuf,
    page: PathBuf,
}

impl Kept {
    /// With the page in the folder.
    pub(crate) fn at(folder: &Path) -> Kept {
        Kept { folder: folder.to_owned(), page: folder.join("page.md") }
    }

    /// With the page where the recipe has it.
    pub(crate) fn of(recipe: &CompareRecipe) -> Kept {
        let kept = Kept::at(&recipe.source.beside(&recipe.out));
        match &recipe.page {
            Some(page) => Kept { page: recipe.source.beside(page), ..kept },
            None => kept,
        }
    }

    /// A file in the folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn folder(&self, cell: &ComparedCell) -> PathBuf {
        self.folder.join("cells").join(cell.name())
    }

    /// Where the pictures of a cell are kept, in its folder.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub(crate) fn sheet(&self, cell: &ComparedCell) -> Result<PathBuf, Failure> {
        let folder = self.folder(cell);
        make(&folder)?;
        Ok(folder.join(SHEET))
    }

    /// Whether a finished cell is there that was made from these very recipes, and from concepts that are still what they were.
    pub(crate) fn has(&self, cell: &ComparedCell) -> bool {
        let folder = self.folder(cell);
        let plan = |file: &str| {
            let path = folder.join(file);
            Plan::from_text(&path, &read_text(&path).ok()?).ok()
        };
        // Written last.
        folder.join(VERDICT).is_file()
            && plan("plan.json").is_some_and(|plan| asked::is_of(&plan, cell))
            && plan("unlearn.json").is_some_and(|plan| asked::is_of(&plan, cell))
    }

    /// Keeps why a cell was refused, or diverged.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn refuse(&self, cell: &ComparedCell, failure: &Failure) -> Result<(), Failure> {
        let (code, message) = (failure.code.to_owned(), failure.message.clone());
        let refusal = Refusal { asked: asked::digest(cell), code, message };
        let folder = self.folder(cell);
        make(&folder)?;
        let text = serde_json::to_string_pretty(&refusal).expect("plain texts") + "\n";
        Ok(write_whole(&folder.join(REFUSED), text.as_bytes())?)
    }

    /// Why a cell of these very recipes was refused, where it was.
    pub(crate) fn refusal(&self, cell: &ComparedCell) -> Option<Refusal> {
        let text = read_text(&self.folder(cell).join(REFUSED)).ok()?;
        let refusal: Refusal = serde_json::from_str(&text).ok()?;
        (refusal.asked == asked::digest(cell)).then_some(refusal)
    }

    /// Training steps of a kept cell.
    ///
    /// # Errors
    /// Its plan is malformed.
    pub(crate) fn steps(&self, cell: &ComparedCell) -> Result<u64, Failure> {
        let file = self.folder(cell).join("unlearn.json");
        match Plan::from_text(&file, &read_text(&file)?)? {
            Plan::Unlearn(plan) => Ok(plan.steps()),
            _ => Err(Error::file(&file, "no plan of an unlearning", "remove its folder").into()),
        }
    }

    /// Keeps a finished cell.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(crate) fn keep(
        &self,
        cell: &ComparedCell,
        unlearn: &Plan,
        run: &RunFolder,
        cost: &Cost,
    ) -> Result<(), Failure> {
        let folder = self.folder(cell);
        make(&folder)?;
        // Gone first, so that a cell is never half of one recipe and half of another.
        remove(&folder.join(VERDICT))?;
        let cost = serde_json::to_string_pretty(cost).expect("plain numbers") + "\n";
        write_whole(&folder.join(COST), cost.as_bytes())?;
        write_whole(&folder.join("unlearn.json"), unlearn.to_text()?.as_bytes())?;
        for file in [run.plan(), run.events(), run.verdict()] {
            let place = folder.join(file.file_name().unwrap_or_default());
            write_whole(&place, read_text(&file)?.as_bytes())?;
        }
        Ok(())
    }

    /// A cell as its events have it, judged again; nothing where it is not there.
    ///
    /// # Errors
    /// Its files are malformed, or the verdict beside them is not the one that follows from them.
    pub(crate) fn read(&self, cell: &ComparedCell) -> Result<Option<ComparedAudit>, Failure> {
        if !self.has(cell) {
            return Ok(None);
        }
        let run = RunFolder::at(self.folder(cell));
        let Plan::Audit(plan) = Plan::from_text(&run.plan(), &read_text(&run.plan())?)? else {
            return Ok(None);
        };
        let evidence = read_log(&run.events()).map_err(Failure::changed)?.evidence;
        let judgment = judge(&plan, &evidence).map_err(Failure::changed)?;
        if judgment.to_text()? != read_text(&run.verdict())? {
            return Err(Failure::differs(&run.verdict()));
        }
        let (concept, method, seed) = (cell.concept.clone(), cell.method.clone(), cell.seed);
        let cost = self.cost(cell)?;
        let sheet = format!("cells/{}/{SHEET}", cell.name());
        let shown = !plan.report.blur && self.beside(&sheet).is_file();
        let sheet = if shown { Some(self.link(&sheet)?) } else { None };
        Ok(Some(ComparedAudit {
            concept,
            method,
            seed,
            plan: *plan,
            evidence,
            judgment,
            cost,
            sheet,
        }))
    }

    /// What the unlearning cost, where that was measured.
    fn cost(&self, cell: &ComparedCell) -> Result<Option<Cost>, Failure> {
        let file = self.folder(cell).join(COST);
        if !file.is_file() {
            return Ok(None);
        }
        let malformed = |error: serde_json::Error| {
            Error::file(&file, error.to_string(), "remove it: it is no part of the evidence")
        };
        Ok(Some(serde_json::from_str(&read_text(&file)?).map_err(malformed)?))
    }
}

fn make(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|source| Failure::unwritable(folder, &source))
}

/// Removes a file where there is one.
///
/// # Errors
/// It cannot be removed.
pub(crate) fn remove(file: &Path) -> Result<(), Failure> {
    match fs::remove_file(file) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(Failure::unwritable(file, &source))
        }
        _ => Ok(()),
    }
}
