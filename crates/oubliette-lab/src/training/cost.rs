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

    /// Numbers that are held for every one that is trained, beside the first gradient and its moments.
    pub fn copies(&self) -> u64 {
        let sides = [&self.forget, &self.retain];
        let both = u64::from(sides.iter().all(|side| !side.is_empty()));
        // While losses of one side are added up, and while one is a sum over all changes.
        let added = u64::from(sides.iter().any(|side| side.len() > 1));
        let changes = u64::from(self.losses().any(|loss| loss.objective.looks_at_moves()));
        let kept: u64 = self.losses().map(|loss| loss.objective.copies()).sum();
        both + added
            + changes
            + kept
            + self.wrappers.iter().map(|wrapper| wrapper.copies()).sum::<u64>()
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
        let drawn = sources.into_iter().zip(self.shown()).filter_map(|(source, steps)| {
            let steps = steps.count() as u64;
            let drawing = source?.drawing(steps);
            Some(drawing.before + drawing.a_step * steps as f64)
        });
        let prepared = |source: &dyn Source, losses: &[Weighted]| {
            let rows = source.rows() as f64;
            losses.iter().map(|loss| rows * loss.objective.preparation(step)).sum::<f64>()
        };
        let a_step = look(&*self.source, &self.forget, step + TEACHER)
            + look(&**retain_source, &self.retain, step)
            + prepared(&*self.source, &self.forget)
            + prepared(&**retain_source, &self.retain);
        drawn.sum::<f64>() + a_step * self.total() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::{
        objective::{AnchorMatch, NoiseMse},
        source::{Prompts, Trajectory},
    };

    #[test]
    fn rows_and_drawing_are_counted() {
        let drawn = |names: &[&str], rows| {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            let mut source = Prompts::new(names, 3, rows);
            source.steps = 10;
            Box::new(source)
        };
        let stage = Train {
            source: drawn(&["a fox", "a car"], 8),
            retain_source: Some(drawn(&["a cat"], 4)),
            forget: vec![Weighted::one(AnchorMatch::default())],
            retain: vec![Weighted::one(NoiseMse {}), Weighted::one(NoiseMse {})],
            steps: 5,
            ..Train::named("counted")
        };
        assert_eq!(stage.rows(), 8);
        // As good as all of nine pictures of ten steps, each looked at twice; then a teacher and a training step on 8 rows, and two
        // training steps on 4.
        let trained = stage.forwards(3.0) - 5.0 * (8.0 * 4.0 + 2.0 * 4.0 * 3.0);
        assert!((179.8..180.0).contains(&trained), "{trained}");
    }

    #[test]
    fn only_pictures_that_a_step_looks_at_are_drawn() {
        let source = Prompts::new(vec!["a fox".to_owned()], 800, 8);
        let share = |steps| source.drawing(steps).before / (2.0 * 800.0 * 20.0);
        // One step chooses eight; as many rows as pictures leave 1/e of them out.
        assert!((share(1) - 0.01).abs() < 1e-4 && (share(100) - 0.632).abs() < 1e-3);
        assert!(share(10_000) > 0.999);
    }

    #[test]
    fn a_sampling_of_several_steps_is_shared_by_them() {
        let cost = |pairs| {
            let source = Trajectory { steps: 50, batch: 2, pairs, ..Trajectory::default() };
            source.drawing(25).a_step
        };
        assert_eq!([cost(1), cost(2), cost(25)], [100.0, 100.0, 8.0]);
    }
}
