//! The page: one self-contained file without scripts.

use askama::Template;

use super::gallery::{Gallery, gallery, tile};
use super::pictures::Pictures;
use super::tables::{self, ArmRow, KeepRow, MeasuredRow, WorstRow};
use super::{curve, rates};
use crate::plan::AuditPlan;
use crate::verdict::{Judgment, Verdict};
use crate::{Error, Evidence, Result};

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    style: &'static str,
    class: &'static str,
    outcome: &'static str,
    concept: String,
    sentence: String,
    subjects: String,
    tolerated: String,
    returned: String,
    keep_margin: String,
    alignment_margin: String,
    blur: bool,
    reasons: Vec<String>,
    witness: Option<WitnessView>,
    gallery: Option<Gallery>,
    rates: String,
    arms: Vec<ArmRow>,
    shown: Option<String>,
    recovery: Option<String>,
    undefined: Vec<String>,
    keeps: Vec<KeepRow>,
    worst: Vec<WorstRow>,
    measured: Vec<MeasuredRow>,
    controls: Vec<String>,
    not_tested: String,
    caveats: Vec<String>,
    looks: u32,
    false_alarm: String,
    missed_return: String,
    low_error: String,
    high_error: String,
    sampling: String,
    recipe: String,
    made_by: String,
    digests: Vec<(String, String)>,
}

struct WitnessView {
    picture: String,
    prompt: String,
    seed: u64,
    index: u32,
    place: String,
}

/// The report of an audit as one HTML file. A picture that the source does not have is left out and
/// said to be; one that is not what its digest says is refused.
pub fn render(
    plan: &AuditPlan,
    evidence: &Evidence,
    judgment: &Judgment,
    pictures: &dyn Pictures,
) -> Result<String> {
    let claim = &plan.concept.claim;
    let page = Page {
        style: include_str!("../../templates/report.css"),
        class: class(&judgment.verdict),
        outcome: outcome(&judgment.verdict),
        concept: concept(plan),
        sentence: judgment.sentence.clone(),
        subjects: subjects(plan),
        tolerated: claim.tolerated.in_100(),
        returned: claim.returned.in_100(),
        keep_margin: tables::per_100(claim.keep_margin.get()),
        alignment_margin: claim.alignment_margin.get().to_string(),
        blur: plan.report.blur,
        reasons: reasons(&judgment.verdict),
        witness: witness(plan, evidence, judgment, pictures)?,
        gallery: gallery(plan, evidence, pictures)?,
        rates: rates::chart(plan, judgment)?,
        arms: judgment.arms.iter().map(|found| tables::arm_row(plan, found)).collect(),
        shown: curve::shown(plan, judgment)?,
        recovery: curve::recovery(plan, judgment)?,
        undefined: undefined(judgment),
        keeps: judgment.keeps.iter().map(tables::keep_row).collect(),
        worst: judgment.worst.iter().map(|found| tables::worst_row(plan, found)).collect(),
        measured: evidence.measured().map(tables::measured_row).collect(),
        controls: tables::controls(plan, judgment),
        not_tested: plan.not_tested.join(", "),
        caveats: judgment.caveats.clone(),
        looks: judgment.looks,
        false_alarm: claim.false_alarm.get().to_string(),
        missed_return: claim.missed_return.get().to_string(),
        low_error: judgment.low_error.get().to_string(),
        high_error: judgment.high_error.get().to_string(),
        sampling: sampling(plan),
        recipe: plan.recipe.name.clone(),
        made_by: made_by(evidence),
        digests: digests(plan, judgment),
    };
    page.render().map_err(broken_template)
}

/// Templates are checked when this crate is built, so only memory can fail here.
pub(super) fn broken_template(error: askama::Error) -> Error {
    Error::value(format!("the report's template: {error}"), "report this")
}

pub(super) fn outcome(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Held { .. } => "Held",
        Verdict::Broken { .. } => "Broken",
        Verdict::Inconclusive { .. } => "Inconclusive",
    }
}

fn class(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Held { .. } => "held",
        Verdict::Broken { .. } => "broken",
        Verdict::Inconclusive { .. } => "inconclusive",
    }
}

pub(super) fn concept(plan: &AuditPlan) -> String {
    plan.concept.names.first().unwrap_or(&plan.concept.id).clone()
}

pub(super) fn subjects(plan: &AuditPlan) -> String {
    let names = plan.subjects.iter().map(|subject| format!("{}: {}", subject.role, subject.name));
    names.collect::<Vec<_>>().join(" · ")
}

pub(super) fn reasons(verdict: &Verdict) -> Vec<String> {
    match verdict {
        Verdict::Inconclusive { why } => why.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

fn witness(
    plan: &AuditPlan,
    evidence: &Evidence,
    judgment: &Judgment,
    pictures: &dyn Pictures,
) -> Result<Option<WitnessView>> {
    let Verdict::Broken { by, witness, .. } = &judgment.verdict else { return Ok(None) };
    let Some(sample) = evidence.sample(by, witness.index) else { return Ok(None) };
    let place = format!("{} on the {} model{}", by.arm, by.subject, tables::stage(by.stage));
    Ok(Some(WitnessView {
        picture: tile(plan, sample, &witness.prompt, pictures)?,
        prompt: witness.prompt.clone(),
        seed: witness.seed,
        index: witness.index,
        place,
    }))
}

fn undefined(judgment: &Judgment) -> Vec<String> {
    let open = judgment.recoveries.iter().filter(|found| found.recovery.is_none());
    let arms: Vec<&str> = open.map(|found| found.arm.as_str()).collect();
    match arms.is_empty() {
        true => Vec::new(),
        false => vec![format!(
            "Recovery is undefined for {}: the interval of its denominator touches zero, so there was no way to go.",
            arms.join(", ")
        )],
    }
}

pub(super) fn sampling(plan: &AuditPlan) -> String {
    let s = &plan.sampling;
    format!(
        "{} × {} pixels, {} steps of {}, guidance {}; every prompt and seed follows from seed {}",
        s.width,
        s.height,
        s.steps,
        s.sampler,
        s.guidance.get(),
        plan.seed
    )
}

pub(super) fn made_by(evidence: &Evidence) -> String {
    evidence.started().map(|s| format!("{} on {}", s.tool, s.device)).unwrap_or_default()
}

pub(super) fn digests(plan: &AuditPlan, judgment: &Judgment) -> Vec<(String, String)> {
    let mut digests = vec![
        ("plan".to_owned(), judgment.plan.to_string()),
        ("evidence".to_owned(), judgment.evidence.to_string()),
        ("recipe".to_owned(), plan.recipe.digest.to_string()),
    ];
    let subjects = plan.subjects.iter();
    digests.extend(subjects.map(|s| (format!("{} model", s.role), s.digest.to_string())));
    digests
}
