//! Fréchet distances, of pictures that the run has kept.

use std::path::PathBuf;

use burn::tensor::Device;
use oubliette_evidence::{
    Event, Real,
    event::Measured,
    folder::RunFolder,
    plan::{PlannedFrechet, Role},
};
use oubliette_model::families::Backbone;

use super::studio::Studio;
use crate::{
    Result,
    frechet::Features,
    metrics::{self, METRICS, Seen, Sets},
    progress::{Progress, Watch, tell},
    run::Journal,
};

/// Where features come from.
pub struct Lens {
    /// The model.
    pub backbone: Backbone,
    /// Where it computes.
    pub device: Device,
    /// Real pictures that every model's are compared with too.
    pub real: Option<Vec<PathBuf>>,
}

impl Studio<'_> {
    /// Every distance of the plan that is not in the evidence; none where a set is smaller than the plan allows.
    pub(super) fn distances(&self, journal: &mut Journal, watch: &mut Watch<'_>) -> Result<()> {
        let plan = &self.examiner.plan;
        let (Some(lens), Some(planned)) = (&self.examiner.lens, &plan.frechet) else {
            return Ok(());
        };
        let draws: Vec<(String, u32)> = PlannedFrechet::draws(plan, journal.evidence())
            .into_iter()
            .map(|(arm, index)| (arm.to_owned(), index))
            .collect();
        if draws.len() < planned.least as usize {
            return Ok(());
        }
        let see = |files: &[PathBuf]| Features::of(&lens.backbone, files, &lens.device);
        let real = lens.real.as_deref().map(see).transpose()?;
        let original = see(&pictures(journal, &draws, Role::Original))?;
        let subjects = plan.subjects.iter().map(|subject| subject.role);
        let roles: Vec<Role> = subjects.filter(|role| *role != Role::NeverExposed).collect();
        for (done, role) in roles.iter().enumerate() {
            let files = pictures(journal, &draws, *role);
            let own = if *role == Role::Original { None } else { Some(see(&files)?) };
            let sets = match &own {
                None => Sets { own: &original, original: None, real: real.as_ref() },
                Some(own) => Sets { own, original: Some(&original), real: real.as_ref() },
            };
            note(journal, *role, sets)?;
            let (done, total) = (done as u64 + 1, roles.len() as u64);
            tell(watch, Progress { unit: "Fréchet distance", done, total, loss: None })?;
        }
        Ok(())
    }
}

/// The kept pictures of these draws.
fn pictures(journal: &Journal, draws: &[(String, u32)], role: Role) -> Vec<PathBuf> {
    let run = RunFolder::at(journal.folder());
    let file = |(arm, index): &(String, u32)| {
        let sample = journal.evidence().sample(&PlannedFrechet::cell(arm, role), *index)?;
        Some(run.picture(&sample.picture))
    };
    draws.iter().filter_map(file).collect()
}

fn note(journal: &mut Journal, role: Role, features: Sets<'_>) -> Result<()> {
    // Whatever in the list is made of features alone.
    for metric in METRICS.names() {
        if journal.evidence().measurement(metric, Some(role), None, 0).is_some() {
            continue;
        }
        let seen = Seen { features: Some(features), ..Seen::default() };
        let Some(mean) = metrics::measure(metric, &seen)? else { continue };
        journal.append(vec![Event::Measured(Measured {
            metric: metric.to_owned(),
            subject: Some(role),
            arm: None,
            run: 0,
            value: Real::new(mean.value)?,
            unit: METRICS.build(metric, toml::Table::new())?.unit().to_owned(),
            count: mean.count,
        })])?;
    }
    Ok(())
}
