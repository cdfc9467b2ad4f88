//! Curves over steps of fine-tuning.

use askama::Template;

use super::dot::{dot, round};
use super::rates::{bounds_of, shorten};
use crate::plan::{ArmKind, AuditPlan, Role};
use crate::{Judgment, Result};

const LEFT: f64 = 60.0;
const WIDTH: f64 = 640.0;
const TOP: f64 = 28.0;
const DEPTH: f64 = 240.0;

#[derive(Template)]
#[template(path = "curve.html")]
struct Curve {
    title: String,
    height: f64,
    across: Vec<Tick>,
    along: Vec<Tick>,
    marks: Vec<Tick>,
    lines: Vec<Line>,
}

struct Tick {
    x: f64,
    text: f64,
    label: String,
}

struct Line {
    name: String,
    shade: usize,
    dashed: bool,
    points: String,
    dots: Vec<Dot>,
    legend: f64,
    legend_text: f64,
}

struct Dot {
    x: f64,
    low: f64,
    high: f64,
    dot: String,
}

/// A named line: (steps, value, low, high).
struct Series {
    name: String,
    dashed: bool,
    points: Vec<(u64, f64, f64, f64)>,
}

/// Hit rate over steps, for each series of trained attacks on the models in question, and on the
/// original as the measure. None when nothing was trained.
pub(super) fn shown(plan: &AuditPlan, judgment: &Judgment) -> Result<Option<String>> {
    let mut all = Vec::new();
    for (series, role) in series(plan) {
        let mut points = Vec::new();
        for found in judgment.arms.iter().filter(|found| found.subject == role) {
            let Some(arm) = plan.arm(&found.arm) else { continue };
            let steps = match (arm.kind, arm.series.as_ref() == Some(&series)) {
                (ArmKind::Attack, true) => arm.steps,
                _ if is_baseline(plan, &series, &found.arm) => Some(0),
                _ => None,
            };
            let Some(steps) = steps else { continue };
            let (low, high) = bounds_of(found);
            points.push((steps, found.all.rate.get(), low, high));
        }
        points.sort_by_key(|point| point.0);
        let name = format!("{series}, {role}");
        all.push(Series { name, dashed: role == Role::Original, points });
    }
    let claim = &plan.concept.claim;
    let marks = [claim.tolerated.get(), claim.returned.get()];
    draw("Share of pictures that show it", &all, &marks, (0.0, 1.0))
}

/// Recovery over steps; None where it is undefined everywhere.
pub(super) fn recovery(plan: &AuditPlan, judgment: &Judgment) -> Result<Option<String>> {
    let mut all = Vec::new();
    for (series, role) in series(plan).into_iter().filter(|(_, role)| role.is_question()) {
        let of = judgment
            .recoveries
            .iter()
            .filter(|found| found.subject == role && found.series.as_ref() == Some(&series));
        let mut points: Vec<_> = of
            .filter_map(|found| {
                let recovery = found.recovery?;
                let clip = |value: crate::Real| value.get().clamp(-0.5, 1.5);
                Some((found.steps, clip(recovery.value), clip(recovery.low), clip(recovery.high)))
            })
            .collect();
        points.sort_by_key(|point| point.0);
        all.push(Series { name: format!("{series}, {role}"), dashed: false, points });
    }
    draw("Recovery", &all, &[0.0, 1.0], (-0.5, 1.5))
}

/// Series of trained attacks with the subjects they were run on.
fn series(plan: &AuditPlan) -> Vec<(String, Role)> {
    let mut found = Vec::new();
    for arm in plan.arms_of(ArmKind::Attack).filter(|arm| arm.trained && arm.steps.is_some()) {
        let Some(series) = &arm.series else { continue };
        for role in &arm.subjects {
            let one = (series.clone(), *role);
            if *role != Role::NeverExposed && !found.contains(&one) {
                found.push(one);
            }
        }
    }
    found
}

fn is_baseline(plan: &AuditPlan, series: &str, id: &str) -> bool {
    plan.arms
        .iter()
        .any(|arm| arm.series.as_deref() == Some(series) && arm.baseline.as_deref() == Some(id))
}

fn draw(title: &str, all: &[Series], marks: &[f64], range: (f64, f64)) -> Result<Option<String>> {
    let drawn: Vec<&Series> = all.iter().filter(|s| !s.points.is_empty()).take(12).collect();
    let mut steps: Vec<u64> = drawn.iter().flat_map(|s| s.points.iter().map(|p| p.0)).collect();
    steps.sort_unstable();
    steps.dedup();
    let Some(most) = steps.last().copied().filter(|most| *most > 0) else { return Ok(None) };
    let x = |steps: u64| round(LEFT + WIDTH * (steps as f64 / most as f64).sqrt());
    let y = |value: f64| round(TOP + DEPTH * (range.1 - value) / (range.1 - range.0));
    let tick = |value: f64, label: String| Tick { x: y(value), text: y(value) + 4.0, label };
    let parts = [0.0, 0.25, 0.5, 0.75, 1.0];
    let across = parts.map(|part| range.0 + part * (range.1 - range.0));
    let lines = drawn.iter().enumerate().map(|(i, series)| {
        let points = series.points.iter().map(|p| format!("{},{}", x(p.0), y(p.1)));
        let dots = series.points.iter().map(|p| Dot {
            x: x(p.0),
            low: y(p.2),
            high: y(p.3),
            dot: dot(i, x(p.0), y(p.1)),
        });
        let legend = TOP + 10.0 + 20.0 * i as f64;
        Line {
            name: shorten(&series.name, 34),
            shade: i % 4,
            dashed: series.dashed,
            points: points.collect::<Vec<_>>().join(" "),
            dots: dots.collect(),
            legend,
            legend_text: legend + 4.0,
        }
    });
    let curve = Curve {
        title: title.into(),
        height: 310.0,
        across: across.iter().map(|value| tick(*value, format!("{value}"))).collect(),
        along: along(&steps, x),
        marks: marks.iter().map(|value| tick(*value, String::new())).collect(),
        lines: lines.collect(),
    };
    curve.render().map(Some).map_err(super::page::broken_template)
}

/// Labels of steps that do not run into each other.
fn along(steps: &[u64], x: impl Fn(u64) -> f64) -> Vec<Tick> {
    let mut ticks: Vec<Tick> = Vec::new();
    for step in steps {
        let at = x(*step);
        if ticks.last().is_none_or(|last| at - last.x > 34.0) {
            ticks.push(Tick { x: at, text: 0.0, label: step.to_string() });
        }
    }
    ticks
}
