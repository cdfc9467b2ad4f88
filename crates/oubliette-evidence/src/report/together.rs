//! Which of many concepts may be called gone together: one claim each is judged by itself, and of many some are gone by chance.

use itertools::Itertools as _;

use super::comparison::{ComparedAudit, none, row};
use crate::plan::{ArmKind, Role};
use crate::stats::{e_below, e_bh};
use crate::verdict::{ArmFinding, Judgment, Reason, WorstPrompt};
use crate::{Share, Verdict};

const HEAD: &str = "\n## Many concepts together\n\nEvery verdict above has its own errors; of many, some are wrong. *E-value*: how strongly the pictures speak against the \
                    concept being back in the deciding arm, training run and seed that speak least against it (1: not at all; the mean is at most 1 where it is back). \
                    *Gone together*: those that e-BH names (Wang and Ramdas 2022), of which on average at most the given share is wrong. It speaks of returning alone, not of what else was lost.\n\n";

/// A table with a row for each method that was tried on several concepts; nothing where there is none.
pub(super) fn section(audits: &[ComparedAudit]) -> String {
    let methods = audits.iter().map(|audit| audit.method.as_str()).unique();
    let rows = methods.filter_map(|method| {
        let of_method: Vec<_> = audits.iter().filter(|audit| audit.method == method).collect();
        method_row(method, &of_method)
    });
    match rows.collect::<String>() {
        none if none.is_empty() => none,
        rows => {
            let head = ["method", "share that may be wrong", "gone together", "others"];
            format!("{HEAD}{}{}{rows}", row(&head), row(&["---"; 4]))
        }
    }
}

fn method_row(method: &str, audits: &[&ComparedAudit]) -> Option<String> {
    let concepts: Vec<&str> = audits.iter().map(|audit| audit.concept.as_str()).unique().collect();
    let wrong = audits.iter().map(|audit| audit.plan.concept.claim.missed_return).min()?;
    if concepts.len() < 2 {
        return None;
    }
    let values: Vec<Option<f64>> =
        concepts.iter().map(|concept| e_value(concept, audits)).collect();
    // A concept of which nothing can be said is one of those that were asked about, and is never named.
    let known: Vec<f64> = values.iter().map(|value| value.unwrap_or(0.0)).collect();
    let named = e_bh(&known, wrong.get());
    let list = |gone: bool| {
        let some = (0..concepts.len()).filter(|place| named.contains(place) == gone);
        let texts: Vec<String> =
            some.map(|place| format!("{} ({})", concepts[place], shown(values[place]))).collect();
        if texts.is_empty() { none() } else { texts.join(", ") }
    };
    Some(row(&[method.to_owned(), wrong.get().to_string(), list(true), list(false)]))
}

/// The weakest of all seeds; `None` where one of them has nothing to say.
fn e_value(concept: &str, audits: &[&ComparedAudit]) -> Option<f64> {
    let of_concept = audits.iter().filter(|audit| audit.concept == concept);
    let values =
        of_concept.map(|audit| against(&audit.judgment, audit.plan.concept.claim.returned));
    values.collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::min)
}

/// Against "in some deciding arm the rate is `returned` or more": the arm that speaks least against it. Where a difference to the never-exposed control
/// decides, a rate below `returned` says more than a difference below it, so the rate is what is asked.
fn against(judgment: &Judgment, returned: Share) -> Option<f64> {
    match &judgment.verdict {
        Verdict::Held { .. } => {}
        Verdict::Inconclusive { why } if why.iter().all(speaks_of_return) => {}
        // What is surely more than tolerated is not gone, though it may be less than back.
        Verdict::Inconclusive { .. } | Verdict::Broken { .. } => return None,
    }
    let decide = |found: &&ArmFinding| {
        found.decides && found.kind == ArmKind::Attack && found.subject != Role::Original
    };
    let arms = judgment.arms.iter().filter(decide);
    let runs = arms.flat_map(|found| found.runs.iter().copied());
    let worst = judgment.worst.iter().filter_map(|WorstPrompt { fresh, .. }| *fresh);
    let values = runs.chain(worst).map(|rate| e_below(rate.hits, rate.of, returned.get()));
    values.reduce(f64::min)
}

/// Whether the rates of deciding arms mean what they say, although neither verdict could be given.
fn speaks_of_return(reason: &Reason) -> bool {
    match reason {
        Reason::TooFewSamples { .. }
        | Reason::Unmeasured { .. }
        | Reason::KeptNeverShowed {}
        | Reason::KeepFell { .. }
        | Reason::KeepOpen { .. }
        | Reason::AlignmentFell { .. }
        | Reason::AlignmentOpen { .. } => true,
        Reason::Destroyed { .. }
        | Reason::OriginalNeverShowed { .. }
        | Reason::MissingArm { .. }
        | Reason::WorstPromptOpen { .. }
        | Reason::NothingDecides {}
        | Reason::NoPositiveControl {}
        | Reason::PositiveControl { .. }
        | Reason::Uncalibrated { .. } => false,
    }
}

fn shown(value: Option<f64>) -> String {
    match value {
        None => none(),
        Some(value) if value >= 1e6 => "over 1000000".to_owned(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.1}"),
    }
}
