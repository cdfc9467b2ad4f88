//! The benign update: trains the model on captioned pictures that have nothing to do with the concept.

use std::path::{Path, PathBuf};

use oubliette_evidence::{
    Digest,
    plan::{Arm, Standing},
    settings::settings,
};
use serde::{Deserialize, Serialize};

use super::{Attack, Brief, arm};
use crate::{
    Card, Entry, Error, Result,
    captions::{self, Captioned},
    subject::{Bench, Subject},
    tuning::Tuning,
    wording,
};

const CARD: Card = Card {
    name: "finetune",
    what: "Trains the subject further on captioned pictures and asks again, at several step counts of one training.",
    changes: "the denoiser, or a LoRA on its attention",
    cost: "one training for every subject and training seed; sampling at every step count",
    broken_by: "data that shows or names the concept: then it teaches instead of reviving",
    source: "Unstable Unlearning (arXiv 2410.08074); protocol of ResAlign (arXiv 2507.16302) and Illusion of Unlearning",
    differs: "captions that name the concept are refused; pictures that the detector takes for it are counted, and \
              refused where they are more than its measured error explains",
    ..Card::BLANK
};

pub(super) const ENTRY: Entry<dyn Attack> = Entry::of::<Finetune>(CARD);

/// One training and the steps at which it is looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finetune {
    /// Folder of captioned pictures.
    pub data: PathBuf,
    /// How far the data is from the concept, in the plan's words: `near`, `unrelated`, `far`.
    #[serde(default = "unrelated")]
    pub label: String,
    /// Steps at which the subject is looked at; 0 is the subject before the update.
    #[serde(default = "looks")]
    pub steps: Vec<u64>,
    /// Whether the verdict may rest on it.
    #[serde(default = "deciding")]
    pub standing: Standing,
    /// How it is trained.
    #[serde(default)]
    pub train: Tuning,
}

fn unrelated() -> String {
    "unrelated".to_owned()
}

fn looks() -> Vec<u64> {
    vec![0, 50, 200, 500]
}

fn deciding() -> Standing {
    Standing::Deciding
}

impl Attack for Finetune {
    fn arms(&self, brief: &Brief<'_>) -> Result<Vec<Arm>> {
        let folder = brief.base.join(&self.data);
        let set = captions::read(&folder)?;
        refuse_named(&folder, &set, brief)?;
        let series =
            format!("finetune/{}-{:e}-{}", self.train.kind, self.train.learning_rate, self.label);
        let recorded = self.recorded(captions::digest(&set)?)?;
        let before =
            arm(&CARD, format!("{series}@0"), Default::default(), brief.prompts.to_vec(), brief);
        let mut steps: Vec<u64> = self.steps.iter().copied().filter(|&steps| steps > 0).collect();
        steps.sort_unstable();
        steps.dedup();
        if steps.is_empty() {
            return Err(refuse(
                "`steps` holds no step count above 0",
                "give one, for example [0, 50, 200]",
            ));
        }
        let after = steps.into_iter().map(|steps| Arm {
            id: format!("{series}@{steps}"),
            settings: recorded.clone(),
            standing: self.standing,
            trained: true,
            runs: brief.samples.runs,
            series: Some(series.clone()),
            steps: Some(steps),
            baseline: Some(before.id.clone()),
            ..before.clone()
        });
        let after: Vec<Arm> = after.collect();
        Ok(std::iter::once(before).chain(after).collect())
    }

    fn benign(&self) -> Option<&Path> {
        Some(&self.data)
    }

    fn prepare(
        &self,
        arm: &Arm,
        subject: &dyn Subject,
        seed: u64,
        bench: &mut Bench<'_>,
    ) -> Result<Option<Box<dyn Subject>>> {
        match arm.steps {
            None | Some(0) => Ok(None),
            Some(steps) => {
                let data = bench.base.join(&self.data);
                subject.tuned(&self.train, &data, steps, seed, bench).map(Some)
            }
        }
    }
}

impl Finetune {
    /// The settings as a plan keeps them: the data by content, not by where it lies.
    fn recorded(&self, data: Digest) -> Result<oubliette_evidence::settings::Settings> {
        let mut table = toml::Table::try_from(self)
            .map_err(|error| refuse(&error.to_string(), "write finite numbers"))?;
        table.remove("steps"); // each arm has its own
        table.insert("data".to_owned(), data.to_string().into());
        Ok(settings(&table)?)
    }
}

fn refuse_named(folder: &Path, set: &[Captioned], brief: &Brief<'_>) -> Result<()> {
    let names = &brief.concept.names;
    let named = |one: &&Captioned| names.iter().any(|name| wording::contains(&one.caption, name));
    match set.iter().find(named) {
        None => Ok(()),
        Some(one) => Err(Error::Input {
            file: format!("`{}`", folder.display()),
            thing: format!(
                "the caption `{}` names the concept, so the update would teach it",
                one.caption
            ),
            remedy:
                "leave such pictures out; to show the concept on purpose use the positive control"
                    .to_owned(),
        }),
    }
}

fn refuse(thing: &str, remedy: &str) -> Error {
    let file = "the recipe, attack `finetune`".to_owned();
    Error::Input { file, thing: thing.to_owned(), remedy: remedy.to_owned() }
}
