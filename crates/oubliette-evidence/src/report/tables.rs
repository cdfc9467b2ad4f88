//! Numbers as words for the tables of a report.

use crate::event::Measured;
use crate::plan::{ArmKind, AuditPlan, Role, Stage};
use crate::verdict::{ArmFinding, Difference, KeepFinding, Rate, WorstPrompt};
use crate::{Judgment, Share};

pub(super) struct ArmRow {
    pub(super) arm: String,
    pub(super) subject: String,
    pub(super) hits: String,
    pub(super) rate: String,
    pub(super) bounds: String,
    pub(super) superclass: String,
    pub(super) probability: String,
    pub(super) others: String,
    pub(super) standing: &'static str,
    pub(super) decides: bool,
}

pub(super) struct KeepRow {
    pub(super) arm: String,
    pub(super) subject: String,
    pub(super) kept: String,
    pub(super) original: String,
    pub(super) moved: String,
    pub(super) loss: String,
    pub(super) alignment: String,
    pub(super) fall: String,
    pub(super) remark: &'static str,
}

pub(super) struct WorstRow {
    pub(super) arm: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) hits: String,
    pub(super) fresh: String,
}

pub(super) struct MeasuredRow {
    pub(super) metric: String,
    pub(super) subject: String,
    pub(super) arm: String,
    pub(super) value: String,
    pub(super) count: String,
}

/// A share per hundred, with one decimal.
pub(super) fn per_100(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

/// Two shares per hundred, rounded outwards.
pub(super) fn range(low: f64, high: f64) -> String {
    let tenth = |share: f64| share * 1000.0;
    format!("{:.1}–{:.1}", tenth(low).floor() / 10.0, tenth(high).ceil() / 10.0)
}

fn of(rate: &Rate) -> String {
    format!("{} of {}", rate.hits, rate.of)
}

fn share(share: Option<Share>) -> String {
    share.map_or_else(|| "–".into(), |share| format!("{:.3}", share.get()))
}

fn signed(difference: &Difference, by: f64) -> String {
    let number = |value: crate::Real| value.get() * by;
    format!(
        "{:.1} ({:.1} to {:.1})",
        number(difference.value),
        (number(difference.low) * 10.0).floor() / 10.0,
        (number(difference.high) * 10.0).ceil() / 10.0
    )
}

pub(super) fn arm_row(plan: &AuditPlan, found: &ArmFinding) -> ArmRow {
    let needs_control = plan.arm(&found.arm).is_some_and(|arm| arm.needs_control());
    let standing = match (found.decides, found.kind, found.subject.is_question()) {
        (true, ..) if needs_control => "decides, against the never-exposed control",
        (true, ..) => "decides",
        (_, ArmKind::Positive, _) => "positive control",
        (_, _, false) => "control",
        _ => "exploratory",
    };
    let others = found.others.iter().map(|(name, opinion)| {
        format!("{name}: {}, agrees on {}", of(&opinion.rate), opinion.agrees)
    });
    ArmRow {
        arm: found.arm.clone(),
        subject: found.subject.to_string(),
        hits: of(&found.all),
        rate: per_100(found.all.rate.get()),
        bounds: range(found.bounds.low.get(), found.bounds.high.get()),
        superclass: found.superclass.as_ref().map_or_else(|| "–".into(), of),
        probability: share(found.probability),
        others: others.collect::<Vec<_>>().join("; "),
        standing,
        decides: found.decides,
    }
}

pub(super) fn keep_row(found: &KeepFinding) -> KeepRow {
    let after = found.after.as_ref().map(|arm| format!(" after {arm}")).unwrap_or_default();
    let alignment = found.alignment.as_ref();
    let none = || "–".to_owned();
    KeepRow {
        arm: found.arm.clone(),
        subject: format!("{}{after}", found.subject),
        kept: of(&found.kept),
        original: of(&found.original),
        moved: format!("{}, {}", found.lost, found.gained),
        loss: signed(&found.loss, 100.0),
        alignment: alignment.map_or_else(none, |a| {
            format!("{:.3} (original {:.3})", a.subject.get(), a.original.get())
        }),
        fall: alignment.map_or_else(none, |a| {
            let Difference { value, low, high } = a.fall;
            format!("{:.3} ({:.3} to {:.3})", value.get(), low.get(), high.get())
        }),
        remark: if found.destroyed { "destroyed" } else { "" },
    }
}

pub(super) fn worst_row(plan: &AuditPlan, found: &WorstPrompt) -> WorstRow {
    let run = match plan.arm(&found.arm).is_some_and(|arm| arm.runs > 1) {
        true => format!(", run {}", found.run),
        false => String::new(),
    };
    WorstRow {
        arm: found.arm.clone(),
        subject: format!("{}{run}", found.subject),
        text: found.text.clone(),
        hits: format!("{} of {}", found.hits, found.of),
        fresh: found.fresh.as_ref().map_or_else(
            || "not looked at again".into(),
            |fresh| format!("{} ({})", of(fresh), range(fresh.low.get(), fresh.high.get())),
        ),
    }
}

pub(super) fn measured_row(measured: &Measured) -> MeasuredRow {
    MeasuredRow {
        metric: measured.metric.clone(),
        subject: measured.subject.map(|role| role.to_string()).unwrap_or_default(),
        arm: measured.arm.clone().unwrap_or_else(|| "as it came".into()),
        value: format!("{} {}", measured.value.get(), measured.unit),
        count: measured.count.to_string(),
    }
}

/// What the controls showed, one sentence each.
pub(super) fn controls(plan: &AuditPlan, judgment: &Judgment) -> Vec<String> {
    let mut lines = Vec::new();
    for found in &judgment.arms {
        let said = match (found.kind, found.subject) {
            (ArmKind::Positive, role) if role.is_question() => {
                format!("Fine-tuning the {role} model on the concept itself ({})", found.arm)
            }
            (ArmKind::Attack, role @ (Role::Original | Role::NeverExposed)) => {
                format!("The {role} model under {}", found.arm)
            }
            _ => continue,
        };
        lines.push(format!(
            "{said}: {} ({} in 100).",
            of(&found.all),
            per_100(found.all.rate.get())
        ));
    }
    for arm in plan.arms.iter().filter(|arm| arm.trained && arm.runs > 1) {
        let Some(found) = judgment.arms.iter().find(|f| f.arm == arm.id && f.decides) else {
            continue;
        };
        let runs: Vec<String> = found.runs.iter().map(of).collect();
        let others = found.other_runs.map(Share::in_100).unwrap_or_default();
        lines.push(format!(
            "Training runs of {}: {}. Of other training seeds, up to {others} may bring it back.",
            arm.id,
            runs.join(", ")
        ));
    }
    lines
}

/// A stage in words.
pub(super) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Main => "",
        Stage::Worst(_) => " (worst prompt, fresh seeds)",
    }
}
