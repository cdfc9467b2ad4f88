//! What a comparison keeps of each cell: both plans, the events, the verdict, and what it cost. Pictures stay in the run folders.
use super::{digest, name};
use crate::failure::Failure;
use oubliette_evidence::evidence::read_log;
use oubliette_evidence::folder::{RunFolder, read_text, write_whole};
use oubliette_evidence::recipe::ComparedCell;
use oubliette_evidence::report::{ComparedAudit, Cost};
use oubliette_evidence::{Error, Plan, judge};
use std::fs;
use std::path::{Path, PathBuf};

/// What the unlearning cost: telemetry beside the evidence.
const COST: &str = "cost.json";

/// The folder of a comparison.
pub(super) struct Kept(PathBuf);

impl Kept {
    pub(super) fn at(folder: &Path) -> Kept {
        Kept(folder.to_owned())
    }

    /// The page.
    pub(super) fn page(&self) -> PathBuf {
        self.0.join("page.md")
    }

    /// Writes the page.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write_page(&self, text: &str) -> Result<(), Failure> {
        fs::create_dir_all(&self.0).map_err(|source| Failure::unwritable(&self.0, &source))?;
        Ok(write_whole(&self.page(), text.as_bytes())?)
    }

    fn folder(&self, cell: &ComparedCell) -> PathBuf {
        self.0.join("cells").join(name(cell))
    }

    /// Whether a finished cell is there that was made from these very recipes.
    pub(super) fn has(&self, cell: &ComparedCell) -> bool {
        let folder = self.folder(cell);
        let made_from = |file: &str| {
            let path = folder.join(file);
            match Plan::from_text(&path, &read_text(&path).ok()?).ok()? {
                Plan::Audit(plan) => Some(plan.recipe.digest),
                Plan::Unlearn(plan) => Some(plan.recipe.digest),
                Plan::Update(plan) => Some(plan.recipe.digest),
            }
        };
        // Written last.
        folder.join("verdict.json").is_file()
            && made_from("plan.json") == Some(digest(&cell.audit.source))
            && made_from("unlearn.json") == Some(digest(&cell.unlearn.source))
    }

    /// Keeps a finished cell.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(super) fn keep(
        &self,
        cell: &ComparedCell,
        unlearn: &Plan,
        run: &RunFolder,
        cost: &Cost,
    ) -> Result<(), Failure> {
        let folder = self.folder(cell);
        fs::create_dir_all(&folder).map_err(|source| Failure::unwritable(&folder, &source))?;
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
    pub(super) fn read(&self, cell: &ComparedCell) -> Result<Option<ComparedAudit>, Failure> {
        if !self.has(cell) {
            return Ok(None);
        }
        let run = RunFolder::at(self.folder(cell));
        let Plan::Audit(plan) = Plan::from_text(&run.plan(), &read_text(&run.plan())?)? else {
            return Ok(None);
        };
        let evidence = read_log(&run.events())?.evidence;
        let judgment = judge(&plan, &evidence)?;
        if judgment.to_text()? != read_text(&run.verdict())? {
            return Err(Failure::differs(&run.verdict()));
        }
        let (concept, method) = (cell.concept.clone(), cell.method.clone());
        let cost = self.cost(cell)?;
        Ok(Some(ComparedAudit { concept, method, plan: *plan, evidence, judgment, cost }))
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
