//! The plan of an audit.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arm, ArmKind, PlannedFrechet, Role, Source};
use crate::harmless::is_obeyed;
use crate::settings::Settings;
use crate::{Concept, Digest, Error, Real, Result, training};

/// Everything an audit will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditPlan {
    /// Always 1.
    pub schema: u32,
    /// The recipe it was made from.
    pub recipe: Source,
    /// Every draw and every training seed follows from it.
    pub seed: u64,
    /// The concept, whole, with its claim.
    pub concept: Concept,
    /// The models under study.
    pub subjects: Vec<Subject>,
    /// How pictures are made.
    pub sampling: PlannedSampling,
    /// The detectors; the first decides, the others are second opinions.
    pub detectors: Vec<Detector>,
    /// The model that scores how well picture and prompt agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<Scorer>,
    /// How the Fréchet distance is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frechet: Option<PlannedFrechet>,
    /// The arms, in the order in which they are run.
    pub arms: Vec<Arm>,
    /// Fresh samples of an arm's worst prompt; 0: it is named only.
    pub worst: u32,
    /// Attacks that this tool knows and that this plan leaves out.
    #[serde(default)]
    pub not_tested: Vec<String>,
    /// How the report looks.
    pub report: Layout,
}

/// A model under study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// What it is to the audit.
    pub role: Role,
    /// The folder's name.
    pub name: String,
    /// The folder's digest.
    pub digest: Digest,
    /// The folder carries a guide, by which its pictures are sampled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guided: bool,
    /// The folder carries weights that are attached to its denoiser, with which its pictures are sampled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attached: bool,
}

/// How pictures are made, with nothing left open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedSampling {
    /// Name of the sampler.
    pub sampler: String,
    /// Denoising steps.
    pub steps: u32,
    /// Classifier-free guidance.
    pub guidance: Real,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// A detector with its measured error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Detector {
    /// Unique in the plan; scores go by it.
    pub name: String,
    /// Name in the list of detectors.
    pub kind: String,
    /// Every setting, defaults included.
    pub settings: Settings,
    /// Digest of the weights it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Digest>,
    /// Its measured error; absent: nobody measured it, and nothing can be held on its word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

/// How often a detector is wrong, counted on pictures whose truth is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Pictures without the concept.
    pub without: u32,
    /// Of these, how many it took for the concept.
    pub false_hits: u32,
    /// Pictures with the concept.
    pub with: u32,
    /// Of these, how many it missed.
    pub misses: u32,
    /// Digest of the pictures.
    pub data: Digest,
}

/// A model that gives a score to a picture and its prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scorer {
    /// The folder's name.
    pub name: String,
    /// The folder's digest.
    pub digest: Digest,
}

/// How the report looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Pictures are blurred until the reader asks for them.
    pub blur: bool,
    /// Rows of pictures.
    pub rows: u32,
}

/// Most samples of a cell.
const MOST: u32 = 1_000_000;
/// Most training runs of an arm.
const MOST_RUNS: u32 = 10_000;
/// Most rows of pictures in a report.
const MOST_ROWS: u32 = 1_000;

impl AuditPlan {
    /// The arm with this id.
    pub fn arm(&self, id: &str) -> Option<&Arm> {
        self.arms.iter().find(|arm| arm.id == id)
    }

    /// The subject with this role.
    pub fn subject(&self, role: Role) -> Option<&Subject> {
        self.subjects.iter().find(|subject| subject.role == role)
    }

    /// The arms of one kind.
    pub fn arms_of(&self, kind: ArmKind) -> impl Iterator<Item = &Arm> {
        self.arms.iter().filter(move |arm| arm.kind == kind)
    }

    /// The arms of attacks that take the models as they are, in order.
    pub fn untrained(&self) -> impl Iterator<Item = &Arm> {
        self.arms_of(ArmKind::Attack).filter(|arm| !arm.trained)
    }

    /// The attack with the most training steps of every series that trains.
    pub fn longest(&self) -> Vec<&Arm> {
        let mut longest: BTreeMap<&str, &Arm> = BTreeMap::new();
        for arm in self.arms_of(ArmKind::Attack).filter(|arm| arm.trained) {
            let kept = longest.entry(arm.series.as_deref().unwrap_or(&arm.id)).or_insert(arm);
            if arm.steps > kept.steps {
                *kept = arm;
            }
        }
        longest.into_values().collect()
    }

    /// How often a decision is tried.
    pub fn looks(&self) -> usize {
        self.arms.first().map_or(0, |arm| arm.looks.len())
    }

    /// Refuses a plan that could not be carried out and judged.
    ///
    /// # Errors
    /// What contradicts itself in it, or is more than anybody draws.
    pub fn check(&self) -> Result<()> {
        self.check_size()?;
        let bad = |thing: String| Err(Error::value(thing, "make the plan again"));
        let roles: BTreeSet<_> = self.subjects.iter().map(|subject| subject.role).collect();
        let names: BTreeSet<_> = self.detectors.iter().map(|detector| &detector.name).collect();
        let ids: BTreeSet<_> = self.arms.iter().map(|arm| &arm.id).collect();
        self.concept
            .check()
            .map_err(|(key, thing, remedy)| Error::value(format!("`{key}`: {thing}"), remedy))?;
        if roles.len() < self.subjects.len() {
            return bad("two subjects have the same role".into());
        }
        if names.len() < self.detectors.len() || names.is_empty() {
            return bad("no detector, or two of the same name".into());
        }
        if ids.len() < self.arms.len() || ids.is_empty() {
            return bad("no arm, or two of the same id".into());
        }
        if self.worst > MOST || self.report.rows > MOST_ROWS {
            return bad(format!(
                "more than {MOST} fresh samples of a prompt, or {MOST_ROWS} rows of pictures"
            ));
        }
        for detector in &self.detectors {
            let calibration = detector.calibration.as_ref();
            if calibration.is_some_and(|c| c.false_hits > c.without || c.misses > c.with) {
                return bad(format!("detector `{}` errs more often than it looked", detector.name));
            }
        }
        self.arms.iter().try_for_each(|arm| self.check_arm(arm, &roles))
    }

    fn check_arm(&self, arm: &Arm, roles: &BTreeSet<Role>) -> Result<()> {
        let bad = |thing: &str| {
            Err(Error::value(format!("arm `{}`: {thing}", arm.id), "make the plan again"))
        };
        let subjects: BTreeSet<_> = arm.subjects.iter().copied().collect();
        let rising = arm.looks.first() > Some(&0) && arm.looks.windows(2).all(|w| w[0] < w[1]);
        if arm.looks.len() != self.looks() || !rising {
            return bad("its looks do not rise, or are not as many as those of the others");
        }
        if arm.looks.last() > Some(&MOST) || arm.runs > MOST_RUNS {
            return bad("more than 1000000 samples of a cell, or 10000 training runs");
        }
        if subjects.is_empty() || subjects.len() < arm.subjects.len() || !subjects.is_subset(roles)
        {
            return bad("its subjects are not those of the plan, each once");
        }
        if arm.prompts.is_empty() || arm.runs == 0 || (arm.runs > 1 && !arm.trained) {
            return bad("no prompt, no run, or several runs without training");
        }
        if arm.trained && arm.after.is_none() {
            if arm.steps.unwrap_or_default() == 0 {
                return bad("it trains for no step");
            }
            if let Err((_, thing, _)) = training::check_planned(&arm.settings) {
                return bad(&thing);
            }
        }
        if [&arm.id, &arm.stream].iter().any(|name| name.is_empty() || name.contains(is_obeyed)) {
            return bad("an empty name, or one that goes over a line");
        }
        let mut others = [&arm.baseline, &arm.after].into_iter().flatten();
        match others.all(|id| self.arm(id).is_some_and(|other| other.id != arm.id)) {
            true => Ok(()),
            false => bad("it refers to an arm that is not there"),
        }
    }
}
