//! Which of the training times a short run visits.

use super::{ScheduleConfig, Spacing};
use crate::error::{Error, Result};

/// The times of a run of `count` steps, latest (noisiest) first, as whole numbers: DDPM, DDIM and PNDM.
pub(super) fn whole(config: &ScheduleConfig, count: usize) -> Result<Vec<usize>> {
    let total = config.train_timesteps();
    let offset = config.steps_offset.unwrap_or(0);
    let times: Vec<usize> = match config.timestep_spacing.unwrap_or(Spacing::Leading) {
        Spacing::Leading => (0..count).rev().map(|i| i * (total / count) + offset).collect(),
        Spacing::Trailing => trailing(total, total, count),
        Spacing::Linspace => {
            linspace((total - 1) as f64, count).map(|t| t.round_ties_even() as usize).collect()
        }
    };
    within(times, total)
}

/// The same for DPM-Solver, which leaves out the end of one step more; `last` is the first time not visited.
pub(super) fn one_more(config: &ScheduleConfig, last: usize, count: usize) -> Result<Vec<usize>> {
    let total = config.train_timesteps();
    let offset = config.steps_offset.unwrap_or(0);
    let times: Vec<usize> = match config.timestep_spacing.unwrap_or(Spacing::Linspace) {
        Spacing::Leading => (1..=count).rev().map(|i| i * (last / (count + 1)) + offset).collect(),
        Spacing::Trailing => trailing(last, total, count),
        Spacing::Linspace => {
            let all = linspace((last - 1) as f64, count + 1).map(|t| t.round_ties_even() as usize);
            all.take(count).collect()
        }
    };
    within(times, total)
}

/// The same for the Euler samplers, whose times may lie between two training times.
pub(super) fn fractional(config: &ScheduleConfig, count: usize) -> Result<Vec<f32>> {
    let total = config.train_timesteps();
    match config.timestep_spacing.unwrap_or(Spacing::Linspace) {
        Spacing::Linspace => Ok(linspace((total - 1) as f64, count).map(|t| t as f32).collect()),
        spacing => {
            let config = ScheduleConfig { timestep_spacing: Some(spacing), ..config.clone() };
            Ok(whole(&config, count)?.into_iter().map(|t| t as f32).collect())
        }
    }
}

fn trailing(from: usize, total: usize, count: usize) -> Vec<usize> {
    let ratio = total as f64 / count as f64;
    let visits = (0..).map(|i| from as f64 - i as f64 * ratio).take_while(|t| *t > 0.0);
    // A last visit just above zero is an artefact of the division, not a step.
    visits.take(count).map(|t| (t.round_ties_even() as usize).saturating_sub(1)).collect()
}

/// `count` numbers from `end` down to 0, both included (from 0 alone when there is one).
fn linspace(end: f64, count: usize) -> impl Iterator<Item = f64> {
    let step = if count > 1 { end / (count - 1) as f64 } else { 0.0 };
    (0..count).rev().map(move |i| if i + 1 == count && count > 1 { end } else { i as f64 * step })
}

fn within(times: Vec<usize>, total: usize) -> Result<Vec<usize>> {
    match times.iter().find(|t| **t >= total) {
        None => Ok(times),
        Some(late) => Err(Error::setting(
            "steps",
            format!("reach time {late} of a schedule that ends at {}", total - 1),
            "take fewer steps, or a smaller `steps_offset` in the scheduler's config",
        )),
    }
}
