//! An adapter of low rank that a training moves in the place of weights (LoRA, arXiv 2106.09685).

use std::collections::BTreeSet;

use oubliette_model::{
    Weights,
    lora::{Init, Lora, MAX_RANK},
};
use rand::Rng as _;
use serde::{Deserialize, Serialize};

use super::Train;
use crate::{Error, Result, lot::Lot};

/// The largest factor before an adapter's change that anybody means.
const MOST_SCALE: f64 = 1000.0;

/// How large the adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LowRank {
    /// Rank of the change of every layer.
    pub rank: usize,
    /// What the change is multiplied with, times the rank; 0: the rank.
    pub alpha: f64,
}

impl Default for LowRank {
    fn default() -> Self {
        Self { rank: 4, alpha: 0.0 }
    }
}

impl LowRank {
    /// A fresh adapter, which changes nothing yet, over the layers among `names` that adapters are made for, those of denoiser and text encoder; vectors
    /// and tables of embeddings are left out.
    ///
    /// # Errors
    /// When no name is one of a layer, or the rank is zero or absurd.
    pub fn over(&self, base: &Weights, names: &BTreeSet<String>, lot: &Lot) -> Result<Lora> {
        let alpha = if self.alpha > 0.0 { self.alpha } else { self.rank as f64 };
        let seed = lot.child("adapter").rng().random();
        let adapts =
            |name: &&String| ["unet/", "text_encoder/"].iter().any(|part| name.starts_with(part));
        let names = names.iter().filter(adapts).cloned().collect();
        Ok(Lora::new(base, &names, self.rank, alpha, Init::Kaiming, seed)?)
    }

    /// Refuses a stage whose parts look at weights that an adapter has not.
    pub(super) fn check(&self, stage: &Train) -> Result<()> {
        let most = MOST_SCALE * self.rank as f64;
        if !(1..=MAX_RANK).contains(&self.rank) || !(0.0..=most).contains(&self.alpha) {
            let thing = format!("`lora` has rank {} and alpha {}", self.rank, self.alpha);
            let remedy = format!(
                "give a rank of 1 to {MAX_RANK} and an alpha of 0 to {MOST_SCALE} times the rank"
            );
            return Err(Error::in_method(&thing, &remedy));
        }
        if !stage.mask.is_of_layers() {
            return Err(Error::in_method(
                "`lora` trains layers as a whole, and the mask chooses among their elements",
                "use the mask `select` or `none`, or leave `lora` out",
            ));
        }
        if stage.losses().any(|loss| loss.objective.looks_at_moves()) {
            return Err(Error::in_method(
                "a loss looks at how far the model's own weights have moved, and with `lora` they do not move",
                "leave that loss out, or leave `lora` out",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        parts::{
            mask::{Dynamic, Select},
            objective::{GuidanceReversal, L2Sp},
            source::Prompts,
        },
        training::Weighted,
    };

    fn stage() -> Train {
        Train {
            forget: vec![Weighted::one(GuidanceReversal::default())],
            source: Box::new(Prompts::new(vec!["a cat".to_owned()], 1, 1)),
            mask: Box::new(Select::of(&["unet"])),
            lora: Some(LowRank::default()),
            steps: 1,
            ..Train::named("test")
        }
    }

    #[test]
    fn what_looks_at_single_weights_is_refused() {
        stage().check().unwrap();
        let sized = |rank, alpha| Train { lora: Some(LowRank { rank, alpha }), ..stage() };
        for (train, says) in [
            (Train { mask: Box::new(Dynamic::default()), ..stage() }, "among their elements"),
            (Train { retain: vec![Weighted::one(L2Sp::default())], ..stage() }, "have moved"),
            (sized(0, 0.0), "rank 0"),
            (sized(5000, 0.0), "1 to 4096"),
            (sized(4, -1.0), "alpha -1"),
            (sized(4, f64::NAN), "alpha NaN"),
            (sized(4, 1e10), "1000 times the rank"),
        ] {
            let refused = train.check().unwrap_err().to_string();
            assert!(refused.contains(says) && refused.contains("; "), "{says}: {refused}");
        }
    }
}
