//! What is measured of every model that was looked at, beside its pictures.

use std::path::Path;

use oubliette_evidence::{
    Digest, Event, Real,
    event::Measured,
    plan::{Arm, Cell},
};

use super::studio::Studio;
use crate::{
    Result, captions,
    metrics::{self, Mean, Seen},
    progress::{Progress, Watch, tell},
    run::Journal,
};

impl Studio<'_> {
    /// The denoising gap of every model that was looked at, where held-out pictures are given.
    pub(super) fn measure(&mut self, journal: &mut Journal, watch: &mut Watch<'_>) -> Result<()> {
        let Some(pictures) = self.examiner.held_out.clone() else { return Ok(()) };
        let arms = self.examiner.plan.arms.iter().filter(|arm| arm.after.is_none());
        let mut cells: Vec<Cell> = arms.flat_map(Arm::cells).collect();
        cells.sort_by_key(|cell| self.order(cell));
        let total = cells.len() as u64;
        for (done, cell) in cells.iter().enumerate() {
            self.measure_one(journal, cell, &pictures, watch)?;
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
    fn denoising_gap(
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
        if let (Some(model), Some(mean)) = (model, &mean) {
            self.known.note_measurement(model, metric, data, mean);
        }
        Ok(mean)
    }

    fn measure_one(
        &mut self,
        journal: &mut Journal,
        cell: &Cell,
        pictures: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        const METRIC: &str = "denoising_gap";
        let arm = self.arm(cell)?;
        let name = arm.trained.then(|| arm.id.clone());
        let known = journal.evidence();
        if known.measurement(METRIC, Some(cell.subject), name.as_deref(), cell.run).is_some() {
            return Ok(());
        }
        let Some(mean) = self.denoising_gap(METRIC, journal, cell, pictures, watch)? else {
            return Ok(());
        };
        let unit = metrics::METRICS.build(METRIC, toml::Table::new())?.unit().to_owned();
        journal.append(vec![Event::Measured(Measured {
            metric: METRIC.to_owned(),
            subject: Some(cell.subject),
            arm: name,
            run: cell.run,
            value: Real::new(mean.value)?,
            unit,
            count: mean.count,
        })])
    }
}
