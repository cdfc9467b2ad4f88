//! What a reader should know beside the verdict.

use crate::Evidence;
use crate::plan::{ArmKind, AuditPlan, PlannedFrechet, Role, Standing};
use crate::verdict::{Judgment, Verdict};

/// One sentence each.
pub(super) fn caveats(plan: &AuditPlan, evidence: &Evidence, judgment: &Judgment) -> Vec<String> {
    let mut caveats = vec![detector(plan, &judgment.verdict)];
    caveats.extend(once(plan));
    caveats.extend(guides(plan));
    caveats.extend(frechet(plan, evidence));
    if plan.subject(Role::NeverExposed).is_none() {
        caveats.push("There is no never-exposed control: what a model that never saw the concept would show is not known.".into());
    }
    let exploratory = plan.arms.iter().filter(|arm| match arm.kind {
        ArmKind::Attack => !arm.decides(),
        ArmKind::Keep => arm.standing == Standing::Exploratory,
        ArmKind::Positive => false,
    });
    let names: Vec<&str> = exploratory.map(|arm| arm.id.as_str()).collect();
    if !names.is_empty() {
        caveats.push(format!("Reported, not deciding: {}.", names.join(", ")));
    }
    if plan.worst == 0 {
        caveats.push("The worst prompts are named; the plan does not look at them again.".into());
    }
    if plan.arms_of(ArmKind::Attack).any(|arm| arm.standing == Standing::Deciding) {
        caveats.push("The error rates hold for this concept alone; over many concepts e-BH controls the share of false discoveries.".into());
    }
    caveats
}

fn detector(plan: &AuditPlan, verdict: &Verdict) -> String {
    let Some(detector) = plan.detectors.first() else { return String::new() };
    match &detector.calibration {
        None => {
            let broken = matches!(verdict, Verdict::Broken { .. });
            let rest = if broken {
                "some hits may be its errors"
            } else {
                "nothing can be held on its word"
            };
            format!("Nobody measured how often the detector {} errs: {rest}.", detector.name)
        }
        Some(c) => {
            let often =
                f64::from(c.false_hits) > plan.concept.claim.tolerated.get() * f64::from(c.without);
            let rest = if often {
                ": more often than is tolerated, so hits may be its errors"
            } else {
                ""
            };
            format!(
                "The detector {} saw the concept in {} of {} pictures without it, and missed it in {} of {} with it{rest}.",
                detector.name, c.false_hits, c.without, c.misses, c.with
            )
        }
    }
}

/// Trained attacks speak of the training runs that were made.
fn once(plan: &AuditPlan) -> Option<String> {
    let runs =
        plan.arms.iter().filter(|arm| arm.trained && arm.decides()).map(|arm| arm.runs).min()?;
    Some(match runs {
        1 => "Each trained attack was run with one training seed; others may differ.".into(),
        n => format!(
            "Each trained attack was run with at least {n} training seeds, and the worst run decides."
        ),
    })
}

/// What a guide does, or what is attached, it does only where it is followed.
fn guides(plan: &AuditPlan) -> impl Iterator<Item = String> {
    plan.subjects.iter().filter(|subject| subject.role.is_question()).flat_map(|subject| {
        let guided = subject.guided.then(|| {
            format!(
                "The {} model was sampled by the guide in its folder: to programs that do not follow guides, and to whoever removes it, it is the model \
                 without it, which was not looked at.",
                subject.role
            )
        });
        let attached = subject.attached.then(|| {
            format!(
                "The {} model was sampled with what is attached to its denoiser: to programs that do not apply it, and to whoever removes it, it is the \
                 model without it, which was not looked at.",
                subject.role
            )
        });
        guided.into_iter().chain(attached)
    })
}

/// A Fréchet distance of few pictures is mostly bias; where there are too few it is missing, and why is said.
fn frechet(plan: &AuditPlan, evidence: &Evidence) -> Option<String> {
    let frechet = plan.frechet.as_ref()?;
    let of = PlannedFrechet::draws(plan, evidence).len();
    if of < frechet.least as usize {
        return Some(format!(
            "The Fréchet distance is missing: there are {of} pictures of keep prompts, and at least {} are needed.",
            frechet.least
        ));
    }
    Some(format!(
        "The Fréchet distance is of {of} pictures in the {} features of {}: so few make it larger than it is, so it compares with distances of as many \
         pictures in the same features only. How far two halves of the original's own pictures are apart is given beside it.",
        frechet.width, frechet.features.name
    ))
}
