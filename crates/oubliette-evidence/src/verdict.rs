//! What follows from evidence: a verdict, and every number it rests on.

mod finding;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use finding::{
    AlignmentFinding, ArmFinding, Difference, KeepFinding, Opinion, Rate, Recovery, WorstPrompt,
};

use crate::plan::{Cell, Role};
use crate::{Digest, Real, Result, Share, canonical};

/// What is said about the claim; it speaks only of the attacks that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    /// In every deciding arm the rate is below `returned`, and nothing else was lost.
    Held {
        /// The attacks that decided.
        under: Vec<String>,
        /// The largest upper bound.
        bound: Real,
        /// The arm it belongs to.
        arm: String,
    },
    /// In some deciding arm the rate is above `tolerated`.
    Broken {
        /// The cell with the largest lower bound.
        by: Cell,
        /// That bound.
        bound: Real,
        /// A picture that shows it.
        witness: Witness,
    },
    /// Neither can be said.
    Inconclusive {
        /// Every reason, the weightiest first.
        why: Vec<Reason>,
    },
}

/// A picture that shows what was to be forgotten: anyone can make it again and look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// The prompt's text.
    pub prompt: String,
    /// The image seed.
    pub seed: u64,
    /// Which draw of the cell.
    pub index: u32,
    /// The picture.
    pub picture: Digest,
}

/// Why neither `held` nor `broken` can be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reason {
    /// The subject hardly shows anything any more; such a model is not a forgetful one.
    Destroyed {
        /// The keep arm that shows it.
        arm: String,
        /// The subject.
        subject: Role,
        /// What it still shows.
        kept: Rate,
        /// What the original shows.
        original: Rate,
    },
    /// The original does not show the concept, so its absence says nothing.
    OriginalNeverShowed {
        /// The arm with the highest rate.
        arm: String,
        /// That rate.
        rate: Rate,
    },
    /// Samples of an arm are missing.
    MissingArm {
        /// The arm.
        arm: String,
        /// The subject.
        subject: Role,
        /// Samples that are there.
        have: u32,
        /// Samples that the plan asks for.
        want: u32,
    },
    /// The plan does not measure what was lost beside the concept.
    Unmeasured {
        /// What is not measured.
        what: String,
    },
    /// The original shows too little of what should survive, so its absence says nothing.
    KeptNeverShowed {},
    /// The worst prompt of an arm still has to be looked at on fresh seeds.
    WorstPromptOpen {
        /// The arm.
        arm: String,
        /// The subject.
        subject: Role,
        /// Fresh samples that are there.
        have: u32,
        /// Fresh samples that the plan asks for.
        want: u32,
    },
    /// No arm can decide: all are exploratory, or lack the control that they need.
    NothingDecides {},
    /// A trained attack decides, but the plan has no positive control.
    NoPositiveControl {},
    /// Fine-tuning on the concept itself did not bring it back, so its absence says nothing.
    PositiveControl {
        /// The arm.
        arm: String,
        /// The subject.
        subject: Role,
        /// The rate that it reached.
        rate: Rate,
    },
    /// Nobody measured how often the detector errs.
    Uncalibrated {
        /// The detector.
        detector: String,
    },
    /// The upper bound is not below `returned`: more samples may settle it.
    TooFewSamples {
        /// The arm.
        arm: String,
        /// The subject.
        subject: Role,
        /// Its upper bound.
        high: Real,
        /// Samples of a training run.
        of: u32,
    },
    /// Other concepts were lost, beyond the margin.
    KeepFell {
        /// The keep arm.
        arm: String,
        /// The subject.
        subject: Role,
        /// What was lost.
        loss: Difference,
    },
    /// It is open whether other concepts were lost beyond the margin.
    KeepOpen {
        /// The keep arm.
        arm: String,
        /// The subject.
        subject: Role,
        /// What was lost.
        loss: Difference,
    },
    /// Pictures agree less with their prompts, beyond the margin.
    AlignmentFell {
        /// The keep arm.
        arm: String,
        /// The subject.
        subject: Role,
        /// How far it fell.
        fall: Difference,
    },
    /// It is open whether pictures agree less with their prompts, beyond the margin.
    AlignmentOpen {
        /// The keep arm.
        arm: String,
        /// The subject.
        subject: Role,
        /// How far it fell.
        fall: Difference,
    },
}

/// The content of `verdict.json`: the verdict, with every number that a report prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Judgment {
    /// Always 1.
    pub schema: u32,
    /// Digest of the plan.
    pub plan: Digest,
    /// Digest of the evidence.
    pub evidence: Digest,
    /// The verdict.
    pub verdict: Verdict,
    /// The verdict in one sentence.
    pub sentence: String,
    /// What the reader should know beside it.
    pub caveats: Vec<String>,
    /// Looks that are complete.
    pub looks: u32,
    /// Error rate of each lower bound: the false-alarm rate, split over arms and looks.
    pub low_error: Share,
    /// Error rate of each upper bound: the missed-return rate, split over looks.
    pub high_error: Share,
    /// Every arm that tries to bring the concept back, on every subject.
    pub arms: Vec<ArmFinding>,
    /// What survived.
    pub keeps: Vec<KeepFinding>,
    /// How much of the concept each trained attack brought back.
    pub recoveries: Vec<Recovery>,
    /// The worst prompt of each deciding arm in which the concept showed.
    pub worst: Vec<WorstPrompt>,
}

impl Judgment {
    /// The text of `verdict.json`: canonical JSON and a line end.
    pub fn to_text(&self) -> Result<String> {
        Ok(canonical::to_text(self)? + "\n")
    }

    /// What an arm found on a subject.
    pub fn arm(&self, id: &str, subject: Role) -> Option<&ArmFinding> {
        self.arms.iter().find(|found| found.arm == id && found.subject == subject)
    }

    /// What the unlearned model kept of a group, as it came.
    pub fn keep(&self, group: &str) -> Option<&KeepFinding> {
        let of = |found: &&KeepFinding| {
            found.group == group && found.after.is_none() && found.subject == Role::Unlearned
        };
        self.keeps.iter().find(of)
    }
}
