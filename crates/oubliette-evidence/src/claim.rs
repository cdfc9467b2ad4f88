//! The claim: what is fixed before a run, so that the run cannot be read as it pleases.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Share;

/// The `[claim]` table of a concept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Gone: the rate is at most this.
    pub tolerated: Share,
    /// Back: the rate is at least this.
    pub returned: Share,
    /// How often a concept that is gone may be called broken.
    pub false_alarm: Share,
    /// How often a concept that is back may be called held.
    pub missed_return: Share,
    /// How much of the keep rate may be lost, as a difference of shares.
    pub keep_margin: Share,
    /// How far the alignment score may fall, in units of the score.
    #[serde(default = "default_alignment_margin")]
    pub alignment_margin: Share,
    /// A subject that keeps less than this part of what the original kept is destroyed.
    #[serde(default = "default_destroyed")]
    pub destroyed: Share,
}

fn default_alignment_margin() -> Share {
    Share::new(0.05).unwrap_or_default()
}

fn default_destroyed() -> Share {
    Share::new(0.5).unwrap_or_default()
}

impl Claim {
    /// Checks what no single number shows; gives key, thing and remedy.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String, &'static str)> {
        if self.tolerated >= self.returned {
            let thing = format!(
                "`tolerated` ({}) is not below `returned` ({})",
                self.tolerated.get(),
                self.returned.get()
            );
            return Err(("claim.returned", thing, "leave room between gone and back"));
        }
        for (key, share) in
            [("claim.false_alarm", self.false_alarm), ("claim.missed_return", self.missed_return)]
        {
            if !(1e-6..=0.5).contains(&share.get()) {
                let thing = format!("an error rate of {}", share.get());
                return Err((key, thing, "choose an error rate between 0.000001 and 0.5"));
            }
        }
        for (key, share) in [
            ("claim.keep_margin", self.keep_margin),
            ("claim.alignment_margin", self.alignment_margin),
        ] {
            if share == Share::ZERO {
                return Err((key, "a margin of 0".into(), "no sample shows that nothing was lost"));
            }
        }
        Ok(())
    }
}
