//! The chart of rates with their bounds.

use askama::Template;

use super::dot::{dot, round};
use super::tables::{per_100, range};
use crate::plan::{AuditPlan, Role};
use crate::verdict::{ArmFinding, Rate};
use crate::{Judgment, Result, Share};

const LEFT: f64 = 400.0;
const WIDTH: f64 = 420.0;
const ROW: f64 = 24.0;

#[derive(Template)]
#[template(path = "rates.html")]
struct Chart {
    height: f64,
    bottom: f64,
    labels: f64,
    ticks: Vec<Tick>,
    marks: Vec<Tick>,
    rows: Vec<Row>,
}

struct Tick {
    x: f64,
    label: String,
}

struct Row {
    arm: String,
    subject: String,
    title: String,
    label: String,
    decides: bool,
    shade: usize,
    dot: String,
    low: f64,
    high: f64,
    y: f64,
    text: f64,
}

/// One row for each arm and subject.
pub(super) fn chart(plan: &AuditPlan, judgment: &Judgment) -> Result<String> {
    let rows: Vec<Row> = judgment
        .arms
        .iter()
        .zip(0..)
        .map(|(arm, i)| {
            let y = 22.0 + ROW * f64::from(i);
            let shade = shade(arm.subject);
            let (low, high) = bounds_of(arm);
            Row {
                arm: shorten(&arm.arm, 44),
                subject: arm.subject.to_string(),
                title: format!(
                    "{} on the {} model: {} of {}",
                    arm.arm, arm.subject, arm.all.hits, arm.all.of
                ),
                label: format!("{} ({})", per_100(arm.all.rate.get()), range(low, high)),
                decides: arm.decides,
                shade,
                dot: dot(shade, at(arm.all.rate.get()), y),
                low: at(low),
                high: at(high),
                y,
                text: y + 4.0,
            }
        })
        .collect();
    let bottom = 16.0 + ROW * rows.len() as f64;
    let tick =
        |percent: u32| Tick { x: at(f64::from(percent) / 100.0), label: format!("{percent}") };
    let claim = &plan.concept.claim;
    let mark = |share: crate::Share| Tick { x: at(share.get()), label: String::new() };
    let chart = Chart {
        height: bottom + 24.0,
        bottom,
        labels: bottom + 16.0,
        ticks: [0, 20, 40, 60, 80, 100].into_iter().map(tick).collect(),
        marks: vec![mark(claim.tolerated), mark(claim.returned)],
        rows,
    };
    chart.render().map_err(super::page::broken_template)
}

fn at(share: f64) -> f64 {
    round(LEFT + WIDTH * share)
}

/// Colour and form of a subject.
pub(super) fn shade(role: Role) -> usize {
    match role {
        Role::Original => 0,
        Role::Unlearned => 1,
        Role::Updated => 2,
        Role::NeverExposed => 3,
    }
}

/// The bounds of a rate; with several training runs, which are never pooled, the largest lower and the largest upper bound of one, which decide.
pub(super) fn bounds_of(found: &ArmFinding) -> (f64, f64) {
    let largest = |of: fn(&Rate) -> Share| found.runs.iter().map(of).max();
    match (found.runs.len() > 1, largest(|run| run.low), largest(|run| run.high)) {
        (true, Some(low), Some(high)) => (low.get(), high.get()),
        _ => (found.all.low.get(), found.all.high.get()),
    }
}

pub(super) fn shorten(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}
