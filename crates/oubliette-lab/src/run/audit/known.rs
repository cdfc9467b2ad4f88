//! What audits have seen before, in this run or another one: two audits of one model share its controls.

use std::{collections::BTreeMap, fs, path::Path};

use oubliette_evidence::{
    AuditPlan, Digest, Real,
    event::{Score, Trained},
    folder::RunFolder,
    plan::{Arm, ArmKind, Cell, training_seed},
};
use serde::{Deserialize, Serialize};

use crate::{
    metrics::Mean,
    notes::{MAKER, Notes, key},
    subject::Asked,
};

/// A picture that was made, and what was said of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Its PNG file, by content.
    pub(super) picture: Digest,
    /// The run folder that holds it.
    run: String,
    /// Scores by detector.
    pub(super) scores: BTreeMap<String, Score>,
    /// How well it agrees with its prompt, where that was measured.
    pub(super) alignment: Option<Real>,
}

/// The notes that the runs of one folder share.
pub(super) struct Known<'a> {
    plan: &'a AuditPlan,
    notes: Notes,
    /// The name of this run's folder.
    run: String,
    /// What every picture and score follows from.
    common: Digest,
    /// What every picture follows from, whatever is looked for in it.
    drawn: Digest,
}

/// A picture that was made for the audit of another concept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Drawn {
    picture: Digest,
    run: String,
}

impl<'a> Known<'a> {
    /// The notes below `runs`, for the run in `folder`.
    pub(super) fn of(plan: &'a AuditPlan, folder: &Path, device: &str) -> Self {
        let run = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let looked: Vec<_> = plan
            .detectors
            .iter()
            .map(|detector| (&detector.name, &detector.kind, &detector.settings, detector.weights))
            .collect();
        let drawn = key(&(MAKER, device, &plan.sampling));
        let common =
            key(&(MAKER, device, (&plan.sampling, looked), (&plan.alignment, &plan.concept)));
        let notes = Notes::of(folder.parent().unwrap_or(Path::new("")));
        Self { plan, notes, run, common, drawn }
    }

    /// What the model of a cell follows from; nothing where the plan alone does not say it.
    pub(super) fn model(&self, arm: &Arm, cell: &Cell) -> Option<Digest> {
        self.follows(self.common, arm, cell)
    }

    /// The same, for pictures alone: audits of different concepts share it.
    pub(super) fn maker(&self, arm: &Arm, cell: &Cell) -> Option<Digest> {
        self.follows(self.drawn, arm, cell)
    }

    fn follows(&self, from: Digest, arm: &Arm, cell: &Cell) -> Option<Digest> {
        let subject = self.plan.subjects.iter().find(|subject| subject.role == cell.subject);
        let subject = subject.filter(|_| arm.kind != ArmKind::Positive)?;
        let series = arm.series.as_deref().unwrap_or(&arm.id);
        let seed = training_seed(self.plan.seed, series, cell.run);
        let training = arm.trained.then_some((&arm.attack, &arm.settings, arm.steps, seed));
        Some(key(&(from, subject.digest, training)))
    }

    /// The picture of a request, where it was made before and is still there.
    pub(super) fn picture(
        &self,
        model: Digest,
        asked: &Asked,
        sought: Option<&str>,
    ) -> Option<(Seen, Vec<u8>)> {
        let seen = self.notes.read::<Seen>(request(model, asked, sought))?;
        let bytes = self.bytes(&seen.run, seen.picture)?;
        Some((seen, bytes))
    }

    /// The PNG file of a request that another audit made.
    pub(super) fn drawn(&self, maker: Digest, asked: &Asked) -> Option<Vec<u8>> {
        let Drawn { picture, run } = self.notes.read(request(maker, asked, None))?;
        self.bytes(&run, picture)
    }

    /// A picture of a run, where it is still there.
    fn bytes(&self, run: &str, picture: Digest) -> Option<Vec<u8>> {
        let file = RunFolder::at(self.notes.runs().join(run)).picture(&picture);
        fs::read(file).ok().filter(|bytes| Digest::of(bytes) == picture)
    }

    /// Notes a picture of this run for audits of other concepts.
    pub(super) fn note_drawn(&self, maker: Digest, asked: &Asked, picture: Digest) {
        self.notes.write(request(maker, asked, None), &Drawn { picture, run: self.run.clone() });
    }

    /// Notes a picture of this run.
    pub(super) fn note_picture(
        &self,
        model: Digest,
        (asked, sought): (&Asked, Option<&str>),
        picture: Digest,
        scores: &BTreeMap<String, Score>,
        alignment: Option<Real>,
    ) {
        let (scores, run) = (scores.clone(), self.run.clone());
        self.notes.write(request(model, asked, sought), &Seen { picture, run, scores, alignment });
    }

    /// How a training ended that was done before.
    pub(super) fn training(&self, model: Digest) -> Option<Trained> {
        self.notes.read(model)
    }

    /// Notes how a training ended.
    pub(super) fn note_training(&self, model: Digest, trained: &Trained) {
        self.notes.write(model, trained);
    }

    /// A measurement of a model that was taken before on `pictures`.
    pub(super) fn measurement(
        &self,
        model: Digest,
        metric: &str,
        pictures: Digest,
    ) -> Option<Mean> {
        self.notes.read(key(&(model, metric, pictures, self.plan.seed)))
    }

    /// Notes a measurement.
    pub(super) fn note_measurement(
        &self,
        model: Digest,
        metric: &str,
        pictures: Digest,
        mean: &Mean,
    ) {
        self.notes.write(key(&(model, metric, pictures, self.plan.seed)), mean);
    }
}

fn request(model: Digest, asked: &Asked, sought: Option<&str>) -> Digest {
    key(&(model, &asked.prompt, asked.seed, asked.guidance, sought))
}
