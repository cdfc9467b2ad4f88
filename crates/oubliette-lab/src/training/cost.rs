//! What a stage is expected to cost, before it runs.

use super::{Train, Weighted};
use crate::parts::source::Source;

/// Forwards of the frozen model that a loss looks at beside its own.
const TEACHER: f64 = 1.0;

impl Train {
    /// Most rows that one loss looks at.
    pub fn rows(&self) -> usize {
        let relearn = self.relearn.as_ref().map(|relearn| &relearn.source);
        let others = self.retain_source.iter().chain(relearn).map(|source| source.rows());
        others.fold(self.source.rows(), usize::max).max(1)
    }

    /// About how many forwards of one row the stage takes, where a step forward and backward takes `step` of them. What anchors, masks and
    /// wrappers add is left out.
    pub fn forwards(&self, step: f64) -> f64 {
        let retain_source = self.retain_source.as_ref().unwrap_or(&self.source);
        let look = |source: &dyn Source, losses: &[Weighted], cost: f64| {
            source.rows() as f64 * losses.len() as f64 * cost
        };
        let relearn = self.relearn.as_ref().map(|relearn| &relearn.source);
        let sources = [Some(&self.source), self.retain_source.as_ref(), relearn];
        let drawings = || sources.iter().flatten().map(|source| source.drawing());
        let a_step = drawings().map(|drawing| drawing.a_step).sum::<f64>()
            + look(&*self.source, &self.forget, step + TEACHER)
            + look(&**retain_source, &self.retain, step);
        drawings().map(|drawing| drawing.before).sum::<f64>() + a_step * self.total() as f64
    }
}
