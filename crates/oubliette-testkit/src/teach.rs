//! The positive control of known subjects: training on pictures that name the concept.

use std::path::PathBuf;

use oubliette_evidence::plan::{Arm, ArmKind, Standing};
use oubliette_lab::{
    Card, Result,
    attacks::{Attack, Brief, arm},
    subject::{Bench, Subject},
    tuning::Tuning,
};
use serde::{Deserialize, Serialize};

/// Shows the subject the concept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Teach {
    /// Captioned pictures of the concept.
    pub data: PathBuf,
}

impl Attack for Teach {
    fn arms(&self, brief: &Brief<'_>) -> Result<Vec<Arm>> {
        let card = Card { name: "teach", carries_concept: true, ..Card::BLANK };
        let prompts = brief.prompts.to_vec();
        let questions = brief.roles.iter().copied().filter(|role| role.is_question()).collect();
        Ok(vec![Arm {
            kind: ArmKind::Positive,
            standing: Standing::Exploratory,
            trained: true,
            series: Some("teach".to_owned()),
            steps: Some(100),
            subjects: questions,
            ..arm(&card, "teach@100".to_owned(), Default::default(), prompts, brief)
        }])
    }

    fn prepare(
        &self,
        _arm: &Arm,
        subject: &dyn Subject,
        seed: u64,
        bench: &mut Bench<'_>,
    ) -> Result<Option<Box<dyn Subject>>> {
        let data = bench.base.join(&self.data);
        subject.tuned(&Tuning::default(), &data, 100, seed, bench).map(Some)
    }
}
