//! How much captions still help to denoise held-out pictures.

use serde::{Deserialize, Serialize};

use super::{Mean, Metric, Seen};
use crate::{Card, Entry};

pub(super) const ENTRY: Entry<dyn Metric> = Entry::of::<DenoisingGap>(Card {
    name: "denoising_gap",
    what: "Mean denoising loss of the pictures that the detector was calibrated on under the empty caption, minus that under their captions.",
    source: "the likelihood trace of When Are Concepts Erased From Diffusion Models?, as a difference of losses",
    broken_by: "pictures that the model saw in training; captions that say more than the concept; sets of which few pictures show it, since all of the set count",
    ..Card::BLANK
});

/// How much captions still help to denoise held-out pictures.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DenoisingGap {}

impl Metric for DenoisingGap {
    fn unit(&self) -> &'static str {
        "squared error"
    }

    fn measure(&self, seen: &Seen<'_>) -> Option<Mean> {
        seen.denoising
            .map(|losses| Mean { value: losses.empty - losses.captioned, count: losses.count })
    }
}
