//! What was seen before, in this run or another one, by everything that it follows from: so nothing is made twice.
//!
//! Two audits of one model share its controls. The notes lie in `.known/` below the runs, one small file each; without
//! them everything is made again, with the same evidence, since the same plan gives the same bytes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use oubliette_evidence::{
    AuditPlan, Digest, Real,
    event::{Score, Trained},
    folder::RunFolder,
    plan::{Arm, ArmKind, Cell, training_seed},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::super::journal::write_whole;
use crate::{Error, Result, metrics::Mean, subject::Asked};

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
    runs: PathBuf,
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
        let version = env!("CARGO_PKG_VERSION");
        let drawn = key(&(version, device, &plan.sampling));
        let common =
            key(&(version, device, (&plan.sampling, looked), (&plan.alignment, &plan.concept)));
        let runs = folder.parent().unwrap_or(Path::new("")).to_owned();
        Self { plan, runs, run, common, drawn }
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
        let seen = self.read::<Seen>(request(model, asked, sought))?;
        let bytes = self.bytes(&seen.run, seen.picture)?;
        Some((seen, bytes))
    }

    /// The PNG file of a request that another audit made.
    pub(super) fn drawn(&self, maker: Digest, asked: &Asked) -> Option<Vec<u8>> {
        let Drawn { picture, run } = self.read(request(maker, asked, None))?;
        self.bytes(&run, picture)
    }

    /// A picture of a run, where it is still there.
    fn bytes(&self, run: &str, picture: Digest) -> Option<Vec<u8>> {
        let file = RunFolder::at(self.runs.join(run)).picture(&picture);
        fs::read(file).ok().filter(|bytes| Digest::of(bytes) == picture)
    }

    /// Notes a picture of this run for audits of other concepts.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn note_drawn(&self, maker: Digest, asked: &Asked, picture: Digest) -> Result<()> {
        self.write(request(maker, asked, None), &Drawn { picture, run: self.run.clone() })
    }

    /// Notes a picture of this run.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn note_picture(
        &self,
        model: Digest,
        (asked, sought): (&Asked, Option<&str>),
        picture: Digest,
        scores: &BTreeMap<String, Score>,
        alignment: Option<Real>,
    ) -> Result<()> {
        let (scores, run) = (scores.clone(), self.run.clone());
        self.write(request(model, asked, sought), &Seen { picture, run, scores, alignment })
    }

    /// How a training ended that was done before.
    pub(super) fn training(&self, model: Digest) -> Option<Trained> {
        self.read(model)
    }

    /// Notes how a training ended.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn note_training(&self, model: Digest, trained: &Trained) -> Result<()> {
        self.write(model, trained)
    }

    /// A measurement of a model that was taken before on `pictures`.
    pub(super) fn measurement(
        &self,
        model: Digest,
        metric: &str,
        pictures: Digest,
    ) -> Option<Mean> {
        self.read(key(&(model, metric, pictures, self.plan.seed)))
    }

    /// Notes a measurement.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn note_measurement(
        &self,
        model: Digest,
        metric: &str,
        pictures: Digest,
        mean: &Mean,
    ) -> Result<()> {
        self.write(key(&(model, metric, pictures, self.plan.seed)), mean)
    }

    fn file(&self, key: Digest) -> PathBuf {
        let name = key.to_string();
        self.runs.join(".known").join(&name[..2]).join(&name[2..])
    }

    /// A note; one that cannot be read is none.
    fn read<T: DeserializeOwned>(&self, key: Digest) -> Option<T> {
        serde_json::from_slice(&fs::read(self.file(key)).ok()?).ok()
    }

    fn write<T: Serialize>(&self, key: Digest, note: &T) -> Result<()> {
        let file = self.file(key);
        let folder = file.parent().unwrap_or(&self.runs);
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let text = serde_json::to_vec(note).expect("notes are plain structs with text keys");
        write_whole(&file, &text)
    }
}

fn request(model: Digest, asked: &Asked, sought: Option<&str>) -> Digest {
    key(&(model, &asked.prompt, asked.seed, asked.guidance, sought))
}

/// The digest of plain values; the same values give the same text.
fn key(of: &impl Serialize) -> Digest {
    Digest::of(&serde_json::to_vec(of).expect("plain values with text keys can be written"))
}
