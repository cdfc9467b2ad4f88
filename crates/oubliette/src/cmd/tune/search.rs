//! The cells of a search: run one after the other, and read again from what is kept.
use crate::cmd::cell::{Bench, Kept, Refusal, check, remove};
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use oubliette_evidence::choice::Tally;
use oubliette_evidence::folder::write_whole;
use oubliette_evidence::hypotheses::Claims;
use oubliette_evidence::plan::ArmKind;
use oubliette_evidence::recipe::{Candidate, ComparedCell, TuneRecipe};
use oubliette_evidence::report::{
    ComparedAudit, Trial, Tuning, render_chosen, render_comparison, render_tuning,
};
use oubliette_lab::run::{Context, resolve};

/// The file with what was chosen.
pub(super) const CHOSEN: &str = "chosen.toml";

/// A recipe with all of its candidates and cells.
pub(super) struct Search {
    recipe: TuneRecipe,
    candidates: Vec<Candidate>,
    pub(super) cells: Vec<ComparedCell>,
}

impl Search {
    /// Reads the concepts, and refuses those that will be reported.
    pub(super) fn of(recipe: TuneRecipe) -> Result<Search, Failure> {
        let (candidates, cells) = (recipe.candidates()?, recipe.cells()?);
        Ok(Search { recipe, candidates, cells })
    }

    /// Runs what is missing. A candidate that is refused on one concept is not tried on the others.
    pub(super) fn run(&self, bench: &Bench<'_>) -> Result<(), Failure> {
        let mut asked = String::new();
        let still = |cell: &ComparedCell| self.is_open(bench.kept, cell);
        bench.each(&self.open(bench.kept), still, |cell, left| {
            if asked != cell.concept {
                check_audit(cell, bench.context)?;
                asked.clone_from(&cell.concept);
            }
            let words = self.candidate(cell).map(Candidate::words).unwrap_or_default();
            bench.terminal.say(&format!("{} by {} ({words}); {left}", cell.concept, cell.method));
            match bench.unlearn(&cell.unlearn) {
                Ok(made) => bench.audit(cell, &made)?,
                Err(failure) if is_own(&failure) => {
                    bench.terminal.say(&format!("refused: {}", failure.message));
                    bench.kept.refuse(cell, &failure)?;
                }
                Err(failure) => return Err(failure),
            }
            self.page(bench.kept)?;
            Ok(())
        })
    }

    /// Refuses what a cell would be refused for.
    ///
    /// # Errors
    /// The refusal: a candidate's [own](is_own), or one that stops the search.
    pub(super) fn check(&self, cell: &ComparedCell, context: &Context) -> Result<(), Failure> {
        let first = self.cells.iter().find(|other| other.concept == cell.concept);
        if first.is_some_and(|first| std::ptr::eq(first, cell)) {
            check_audit(cell, context)?;
        }
        check(cell)
    }

    /// The cells that are still to be run.
    pub(super) fn open(&self, kept: &Kept) -> Vec<&ComparedCell> {
        self.cells.iter().filter(|cell| self.is_open(kept, cell)).collect()
    }

    /// Neither kept, nor of a candidate that was refused.
    fn is_open(&self, kept: &Kept, cell: &ComparedCell) -> bool {
        !kept.has(cell) && self.refusal(kept, &cell.method).is_none()
    }

    /// Writes page and choice from what is kept, and gives the page's text.
    pub(super) fn page(&self, kept: &Kept) -> Result<(Tuning, String), Failure> {
        let (tuning, audits) = self.tuning(kept)?;
        let missing: Vec<String> = self.open(kept).into_iter().map(ComparedCell::name).collect();
        let mut text = render_tuning(&tuning);
        if !audits.is_empty() {
            text += &format!("\n{}", render_comparison(&audits, &Claims::default(), &missing));
        }
        kept.write_page(&text)?;
        let place = kept.beside(CHOSEN);
        match render_chosen(&tuning) {
            Some(chosen) => write_whole(&place, chosen.as_bytes())?,
            // What an earlier grid has chosen is no choice of this one.
            None => remove(&place)?,
        }
        Ok((tuning, text))
    }

    /// Every candidate as what is kept has it, and all audits that are kept.
    pub(super) fn tuning(&self, kept: &Kept) -> Result<(Tuning, Vec<ComparedAudit>), Failure> {
        let (mut trials, mut all) = (Vec::new(), Vec::new());
        for candidate in &self.candidates {
            let cells = || self.cells.iter().filter(|cell| cell.method == candidate.label);
            let audits = cells().map(|cell| kept.read(cell)).collect::<Result<Vec<_>, _>>()?;
            let audits: Vec<ComparedAudit> = audits.into_iter().flatten().collect();
            let trial = match self.refusal(kept, &candidate.label) {
                Some((cell, refusal)) => {
                    Trial::Refused { concept: cell.concept.clone(), why: refusal.message }
                }
                None if audits.len() < cells().count() => {
                    Trial::Partial { have: audits.len(), want: cells().count() }
                }
                None => Trial::Measured {
                    tally: audits.iter().map(|audit| Tally::of(&audit.plan, &audit.judgment)).sum(),
                    steps: cells().map(|cell| kept.steps(cell)).sum::<Result<u64, _>>()?,
                    seconds: audits.iter().map(|audit| audit.cost.as_ref()?.seconds).sum(),
                },
            };
            trials.push((candidate.clone(), trial));
            all.extend(audits);
        }
        let mut concepts: Vec<String> = Vec::new();
        for cell in &self.cells {
            if !concepts.contains(&cell.concept) {
                concepts.push(cell.concept.clone());
            }
        }
        Ok((Tuning { recipe: self.recipe.clone(), concepts, trials }, all))
    }

    fn candidate(&self, cell: &ComparedCell) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.label == cell.method)
    }

    /// Where and why a candidate was refused, where it was.
    fn refusal(&self, kept: &Kept, label: &str) -> Option<(&ComparedCell, Refusal)> {
        let mut cells = self.cells.iter().filter(|cell| cell.method == label);
        cells.find_map(|cell| Some((cell, kept.refusal(cell)?)))
    }
}

/// Whether other settings might not fail so.
pub(super) fn is_own(failure: &Failure) -> bool {
    failure.exit == Exit::Input && matches!(failure.kind, Kind::Settings | Kind::Diverged)
}

/// Refuses an audit that keeps nothing, before anything is unlearned: the original stands for the model that is not there yet.
fn check_audit(cell: &ComparedCell, context: &Context) -> Result<(), Failure> {
    let mut audit = cell.audit.clone();
    audit.subjects.unlearned = audit.subjects.original.clone();
    let plan = resolve::audit(&audit, context)?.examiner.plan;
    let mut groups = plan.arms_of(ArmKind::Keep).map(|arm| arm.attack.as_str());
    match groups.any(|group| Tally::GROUPS.contains(&group)) {
        true => Ok(()),
        false => Err(Failure::usage(format!(
            "the audit of `{}` keeps nothing, so that the rule cannot choose; name neighbours in the concept's `keep`, or \
             `unrelated` in `[audit.keep]`",
            cell.concept
        ))),
    }
}
