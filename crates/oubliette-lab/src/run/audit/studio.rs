//! The subject at hand: opened once, trained once, looked at by every detector.

use image::RgbImage;
use oubliette_evidence::{
    Digest, Real,
    event::{Score, Trained},
    plan::{Arm, Cell, Role, training_seed},
};

use super::{Examiner, known::Known};
use crate::{
    Error, Result,
    progress::Watch,
    run::Journal,
    subject::{Asked, Bench, Subject},
};

/// Which model is at hand: a role, and what training has been done to it.
type At = (Role, Option<(String, u32)>);

/// Holds at most one subject as it came and one as an attack left it, so that memory stays bounded.
pub(super) struct Studio<'a> {
    pub(super) examiner: &'a Examiner,
    /// What was seen before.
    pub(super) known: Known<'a>,
    /// The held-out pictures by content, once they were read.
    pub(super) held_out: Option<Digest>,
    plain: Option<(Role, Box<dyn Subject>)>,
    trained: Option<(At, Option<Box<dyn Subject>>)>,
}

impl<'a> Studio<'a> {
    pub(super) fn new(examiner: &'a Examiner, known: Known<'a>) -> Self {
        Self { examiner, known, held_out: None, plain: None, trained: None }
    }

    /// The arm of a cell.
    pub(super) fn arm(&self, cell: &Cell) -> Result<&'a Arm> {
        self.examiner.plan.arm(&cell.arm).ok_or_else(|| Error::Input {
            file: "the plan".to_owned(),
            thing: format!("it has no arm `{}`", cell.arm),
            remedy: "make the plan again".to_owned(),
        })
    }

    /// What cells are sorted by, so that those of one model stand together, with fewer steps first.
    pub(super) fn order(&self, cell: &Cell) -> (Role, String, u32, u64, usize) {
        let arms = &self.examiner.plan.arms;
        let place = arms.iter().position(|arm| arm.id == cell.arm).unwrap_or(arms.len());
        let model = arms.get(place).map(|arm| self.model_arm(arm));
        let series = model.and_then(|arm| arm.series.clone()).unwrap_or_default();
        let steps = model.and_then(|arm| arm.steps).unwrap_or_default();
        (cell.subject, series, cell.run, steps, place)
    }

    /// The arm whose training made the model that `arm` looks at.
    fn model_arm(&self, arm: &'a Arm) -> &'a Arm {
        arm.after.as_deref().and_then(|id| self.examiner.plan.arm(id)).unwrap_or(arm)
    }

    /// What the model of a cell follows from, where it may be shared. How its training ended is then in the evidence,
    /// known from before or done now.
    pub(super) fn identity(
        &mut self,
        journal: &mut Journal,
        cell: &Cell,
        watch: &mut Watch<'_>,
    ) -> Result<Option<Digest>> {
        let arm = self.model_arm(self.arm(cell)?);
        let Some(model) = self.known.model(arm, cell) else { return Ok(None) };
        if let (true, Some(steps)) = (arm.trained, arm.steps) {
            let unit = unit(arm, cell);
            if journal.evidence().trained(&unit, steps).is_none() {
                match self.known.training(model) {
                    Some(known) => journal.record(Trained { unit, ..known })?,
                    None => drop(self.subject(journal, cell, watch)?),
                }
            }
        }
        Ok(Some(model))
    }

    /// The same for pictures alone, whatever is looked for in them.
    pub(super) fn maker(&self, cell: &Cell) -> Result<Option<Digest>> {
        Ok(self.known.maker(self.model_arm(self.arm(cell)?), cell))
    }

    /// The subject of a cell, opened and trained as its arm says.
    pub(super) fn subject(
        &mut self,
        journal: &mut Journal,
        cell: &Cell,
        watch: &mut Watch<'_>,
    ) -> Result<&dyn Subject> {
        let arm = self.model_arm(self.arm(cell)?);
        self.open(cell.subject)?;
        let at: At = (cell.subject, arm.trained.then(|| (arm.id.clone(), cell.run)));
        if arm.trained && self.trained.as_ref().is_none_or(|(held, _)| *held != at) {
            self.trained = None; // frees the model before the next one is made
            let made = self.prepare(journal, arm, cell, watch)?;
            self.trained = Some((at, made));
        }
        let plain = self.plain.as_ref().map(|(_, subject)| subject.as_ref());
        let trained = self.trained.as_ref().filter(|_| arm.trained);
        let prepared = trained.and_then(|(_, subject)| subject.as_deref());
        Ok(prepared.or(plain).expect("the subject was opened above"))
    }

    fn open(&mut self, role: Role) -> Result<()> {
        if self.plain.as_ref().is_none_or(|(held, _)| *held != role) {
            (self.plain, self.trained) = (None, None);
            self.plain = Some((role, self.examiner.subjects.open(role)?));
        }
        Ok(())
    }

    fn prepare(
        &self,
        journal: &mut Journal,
        arm: &Arm,
        cell: &Cell,
        watch: &mut Watch<'_>,
    ) -> Result<Option<Box<dyn Subject>>> {
        let (Some((_, subject)), Some(attack)) = (&self.plain, self.examiner.attacks.get(&arm.id))
        else {
            return Ok(None);
        };
        let series = arm.series.as_deref().unwrap_or(&arm.id);
        let seed = training_seed(self.examiner.plan.seed, series, cell.run);
        let folder = journal.workspace()?;
        let mut bench = Bench {
            base: &self.examiner.base,
            folder: &folder,
            unit: unit(arm, cell),
            watch,
            trained: Vec::new(),
        };
        let made = attack.prepare(arm, subject.as_ref(), seed, &mut bench);
        let made = made.map_err(|error| named(error, arm, cell))?;
        let model = self.known.model(arm, cell);
        for event in bench.trained {
            if let Some(model) = model {
                self.known.note_training(model, &event);
            }
            journal.record(event)?;
        }
        Ok(made)
    }

    /// What every detector says, by its name in the plan.
    pub(super) fn scores(
        &self,
        pictures: &[RgbImage],
        sought: &[Option<&str>],
    ) -> Result<Vec<(String, Vec<Score>)>> {
        let look = |(name, eye): &(String, Box<dyn crate::detectors::Eye>)| {
            let scores = eye.look(pictures, sought);
            let scores = scores.map_err(|error| finite(error, &format!("detector `{name}`")))?;
            Ok((name.clone(), scores))
        };
        self.examiner.eyes.iter().map(look).collect()
    }

    /// How well each picture agrees with its prompt, where that is measured.
    pub(super) fn alignment(
        &self,
        pictures: &[RgbImage],
        asked: &[Asked],
    ) -> Result<Option<Vec<Real>>> {
        let Some(aligner) = &self.examiner.aligner else { return Ok(None) };
        let prompts: Vec<&str> = asked.iter().map(|asked| asked.prompt.as_str()).collect();
        let cosines = aligner.cosines(pictures, &prompts)?;
        let cosines: Result<Vec<Real>, _> = cosines.into_iter().map(Real::new).collect();
        cosines.map(Some).map_err(|error| finite(error.into(), "the alignment model"))
    }
}

/// The refusal of a model that looks at pictures and says what is no number, by what it is to the audit.
fn finite(error: Error, who: &str) -> Error {
    match error {
        Error::Evidence(oubliette_evidence::Error::Number { value, .. }) => Error::Input {
            file: who.to_owned(),
            thing: format!("it says {value} of a picture: its model makes no finite numbers"),
            remedy: "name another model".to_owned(),
        },
        other => other,
    }
}

/// What a cell's training is called in events.
fn unit(arm: &Arm, cell: &Cell) -> String {
    let series = arm.series.as_deref().unwrap_or(&arm.id);
    format!("{series}/{}/{}", role_name(cell.subject), cell.run)
}

/// The role as part of a name.
pub(super) fn role_name(role: Role) -> String {
    role.to_string().replace(' ', "-")
}

/// A training that diverged, with the arm that it was for: it is the attack's, and not the unlearning's.
fn named(error: Error, arm: &Arm, cell: &Cell) -> Error {
    match error {
        Error::Diverged { step, what, losses, learning_rate } => {
            let what =
                format!("{what} (`{}` on the {} model, run {})", arm.id, cell.subject, cell.run);
            Error::Diverged { step, what, losses, learning_rate }
        }
        other => other,
    }
}
