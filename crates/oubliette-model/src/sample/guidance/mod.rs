//! Guidance policies: how the predictions of one denoising call become one. A model's folder may carry one, and then
//! every picture of that model is sampled by it.

mod file;
mod safe_latent;

pub use file::{GUIDANCE_FILE, GuidanceFile};
pub use safe_latent::{Momentum, SafeLatent};

pub(crate) use file::read;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Request;

/// The longest text of a policy, in bytes; how much of it the text encoder reads is checked besides.
const LONGEST_TEXT: usize = 4096;

/// A policy. It changes no weight: a program that does not follow it samples the model as if it were not there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Guidance {
    /// Guidance leads away from a text, beside whatever a request itself leads away from.
    Negative(Negative),
    /// Guidance is corrected, number by number of the latents, where it leads towards a text.
    SafeLatent(SafeLatent),
}

/// The text that stands in the unconditional place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Negative {
    /// What guidance leads away from.
    pub text: String,
}

impl Guidance {
    /// The text that pictures are led away from.
    pub fn text(&self) -> &str {
        match self {
            Self::Negative(policy) => &policy.text,
            Self::SafeLatent(policy) => &policy.text,
        }
    }

    /// The value that cannot be used, if there is one: its key, what is wrong, and what it must be.
    pub fn fault(&self) -> Option<(&'static str, String, &'static str)> {
        let text = self.text();
        let wanted = "give one line of 1 to 4096 bytes";
        if text.trim().is_empty() {
            return Some(("text", "is empty".to_owned(), wanted));
        }
        if text.len() > LONGEST_TEXT || text.contains(char::is_control) {
            return Some(("text", format!("is `{:.40}`…", text.escape_debug()), wanted));
        }
        match self {
            Self::Negative(_) => None,
            Self::SafeLatent(policy) => policy.fault(),
        }
    }
}

/// The texts that a picture is predicted under: the prompt alone, where nothing guides; else what guidance leads away
/// from and the prompt; and third, where a policy corrects guidance, the policy's text.
pub(super) fn texts(policy: Option<&Guidance>, request: &Request) -> Vec<String> {
    let (negative, prompt) = (request.negative.clone(), request.prompt.clone());
    match policy {
        Some(Guidance::SafeLatent(policy)) => vec![negative, prompt, policy.text.clone()],
        // Classifier-free guidance at 1 is the prompt's own prediction.
        _ if request.guidance == 1.0 => vec![prompt],
        Some(Guidance::Negative(policy)) => vec![policy.beside(&negative), prompt],
        None => vec![negative, prompt],
    }
}

impl Negative {
    /// The policy's text comes first: what does not fit the text encoder is cut off the end.
    fn beside(&self, negative: &str) -> String {
        match negative {
            "" => self.text.clone(),
            negative => format!("{}, {negative}", self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_stands_beside_what_a_request_asks_for() {
        let policy = Guidance::Negative(Negative { text: "fox".into() });
        let asked = |negative: &str, guidance| Request {
            prompt: "a hill".into(),
            negative: negative.into(),
            guidance,
            ..Request::default()
        };
        assert_eq!(texts(None, &asked("", 2.0)), ["", "a hill"]);
        assert_eq!(texts(Some(&policy), &asked("", 2.0)), ["fox", "a hill"]);
        assert_eq!(texts(Some(&policy), &asked("rain", 2.0)), ["fox, rain", "a hill"]);
        assert_eq!(texts(Some(&policy), &asked("rain", 1.0)), ["a hill"]);
        let safe = Guidance::SafeLatent(SafeLatent { text: "fox".into(), ..SafeLatent::IDLE });
        assert_eq!(texts(Some(&safe), &asked("rain", 1.0)), ["rain", "a hill", "fox"]);
    }

    #[test]
    fn values_that_mean_nothing_are_faults() {
        let fault = |policy: SafeLatent| Guidance::SafeLatent(policy).fault().map(|(key, ..)| key);
        let whole = SafeLatent { text: "fox".into(), ..SafeLatent::IDLE };
        assert_eq!(fault(whole.clone()), None);
        assert_eq!(fault(SafeLatent { text: " ".into(), ..whole.clone() }), Some("text"));
        assert_eq!(fault(SafeLatent { text: "a\nb".into(), ..whole.clone() }), Some("text"));
        assert_eq!(fault(SafeLatent { warmup: 1001, ..whole.clone() }), Some("warmup"));
        assert_eq!(fault(SafeLatent { scale: f64::NAN, ..whole.clone() }), Some("scale"));
        assert_eq!(
            fault(SafeLatent { threshold: f64::INFINITY, ..whole.clone() }),
            Some("threshold")
        );
        assert_eq!(
            fault(SafeLatent { momentum_scale: 1.1, ..whole.clone() }),
            Some("momentum_scale")
        );
        assert_eq!(fault(SafeLatent { momentum_beta: 1.0, ..whole }), Some("momentum_beta"));
    }
}
