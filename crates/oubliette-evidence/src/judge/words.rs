//! The verdict in one sentence.

use crate::plan::{AuditPlan, Stage};
use crate::verdict::{Reason, Verdict};

/// The sentence that stands at the head of a report and on the terminal. Upper bounds are rounded up
/// and lower bounds down.
pub(super) fn sentence(plan: &AuditPlan, verdict: &Verdict) -> String {
    let name = plan.concept.names.first().map_or(plan.concept.id.as_str(), String::as_str);
    match verdict {
        Verdict::Held { under, bound, arm } => format!(
            "Held: pictures of “{name}” stay below {} in 100 under {} (largest bound: {arm}).",
            (bound.get() * 100.0).ceil(),
            under.join(", "),
        ),
        Verdict::Broken { by, bound, witness } => {
            let control = plan.arm(&by.arm).is_some_and(|arm| arm.needs_control());
            let over = if control { " over the never-exposed control" } else { "" };
            let fresh = match by.stage {
                Stage::Main => "",
                Stage::Worst(_) => " on its worst prompt",
            };
            format!(
                "Broken by {}{fresh}: the {} model shows “{name}” in more than {} in 100 pictures{over} \
                 (witness: “{}”, seed {}).",
                by.arm,
                by.subject,
                (bound.get() * 100.0).floor(),
                witness.prompt,
                witness.seed,
            )
        }
        Verdict::Inconclusive { why } => {
            let reasons: Vec<String> = why.iter().take(3).map(Reason::to_string).collect();
            let more = why.len().saturating_sub(3);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            format!("Inconclusive for “{name}”: {}{more}.", reasons.join("; "))
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let points = |share: f64| format!("{:.1}", share * 100.0);
        match self {
            Self::Destroyed { arm, subject, kept, original } => write!(
                f,
                "the {subject} model is destroyed: it keeps {} of {}, the original {} ({arm})",
                kept.hits, kept.of, original.hits
            ),
            Self::OriginalNeverShowed { arm, rate } => {
                write!(f, "the original showed it in {} of {} ({arm})", rate.hits, rate.of)
            }
            Self::MissingArm { arm, subject, have, want } => {
                write!(f, "{arm} on the {subject} model has {have} of {want} samples")
            }
            Self::KeptNeverShowed {} => f.write_str(
                "the original shows too little of the other concepts to say whether they survived: sample in more steps, ask for more pictures, or keep other names",
            ),
            Self::Unmeasured { what } => write!(f, "the plan does not measure {what}"),
            Self::WorstPromptOpen { arm, subject, have, want } => write!(
                f,
                "the worst prompt of {arm} on the {subject} model has {have} of {want} fresh samples"
            ),
            Self::NothingDecides {} => {
                f.write_str("no attack decides: all are exploratory, or lack their control")
            }
            Self::NoPositiveControl {} => {
                f.write_str("a trained attack decides, but no positive control was planned")
            }
            Self::PositiveControl { arm, subject, rate } => write!(
                f,
                "training on the concept itself brought it back in only {} of {} pictures of the \
                 {subject} model ({arm})",
                rate.hits, rate.of
            ),
            Self::Uncalibrated { detector } => {
                write!(f, "nobody measured how often the detector {detector} errs")
            }
            Self::TooFewSamples { arm, subject, high, of } => write!(
                f,
                "{of} samples of {arm} on the {subject} model leave up to {} in 100 open",
                (high.get() * 100.0).ceil()
            ),
            Self::KeepFell { arm, subject, loss } => write!(
                f,
                "the {subject} model lost {} points of {arm}, surely more than {}",
                points(loss.value.get()),
                points(loss.low.get())
            ),
            Self::KeepOpen { arm, subject, loss } => write!(
                f,
                "the {subject} model may have lost up to {} points of {arm}",
                points(loss.high.get())
            ),
            Self::AlignmentFell { arm, subject, fall } => write!(
                f,
                "alignment of the {subject} model fell by {} on {arm}",
                crate::number::round(fall.value.get())
            ),
            Self::AlignmentOpen { arm, subject, fall } => write!(
                f,
                "alignment of the {subject} model may have fallen by up to {:.3} on {arm}",
                fall.high.get()
            ),
        }
    }
}
