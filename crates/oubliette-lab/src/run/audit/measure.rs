//! What is measured of every model that was looked at, beside its pictures.

use std::path::Path;

use oubliette_evidence::{
    Digest, Event, Real,
    event::Measured,
    plan::{Arm, Cell},
};

use super::studio::Studio;
use crate::{
    Error, Result, captions,
    metrics::{self, METRICS, Mean, Seen},
    progress::{Progress, Watch, tell},
    run::Journal,
    subject::Denoising,
};

impl Studio<'_> {
    /// What losses on held-out pictures say of every model that was looked at, where such pictures are given.
    pub(super) fn measure(&mut self, journal: &mut Journal, watch: &mut Watch<'_>) -> Result<()> {
        let Some(pictures) = self.examiner.held_out.clone() else { return Ok(()) };
        let arms = self.examiner.plan.arms.iter().filter(|arm| arm.after.is_none());
        let mut cells: Vec<Cell> = arms.flat_map(Arm::cells).collect();
        cells.sort_by_key(|cell| self.order(cell));
        let (metrics, total) = (of_losses(), cells.len() as u64);
        for (done, cell) in cells.iter().enumerate() {
            for metric in &metrics {
                self.measure_one(metric, journal, cell, &pictures, watch)?;
            }
            tell(
                watch,
                Progress { unit: "denoising gap", done: done as u64 + 1, total, loss: None },
            )?;
        }
        Ok(())
    }

    fn held_out(&mut self, pictures: &Path) -> Result<Digest> {
        match self.held_out {
            Some(digest) => Ok(digest),
            None => {
                let digest = captions::digest(&captions::read(pictures)?)?;
                Ok(*self.held_out.insert(digest))
            }
        }
    }

    /// A mean over held-out pictures, taken before or now.
    fn of_pictures(
        &mut self,
        metric: &str,
        journal: &mut Journal,
        cell: &Cell,
        pictures: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<Option<Mean>> {
        let model = self.identity(journal, cell, watch)?;
        let data = self.held_out(pictures)?;
        if let Some(model) = model
            && let Some(mean) = self.known.measurement(model, metric, data)
        {
            return Ok(Some(mean));
        }
        let seed = self.examiner.plan.seed;
        let denoising = self.subject(journal, cell, watch)?.denoising(pictures, seed)?;
        let mean = metrics::measure(metric, &Seen { denoising, ..Seen::default() })?;
        if let Some(mean) = mean.as_ref().filter(|mean| !mean.value.is_finite()) {
            return Err(self.never_finite(metric, cell, mean.value));
        }
        if let (Some(model), Some(mean)) = (model, &mean) {
            self.known.note_measurement(model, metric, data, mean);
        }
        Ok(mean)
    }

    fn measure_one(
        &mut self,
        metric: &str,
        journal: &mut Journal,
        cell: &Cell,
        pictures: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        let arm = self.arm(cell)?;
        let name = arm.trained.then(|| arm.id.clone());
        let known = journal.evidence();
        if known.measurement(metric, Some(cell.subject), name.as_deref(), cell.run).is_some() {
            return Ok(());
        }
        let Some(mean) = self.of_pictures(metric, journal, cell, pictures, watch)? else {
            return Ok(());
        };
        let unit = METRICS.build(metric, toml::Table::new())?.unit().to_owned();
        journal.append(vec![Event::Measured(Measured {
            metric: metric.to_owned(),
            subject: Some(cell.subject),
            arm: name,
            run: cell.run,
            value: Real::new(mean.value)?,
            unit,
            count: mean.count,
        })])
    }
}

impl Studio<'_> {
    /// The refusal of a model whose losses are no numbers.
    fn never_finite(&self, metric: &str, cell: &Cell, value: f64) -> Error {
        let subject = self.examiner.plan.subject(cell.subject);
        Error::Input {
            file: subject.map_or_else(String::new, |subject| format!("`{}`", subject.name)),
            thing: format!(
                "`{metric}` of the {} model is {value} (arm `{}`, run {}): the model's predictions are not finite numbers",
                cell.subject, cell.arm, cell.run
            ),
            remedy: "take another model, or `--dtype f32` where a shorter format was asked for"
                .to_owned(),
        }
    }
}

/// Whatever in the list is made of these losses alone.
fn of_losses() -> Vec<&'static str> {
    let denoising = Some(Denoising { captioned: 0.0, empty: 0.0, count: 1 });
    let seen = Seen { denoising, ..Seen::default() };
    let made = |name: &&str| matches!(metrics::measure(name, &seen), Ok(Some(_)));
    METRICS.names().into_iter().filter(made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_made_of_losses_and_what_is_made_of_pictures_is_not() {
        let (losses, all) = (of_losses(), METRICS.names());
        assert!(!losses.is_empty() && losses.len() < all.len(), "{losses:?} of {all:?}");
    }
}
