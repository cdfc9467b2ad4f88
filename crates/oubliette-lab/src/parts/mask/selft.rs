//! Selective fine-tuning: the few weights that matter most to this request may move.

use std::collections::BTreeSet;

use oubliette_evidence::settings::Named;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{
    At, Mask, Select, Stateful, Survey,
    ranking::{self, Ranking},
};
use crate::{Card, Entry, Result, Study, parts::objective::OBJECTIVES};

pub(super) const ENTRY: Entry<dyn Mask> = Entry::of::<Selft>(Card {
    name: "selft",
    what: "Sums the gradients of a loss over many batches before training; the share of weights for which the sum times the weight is \
           largest may move. Each request chooses anew.",
    changes: "the share of the weights that `include` names",
    cost: "`survey` training steps before the first one that moves anything; one number a weight",
    source: "Continual Unlearning for Text-to-Image Diffusion Models (arXiv 2511.07970), SelFT",
    broken_by: "a concept whose weights are everybody's weights",
    differs: "batches of the method's own source, where the release looks at one sampling of 50 DDIM steps; `weighted = false`, which ranks the \
              sum alone, is ours",
    ..Card::BLANK
});

/// The largest products of weight and gradient may move.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Selft {
    /// Named sets, globs, or regular expressions after `re:`, of the weights that are ranked.
    pub include: Vec<String>,
    /// The share of them that may move, above 0 and at most 1.
    pub share: f64,
    /// Batches that are looked at.
    pub survey: u64,
    /// The loss whose gradients count.
    pub loss: Named,
    /// Whether sums are multiplied with the weights.
    pub weighted: bool,
    #[serde(skip)]
    start: Weights,
    #[serde(skip)]
    ranking: Ranking,
}

impl Default for Selft {
    fn default() -> Self {
        Self {
            include: vec!["attn2".to_owned()],
            share: 0.1,
            survey: 50,
            loss: Named { name: "anchor_match".to_owned(), settings: toml::Table::new() },
            weighted: true,
            start: Weights::new(),
            ranking: Ranking::default(),
        }
    }
}

impl Stateful for Selft {
    fn state(&self) -> Weights {
        self.ranking.state()
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.ranking.restore(state)
    }
}

impl Mask for Selft {
    fn check(&self) -> Result<()> {
        OBJECTIVES.named(&self.loss)?;
        ranking::check("selft", self.share, self.survey)
    }

    fn trainable(&self, all: &Weights) -> Result<BTreeSet<String>> {
        Select { include: self.include.clone(), exclude: Vec::new() }.trainable(all)
    }

    fn begin(&mut self, _study: &Study<'_>, start: &Weights) -> Result<()> {
        self.start = start.clone(); // shares the memory
        Ok(())
    }

    fn survey(&self) -> Option<Survey> {
        let loss = OBJECTIVES.named(&self.loss).ok()?; // `trainable` refuses an unknown one
        Some(Survey { steps: self.survey, loss })
    }

    fn observe(&mut self, at: At, gradients: &Weights) -> Result<()> {
        let score = |sums: Weights| if self.weighted { sums.times(&self.start) } else { sums };
        self.ranking.survey(gradients, at.step + 1 >= self.survey, self.share, score);
        Ok(())
    }

    fn movable(&self) -> Option<&Weights> {
        Some(&self.ranking.movable)
    }
}
