//! Pictures of the evidence that were lost: made again before the run goes on, and the same again.

use std::collections::{BTreeMap, BTreeSet};

use oubliette_evidence::{Digest, event::Sampled, plan::Cell};

use super::studio::Studio;
use crate::{
    Error, Result,
    progress::{Progress, Watch, tell},
    run::Journal,
    subject::Asked,
};

impl Studio<'_> {
    /// Makes every picture of the evidence that does not lie in the run folder as it was kept.
    ///
    /// # Errors
    /// When one comes out as another picture than it was.
    pub(super) fn mend(&mut self, journal: &mut Journal, watch: &mut Watch<'_>) -> Result<()> {
        let lost = journal.lost();
        let (mut done, total) = (0, lost.len() as u64);
        for (cell, wanted) in self.cells_of(journal, lost) {
            for wanted in wanted.chunks(self.examiner.batch.max(1)) {
                let asked = wanted.iter().map(|sample| self.asked(sample));
                let asked = asked.collect::<Result<Vec<Asked>>>()?;
                let maker = self.maker(&cell)?;
                let pictures = self.pictures(journal, &cell, maker, &asked, watch)?;
                for (sample, picture) in wanted.iter().zip(&pictures) {
                    journal.restore(sample.picture, picture)?;
                }
                done += wanted.len() as u64;
                tell(watch, Progress { unit: "lost pictures", done, total, loss: None })?;
            }
        }
        Ok(())
    }

    /// One sample of every lost picture by its cell, in the order in which models are made.
    fn cells_of(&self, journal: &Journal, mut lost: BTreeSet<Digest>) -> Vec<(Cell, Vec<Sampled>)> {
        let mut cells: BTreeMap<Cell, Vec<Sampled>> = BTreeMap::new();
        for sample in journal.evidence().samples() {
            // Two draws may have made one picture.
            if lost.remove(&sample.picture) {
                cells.entry(sample.cell.clone()).or_default().push(sample.clone());
            }
        }
        let mut cells: Vec<_> = cells.into_iter().collect();
        cells.sort_by_key(|(cell, _)| self.order(cell));
        cells
    }

    /// What was asked for when a sample was drawn.
    fn asked(&self, sample: &Sampled) -> Result<Asked> {
        let arm = self.arm(&sample.cell)?;
        let prompt = arm.prompts.get(sample.prompt as usize).ok_or_else(|| Error::Input {
            file: "the plan".to_owned(),
            thing: format!("arm `{}` has no prompt {}", arm.id, sample.prompt),
            remedy: "make the plan again".to_owned(),
        })?;
        Ok(Asked {
            prompt: prompt.text.clone(),
            seed: sample.seed,
            guidance: prompt.guidance.map(|guidance| guidance.get()),
        })
    }
}
