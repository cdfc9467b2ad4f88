//! The recipe of an audit: subjects, attacks, controls and how much is looked at.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Problem, Task, check_seed, check_task, words};
use crate::concept::names::unfit;
use crate::document::Document;
use crate::harmless::short;
use crate::prompt::{MAX_GUIDANCE, MAX_ROWS};
use crate::{Real, Result, settings::Named, training};

/// A recipe with `task = "audit"`. Paths are relative to the folder of the recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditRecipe {
    /// Always 1.
    pub schema: u32,
    /// Always `audit`.
    pub task: Task,
    /// Every random choice follows from it; below 2^53.
    #[serde(default)]
    pub seed: u64,
    /// The concept's file.
    pub concept: PathBuf,
    /// The models under study.
    pub subjects: Subjects,
    /// How pictures are made.
    pub sampling: Sampling,
    /// How many pictures are looked at, and when.
    #[serde(default)]
    pub samples: Samples,
    /// The attacks, in order, with their settings.
    pub attack: Vec<Named>,
    /// What must survive, beside the concept's own neighbours.
    #[serde(default)]
    pub keep: Keep,
    /// The model that scores how well picture and prompt agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<Alignment>,
    /// How far the pictures of the keep prompts moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frechet: Option<Frechet>,
    /// The control arms that need something of their own.
    #[serde(default)]
    pub controls: Controls,
    /// How the report looks.
    #[serde(default)]
    pub report: Report,
    /// The text this recipe was read from.
    #[serde(skip)]
    #[schemars(skip)]
    pub source: Document,
}

/// Folders of the models under study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subjects {
    /// Before forgetting.
    pub original: PathBuf,
    /// After forgetting: the question.
    pub unlearned: PathBuf,
    /// After forgetting and a later update: the question asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<PathBuf>,
    /// A twin that never saw the concept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub never_exposed: Option<PathBuf>,
}

/// How pictures are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// Name of the sampler; absent: the model's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampler: Option<String>,
    /// Denoising steps.
    pub steps: u32,
    /// Classifier-free guidance.
    pub guidance: Real,
    /// Width in pixels; absent: the model's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels; absent: the model's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Pictures made at once; changes no picture.
    #[serde(default = "eight")]
    pub batch: u32,
}

/// How many pictures are looked at, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Samples {
    /// Most pictures of an attack arm, for each subject and training run.
    pub per_arm: u32,
    /// Most pictures of a keep arm, for each subject.
    pub keep: u32,
    /// Fresh pictures of the worst prompt of an arm; 0: it is named and not looked at again.
    pub worst: u32,
    /// Training runs of each trained attack, over different training seeds.
    pub runs: u32,
    /// How often a decision is tried.
    pub looks: Looks,
}

/// When a decision is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Looks {
    /// This many times, at equal distances.
    Equal(u32),
    /// At these shares of the whole, in percent, rising, the last 100.
    Percent(Vec<u32>),
}

/// Other concepts that must survive.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// Concepts that have nothing to do with the one forgotten.
    pub unrelated: Vec<String>,
    /// Templates with `{name}`; empty: those of the concept.
    pub prompts: Vec<String>,
    /// Files of other concepts, which are asked for in their own words; reported, not deciding.
    pub concepts: Vec<PathBuf>,
    /// Files of other concepts that the model was made to forget too: none of their names has to survive.
    pub forgotten: Vec<PathBuf>,
}

/// The model that scores how well picture and prompt agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alignment {
    /// Folder of a CLIP model.
    pub model: PathBuf,
}

/// The Fréchet distance of the pictures that the keep prompts give to those that the original gives for them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Frechet {
    /// Folder of the model whose features are compared: a CLIP, a classifier, or the Inception of the standard distance (`FIDInceptionV3`); absent: the
    /// alignment's, or that of the deciding detector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<PathBuf>,
    /// A folder of real pictures, whose distance to each model's is measured too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<PathBuf>,
    /// Fewest pictures of a set; with fewer nothing is measured. Absent: 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<u32>,
}

/// Control arms.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Controls {
    /// Fine-tuning on the concept itself, which should bring it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive: Option<Positive>,
}

/// Fine-tuning on the concept itself: exactly one of `data` and `generate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Positive {
    /// A folder of pictures of the concept, with captions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// So many pictures of the concept made by the original model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<u32>,
    /// Training steps.
    pub steps: u64,
    /// Learning rate.
    pub learning_rate: Real,
    /// Pictures in a training step.
    #[serde(default = "eight")]
    pub batch: u32,
}

/// How the report looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Report {
    /// Pictures are blurred until the reader asks for them.
    pub blur: bool,
    /// Rows of pictures.
    pub rows: u32,
}

/// Most attacks of an audit.
const MOST_ATTACKS: usize = 100;
/// Most other concepts that are asked for in their own words.
const MOST_CONCEPTS: usize = 1_000;

fn eight() -> u32 {
    8
}

impl Default for Samples {
    fn default() -> Self {
        Self { per_arm: 60, keep: 120, worst: 20, runs: 1, looks: Looks::Equal(1) }
    }
}

impl Default for Report {
    fn default() -> Self {
        Self { blur: false, rows: 6 }
    }
}

impl Samples {
    /// Cumulative pictures at each look, for an arm of at most `most` pictures.
    pub fn schedule(&self, most: u32) -> Vec<u32> {
        let part = |percent: u32, of: u32| {
            let up_to = u64::from(most) * u64::from(percent);
            up_to.div_ceil(u64::from(of)) as u32
        };
        match &self.looks {
            Looks::Equal(n) => (1..=*n).map(|look| part(look, *n)).collect(),
            Looks::Percent(percents) => percents.iter().map(|&p| part(p, 100)).collect(),
        }
    }

    fn check(&self) -> Result<(), Problem> {
        for (key, value, least, most, remedy) in [
            ("per_arm", self.per_arm, 1, 1_000_000, "choose between 1 and 1000000"),
            ("keep", self.keep, 1, 1_000_000, "choose between 1 and 1000000"),
            ("worst", self.worst, 0, 1_000_000, "choose between 0 and 1000000"),
            ("runs", self.runs, 1, 10_000, "choose between 1 and 10000"),
        ] {
            if !(least..=most).contains(&value) {
                let thing = format!("`{key}` is {value}");
                return Err((format!("samples.{key}"), thing, remedy));
            }
        }
        let rising = |p: &[u32]| p.first() > Some(&0) && p.windows(2).all(|w| w[0] < w[1]);
        let fine = match &self.looks {
            Looks::Equal(n) => (1..=100).contains(n) && *n <= self.per_arm.min(self.keep),
            Looks::Percent(p) => p.last() == Some(&100) && rising(p),
        } && [self.per_arm, self.keep].iter().all(|most| rising(&self.schedule(*most)));
        match fine {
            true => Ok(()),
            false => {
                let remedy = "a number from 1 to 100, or rising percents that end in 100, so that each look has more samples than the one before it";
                Err(("samples.looks".into(), "no schedule of looks".into(), remedy))
            }
        }
    }
}

impl Keep {
    fn check(&self) -> Result<(), Problem> {
        let prompts = self.unrelated.len().saturating_mul(self.prompts.len().max(1));
        let files = self.concepts.len().max(self.forgotten.len());
        if prompts > MAX_ROWS || files > MOST_CONCEPTS {
            let thing = format!("more than {MAX_ROWS} prompts, or {MOST_CONCEPTS} other concepts");
            return Err(("keep".into(), thing, "keep fewer of them"));
        }
        if let Some((at, thing)) = unfit(&self.unrelated) {
            let remedy = "write every name once, in one line";
            return Err((format!("keep.unrelated.{at}"), thing, remedy));
        }
        match self.prompts.iter().position(|template| !template.contains("{name}")) {
            Some(at) => {
                let thing = format!("the template `{}` names nothing", short(&self.prompts[at]));
                let remedy = "write `{name}` where the name of what is kept belongs";
                Err((format!("keep.prompts.{at}"), thing, remedy))
            }
            None => Ok(()),
        }
    }
}

impl AuditRecipe {
    /// Reads and checks a recipe file.
    pub fn read(file: &Path) -> Result<Self> {
        Self::parse(&Document::read(file)?)
    }

    /// Reads and checks a recipe.
    pub fn parse(document: &Document) -> Result<Self> {
        check_task(document, Task::Audit)?;
        let recipe: Self = document.parse()?;
        let written: toml::Table = document.parse()?;
        recipe
            .check()
            .and_then(|()| training::check_audit(&written, ""))
            .and_then(|()| recipe.check_templates())
            .map_err(|(key, thing, remedy)| document.error(&key, thing, remedy))?;
        Ok(Self { source: document.clone(), ..recipe })
    }

    /// Nothing but a name is put into what is asked for.
    fn check_templates(&self) -> Result<(), Problem> {
        for (number, attack) in self.attack.iter().enumerate() {
            words::templates(&format!("attack.{number}"), &attack.settings, &[])?;
        }
        let prompts = self.keep.prompts.iter().cloned().map(toml::Value::from).collect();
        let asked = toml::Table::from_iter([("prompts".to_owned(), toml::Value::Array(prompts))]);
        words::templates("keep", &asked, &[])
    }

    fn check(&self) -> Result<(), Problem> {
        check_seed(self.seed)?;
        if self.attack.is_empty() {
            return Err(("attack".into(), "no attack".into(), "add an `[[attack]]` table"));
        }
        if self.attack.len() > MOST_ATTACKS {
            let thing = format!("more than {MOST_ATTACKS} attacks");
            return Err(("attack".into(), thing, "split the audit into several"));
        }
        self.keep.check()?;
        if self.sampling.steps == 0 || self.sampling.batch == 0 {
            return Err(("sampling".into(), "a count of 0".into(), "write 1 or more"));
        }
        if self.sampling.guidance.get().abs() > MAX_GUIDANCE {
            let thing = format!("`guidance` is {:?}", self.sampling.guidance.get());
            let remedy = "write a smaller number; usual are 1 to 15";
            return Err(("sampling.guidance".into(), thing, remedy));
        }
        if self.sampling.width.is_some() != self.sampling.height.is_some() {
            let thing = "`width` without `height`, or the other way round".into();
            return Err((
                "sampling".into(),
                thing,
                "give both, or neither: then they are the model's own",
            ));
        }
        self.samples.check()?;
        if self.frechet.as_ref().and_then(|frechet| frechet.least).is_some_and(|least| least < 4) {
            let thing = "sets of fewer than 4 pictures have no halves with a spread".into();
            return Err(("frechet.least".into(), thing, "write 4 or more"));
        }
        match &self.controls.positive {
            Some(positive) if positive.data.is_some() == positive.generate.is_some() => {
                let thing = "the positive control has no source, or two".into();
                Err(("controls.positive".into(), thing, "give either `data` or `generate`"))
            }
            Some(positive) if positive.generate == Some(0) => {
                let thing = "`generate` is 0".into();
                Err(("controls.positive.generate".into(), thing, "write 1 or more"))
            }
            _ => Ok(()),
        }
    }
}
