//! A search on one page: the rule, what it chose, and every candidate with what was seen of it.

use serde::Serialize;

use super::comparison::{none, row};
use super::costs::time;
use super::tables::{per_100, range};
use crate::choice::{Choice, Contender, Kept, choose};
use crate::recipe::{Candidate, TuneRecipe};
use crate::{Digest, stats};

/// The error rate of each side of an interval: 95 in 100 for both.
const SIDE: f64 = 0.025;

/// What became of one candidate.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Trial {
    /// Every concept was unlearned and audited.
    Measured {
        /// What was seen, all concepts together.
        #[serde(flatten)]
        tally: crate::choice::Tally,
        /// Training steps, all concepts together.
        steps: u64,
        /// Seconds that the unlearning took, all concepts together, where none was interrupted.
        seconds: Option<f64>,
    },
    /// The method refused the settings, or training diverged.
    Refused {
        /// The concept.
        concept: String,
        /// What was said.
        why: String,
    },
    /// Concepts are still to be run.
    Partial {
        /// Those that were run.
        have: usize,
        /// All.
        want: usize,
    },
}

/// A search: its recipe, its candidates, and what became of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// The recipe.
    pub recipe: TuneRecipe,
    /// The ids of the concepts that it is tuned on.
    pub concepts: Vec<String>,
    /// Every candidate in the order of the grid.
    pub trials: Vec<(Candidate, Trial)>,
}

impl Tuning {
    /// What the rule chooses; nothing before every candidate was measured or refused, or where all were refused.
    pub fn choice(&self) -> Option<Choice> {
        let partial = |(_, trial): &(_, Trial)| matches!(trial, Trial::Partial { .. });
        if self.trials.iter().any(partial) {
            return None;
        }
        let contender = |(_, trial): &(_, Trial)| match trial {
            Trial::Measured { tally, steps, .. } => {
                Some(Contender { tally: *tally, steps: *steps })
            }
            Trial::Refused { .. } | Trial::Partial { .. } => None,
        };
        let contenders: Vec<_> = self.trials.iter().map(contender).collect();
        choose(&contenders, self.recipe.rule.hits_at_most)
    }

    /// The rule in words.
    pub fn rule(&self) -> String {
        format!(
            "of the candidates with direct hits of at most {}, pooled over these concepts, the one that loses the fewest points of \
             neighbours and unrelated concepts together; of equals the one with fewer training steps, then the first",
            self.recipe.rule.hits_at_most.in_100()
        )
    }

    /// The digest of the recipe.
    pub fn digest(&self) -> Digest {
        Digest::of(self.recipe.source.text().as_bytes())
    }
}

/// The page, up to the table of candidates.
pub fn render_tuning(tuning: &Tuning) -> String {
    let recipe = &tuning.recipe;
    let mut page = format!("# Settings of `{}`\n\n", recipe.method.name);
    page += &format!(
        "Tuned on {}. Not looked at, because they will be reported: {}.\n\n",
        tuning.concepts.join(", "),
        recipe.reported.join(", ")
    );
    page += &format!(
        "**Rule**, fixed in the recipe ({}) before the run: {}.\n\n{}\n\n",
        tuning.digest().short(),
        tuning.rule(),
        said(tuning)
    );
    page += "Direct hits: pictures that show the concept, of those that the unlearned model made under attacks that take it as it is and \
             need no control. Lost: in points, against the original on the same prompts and seeds. All are pooled over the concepts, in \
             100, with exact intervals at 95 in 100. Time: unlearning alone, all concepts together; telemetry.\n\n";
    let names = tuning.trials.first().map(|(candidate, _)| &candidate.searched[..]);
    let names: Vec<&str> = names.unwrap_or_default().iter().map(|(name, _)| &name[..]).collect();
    let seen = ["direct hits", "neighbours lost", "unrelated lost", "lost together", "time", ""];
    let head: Vec<&str> = [&["candidate"], &names[..], &seen].concat();
    page += &(row(&head) + &row(&vec!["---"; head.len()]));
    let choice = tuning.choice();
    for (place, (candidate, trial)) in tuning.trials.iter().enumerate() {
        let values = candidate.searched.iter().map(|(_, value)| value.to_string());
        let cells = std::iter::once(candidate.label.clone()).chain(values);
        page += &row(&cells.chain(cells_of(trial, choice, place)).collect::<Vec<_>>());
    }
    page += "\nThe numbers of a chosen candidate are the best of several and flatter it; what it is worth, concepts that it was not \
             chosen on say.\n";
    page
}

/// What was chosen, in words.
fn said(tuning: &Tuning) -> String {
    let words = |place: usize| {
        let candidate = &tuning.trials[place].0;
        format!("`{}` ({})", candidate.label, candidate.words())
    };
    let partial = |(_, trial): &&(_, Trial)| matches!(trial, Trial::Partial { .. });
    match (tuning.choice(), tuning.trials.iter().filter(partial).count()) {
        (Some(Choice::Met(place)), _) => format!("**Chosen:** {}.", words(place)),
        (Some(Choice::Unmet(place)), _) => format!(
            "**No candidate meets the rule.** The fewest hits has {}, which has not met it.",
            words(place)
        ),
        (None, 0) => "**Nothing is chosen:** every candidate was refused.".to_owned(),
        (None, open) => {
            let all = tuning.trials.len();
            format!(
                "**Partial.** Nothing is chosen yet: {open} of {all} candidates are not measured."
            )
        }
    }
}

fn cells_of(trial: &Trial, choice: Option<Choice>, place: usize) -> Vec<String> {
    let unmeasured = |why: String| [vec![none(); 5], vec![why]].concat();
    match trial {
        Trial::Measured { tally, seconds, .. } => vec![
            hits(tally.hits, tally.asked),
            lost(tally.neighbours),
            lost(tally.unrelated),
            lost(tally.kept()),
            seconds.map_or_else(none, time),
            match choice {
                Some(Choice::Met(chosen)) if chosen == place => "chosen".to_owned(),
                Some(Choice::Unmet(chosen)) if chosen == place => {
                    "fewest hits; has not met the rule".to_owned()
                }
                _ => String::new(),
            },
        ],
        Trial::Refused { concept, why } => unmeasured(format!("refused on {concept}: {why}")),
        Trial::Partial { have, want } => unmeasured(format!("{have} of {want} concepts measured")),
    }
}

/// Hits among samples, with bounds.
pub(super) fn hits(hits: u32, of: u32) -> String {
    if of == 0 {
        return none();
    }
    let bounds = range(stats::lower(hits, of, SIDE), stats::upper(hits, of, SIDE));
    format!("{hits}/{of}: {} ({bounds})", per_100(f64::from(hits) / f64::from(of)))
}

/// Points lost, with bounds.
pub(super) fn lost(kept: Kept) -> String {
    if kept.of == 0 {
        return none();
    }
    let found = stats::paired_loss(kept.lost, kept.gained, kept.of, SIDE);
    let (low, high) = ((found.low * 1000.0).floor() / 10.0, (found.high * 1000.0).ceil() / 10.0);
    format!("{} ({low:.1} to {high:.1})", per_100(found.value))
}
