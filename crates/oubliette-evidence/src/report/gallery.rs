//! Pictures of the same prompt and seed in rows: original, unlearned, attacked.

use super::pictures::{Pictures, image};
use crate::event::Sampled;
use crate::plan::{Arm, ArmKind, AuditPlan, Cell, Role, Stage};
use crate::{Evidence, Result};

pub(super) struct Gallery {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    pub(super) prompt: String,
    pub(super) seed: u64,
    pub(super) cells: Vec<String>,
}

/// The first draws of the plan; none when no pictures were taken.
pub(super) fn gallery(
    plan: &AuditPlan,
    evidence: &Evidence,
    pictures: &dyn Pictures,
) -> Result<Option<Gallery>> {
    let untrained = plan.arms_of(ArmKind::Attack).find(|arm| !arm.trained);
    let Some(base) = untrained.or_else(|| plan.arms_of(ArmKind::Attack).next()) else {
        return Ok(None);
    };
    let columns = columns(plan, base);
    let mut rows = Vec::new();
    for index in 0..plan.report.rows {
        let samples: Vec<Option<&Sampled>> =
            columns.iter().map(|(_, cell)| evidence.sample(cell, index)).collect();
        if samples.iter().all(Option::is_none) {
            break;
        }
        let draw = base.draw(plan.seed, Stage::Main, index);
        let prompt = base.prompts.get(draw.prompt as usize);
        let prompt = prompt.map(|prompt| prompt.text.clone()).unwrap_or_default();
        let cells = samples.iter().map(|sample| match sample {
            Some(sample) => tile(plan, sample, &prompt, pictures),
            None => {
                Ok("<figure class=\"tile\"><span class=\"none\">not taken</span></figure>".into())
            }
        });
        let cells = cells.collect::<Result<_>>()?;
        rows.push(Row { cells, seed: draw.seed, prompt });
    }
    let columns = columns.into_iter().map(|(name, _)| name).collect();
    Ok((!rows.is_empty()).then_some(Gallery { columns, rows }))
}

/// The subjects as they came, then the longest training of each series on the models in question,
/// then the positive control; at most eight.
fn columns(plan: &AuditPlan, base: &Arm) -> Vec<(String, Cell)> {
    let cell =
        |arm: &Arm, subject| Cell { arm: arm.id.clone(), subject, run: 0, stage: Stage::Main };
    let order = [Role::Original, Role::NeverExposed, Role::Unlearned, Role::Updated];
    let mut columns: Vec<(String, Cell)> = order
        .into_iter()
        .filter(|role| base.subjects.contains(role))
        .map(|role| (role.to_string(), cell(base, role)))
        .collect();
    let same = |arm: &&Arm| {
        arm.kind != ArmKind::Keep
            && arm.id != base.id
            && arm.stream == base.stream
            && arm.prompts == base.prompts
    };
    let longest = |arm: &&Arm| {
        let longer = |other: &Arm| {
            other.kind == arm.kind && other.series == arm.series && other.steps > arm.steps
        };
        arm.series.is_none() || !plan.arms.iter().any(longer)
    };
    for arm in plan.arms.iter().filter(same).filter(longest) {
        for role in arm.questions() {
            columns.push((format!("{role}, {}", arm.id), cell(arm, role)));
        }
    }
    columns.truncate(8);
    columns
}

/// One picture with what the deciding detector says of it.
pub(super) fn tile(
    plan: &AuditPlan,
    sample: &Sampled,
    prompt: &str,
    pictures: &dyn Pictures,
) -> Result<String> {
    let score = plan.detectors.first().and_then(|d| sample.scores.get(&d.name));
    let hit = score.is_some_and(|score| score.hit);
    let said = if hit { "shows it" } else { "does not" };
    let sure = score.and_then(|s| s.probability).map(|p| format!(", {:.2}", p.get()));
    let alt = format!("{} model: {prompt}", sample.cell.subject);
    Ok(format!(
        "<figure class=\"tile{}\">{}<figcaption><span class=\"mark\"></span>{said}{}</figcaption></figure>",
        if hit { " hit" } else { "" },
        image(pictures, &sample.picture, &alt)?,
        sure.unwrap_or_default(),
    ))
}
