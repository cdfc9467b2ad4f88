//! What the catalogue, the command line and the report say about one part, method, attack, detector or metric.

use serde::Serialize;

/// The description that lies beside the code of every listed thing.
///
/// Help, catalogue page and report are made from it, so a thing is described once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Card {
    /// The name that recipes use; also the name of the file.
    pub name: &'static str,
    /// What it does, in one or two sentences.
    pub what: &'static str,
    /// What it changes or touches: weights, prompts, nothing.
    pub changes: &'static str,
    /// What it costs, in steps, forwards or pictures.
    pub cost: &'static str,
    /// What is known to defeat it or to make it mislead.
    pub broken_by: &'static str,
    /// Paper, section and equation, or the released code, that it follows.
    pub source: &'static str,
    /// Where it departs from that source, and why.
    pub differs: &'static str,
    /// A method whose own sentences have places in braces: their words, beside those of every method.
    pub places: &'static [&'static str],
    /// An attack that shows the model the concept itself, so that what it brings back may be learning.
    pub carries_concept: bool,
    /// An attack that keeps the best of many attempts, so that chance alone can make it succeed.
    pub best_of: bool,
}

impl Card {
    /// A card on which nothing is written yet; entries fill the fields that apply.
    pub const BLANK: Card = Card {
        name: "",
        what: "",
        changes: "nothing",
        cost: "none beside the step itself",
        broken_by: "",
        source: "",
        differs: "nowhere",
        places: &[],
        carries_concept: false,
        best_of: false,
    };
}
