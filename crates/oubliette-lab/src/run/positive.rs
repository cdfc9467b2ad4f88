//! The positive control: fine-tuning on the concept itself, which should bring it back in any model that can learn.

use std::path::{Path, PathBuf};

use oubliette_evidence::{
    Prompt,
    plan::{Arm, ArmKind, PlannedSampling, Role, Standing},
    recipe::Positive,
    settings::settings,
};
use oubliette_model::store::NewFolder;
use rand::{Rng as _, seq::IndexedRandom as _};
use serde::{Deserialize, Serialize};

use super::{Subjects, places::Places};
use crate::{
    Error, Result,
    attacks::{Attack, Brief, OWN_PROMPTS},
    captions,
    lot::Lot,
    picture,
    subject::{Asked, Bench, Subject},
    tuning::Tuning,
};

/// Pictures painted together.
const TOGETHER: usize = 8;

/// The control with everything that it needs.
#[derive(Serialize, Deserialize)]
pub(super) struct Control {
    positive: Positive,
    tuning: Tuning,
    prompts: Vec<Prompt>,
    #[serde(skip)]
    original: Option<Places>,
    sampling: PlannedSampling,
}

impl Control {
    /// The control of a recipe; `original` is where the pictures are painted that it asks for.
    pub(super) fn new(
        positive: &Positive,
        prompts: &[Prompt],
        sampling: &PlannedSampling,
        original: Places,
    ) -> Self {
        let tuning = Tuning {
            learning_rate: positive.learning_rate.get(),
            batch: positive.batch as usize,
            ..Tuning::default()
        };
        Self {
            positive: positive.clone(),
            tuning,
            prompts: prompts.to_vec(),
            original: Some(original),
            sampling: sampling.clone(),
        }
    }

    /// The folder of pictures: the recipe's, or one that the original model paints once.
    fn data(&self, seed: u64, bench: &Bench<'_>) -> Result<PathBuf> {
        match (&self.positive.data, self.positive.generate, &self.original) {
            (Some(data), _, _) => Ok(bench.base.join(data)),
            (None, Some(count), Some(places)) => self.painted(count, seed, places, bench.folder),
            _ => Err(Error::Input {
                file: "the recipe, `[controls.positive]`".to_owned(),
                thing: "it names no pictures".to_owned(),
                remedy: "give `data` or `generate`".to_owned(),
            }),
        }
    }

    fn painted(&self, count: u32, seed: u64, places: &Places, folder: &Path) -> Result<PathBuf> {
        let done = folder.join("positive");
        if done.exists() {
            return Ok(done);
        }
        let new = NewFolder::create(&done)?;
        let mut rng = Lot::new(seed).child("positive").rng();
        let draw = |_| {
            let prompt = self.prompts.choose(&mut rng).map(|prompt| prompt.text.clone());
            Asked { prompt: prompt.unwrap_or_default(), seed: rng.random(), guidance: None }
        };
        let asked: Vec<Asked> = (0..count).map(draw).collect();
        let original = places.open(Role::Original)?;
        let mut lines = String::new();
        for (chunk, asked) in asked.chunks(TOGETHER).enumerate() {
            for (row, painted) in original.paint(asked, &self.sampling)?.iter().enumerate() {
                let name = format!("{:05}.png", chunk * TOGETHER + row);
                let bytes = picture::png(painted).map_err(|source| Error::Picture {
                    doing: "write",
                    path: done.join(&name),
                    source,
                })?;
                new.write(Path::new(&name), &bytes)?;
                let line = serde_json::json!({"file_name": name, "text": asked[row].prompt});
                lines += &format!("{line}\n");
            }
        }
        new.write(Path::new("metadata.jsonl"), lines.as_bytes())?;
        new.finish()?;
        Ok(done)
    }
}

impl Attack for Control {
    fn arms(&self, brief: &Brief<'_>) -> Result<Vec<Arm>> {
        let mut table = toml::Table::try_from(&self.tuning).unwrap_or_default();
        if let Some(data) = &self.positive.data {
            let digest = captions::digest(&captions::read(&brief.base.join(data))?)?;
            table.insert("data".to_owned(), digest.to_string().into());
        }
        if let Some(count) = self.positive.generate {
            table.insert("generate".to_owned(), i64::from(count).into());
        }
        Ok(vec![Arm {
            id: format!("positive@{}", self.positive.steps),
            kind: ArmKind::Positive,
            attack: "positive control".to_owned(),
            settings: settings(&table)?,
            standing: Standing::Exploratory,
            carries_concept: true,
            best_of: false,
            trained: true,
            runs: 1,
            series: Some("positive".to_owned()),
            steps: Some(self.positive.steps),
            baseline: None,
            after: None,
            concept: None,
            stream: OWN_PROMPTS.to_owned(),
            prompts: brief.prompts.to_vec(),
            subjects: brief.roles.iter().copied().filter(|role| role.is_question()).collect(),
            looks: brief.samples.schedule(brief.samples.per_arm),
        }])
    }

    fn prepare(
        &self,
        arm: &Arm,
        subject: &dyn Subject,
        seed: u64,
        bench: &mut Bench<'_>,
    ) -> Result<Option<Box<dyn Subject>>> {
        let data = self.data(seed, bench)?;
        let steps = arm.steps.unwrap_or(self.positive.steps);
        subject.tuned(&self.tuning, &data, steps, seed, bench).map(Some)
    }
}
