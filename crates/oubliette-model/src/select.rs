//! Choosing weights by name: globs, regular expressions and named sets over qualified names.

use std::collections::BTreeSet;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::weights::Weights;

/// A named set of weights: what `include` matches without what `exclude` matches.
#[derive(Clone, Copy, Debug)]
pub struct NamedSet {
    /// The name that users type.
    pub name: &'static str,
    /// One sentence for lists.
    pub about: &'static str,
    include: &'static str,
    exclude: Option<&'static str>,
}

/// The named sets, in the order of their names.
pub const NAMED_SETS: &[NamedSet] = &[
    NamedSet { name: "all", about: "every weight of every component", include: "*", exclude: None },
    NamedSet {
        name: "all-but-attn2",
        about: "the denoiser without its cross-attention",
        include: "unet/*",
        exclude: Some("*.attn2.*"),
    },
    NamedSet {
        name: "attn1",
        about: "the denoiser's self-attention",
        include: "unet/*.attn1.*",
        exclude: None,
    },
    NamedSet {
        name: "attn2",
        about: "the denoiser's cross-attention",
        include: "unet/*.attn2.*",
        exclude: None,
    },
    NamedSet {
        name: "attn2-kv",
        about: "keys and values of the denoiser's cross-attention",
        include: r"re:^unet/.*\.attn2\.to_[kv]\.",
        exclude: None,
    },
    NamedSet {
        name: "text_encoder",
        about: "the text encoder",
        include: "text_encoder/*",
        exclude: None,
    },
    NamedSet { name: "unet", about: "the denoiser", include: "unet/*", exclude: None },
    NamedSet { name: "vae", about: "the autoencoder", include: "vae/*", exclude: None },
];

/// Which weights are meant: all that some `include` pattern matches and no `exclude` pattern does.
///
/// A pattern is the name of a [set](NAMED_SETS), a glob over the whole qualified name (`*` stands
/// for any characters, dots and slashes too; `?` for one), or a regular expression after `re:`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// Patterns of the weights that are meant.
    pub include: Vec<String>,
    /// Patterns of the weights that are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

impl Select {
    /// One pattern or named set.
    pub fn one(pattern: impl Into<String>) -> Self {
        Self { include: vec![pattern.into()], exclude: Vec::new() }
    }

    /// The names of `weights` that are meant.
    ///
    /// # Errors
    /// A pattern is malformed, an `include` pattern matches nothing, or nothing is left.
    pub fn names(&self, weights: &Weights) -> Result<BTreeSet<String>> {
        let mut chosen = BTreeSet::new();
        for pattern in &self.include {
            let matcher = Matcher::new(pattern)?;
            let before = chosen.len();
            chosen.extend(weights.names().filter(|name| matcher.matches(name)).map(str::to_owned));
            if chosen.len() == before && !weights.names().any(|name| matcher.matches(name)) {
                return Err(nothing(pattern));
            }
        }
        for pattern in &self.exclude {
            let matcher = Matcher::new(pattern)?;
            chosen.retain(|name| !matcher.matches(name));
        }
        if chosen.is_empty() { Err(nothing(&self.include.join(", "))) } else { Ok(chosen) }
    }
}

fn nothing(pattern: &str) -> Error {
    let sets: Vec<_> = NAMED_SETS.iter().map(|set| set.name).collect();
    Error::Pattern {
        pattern: pattern.to_owned(),
        why: "selects no weight of this model".to_owned(),
        remedy: format!(
            "names look like `unet/mid_block.attentions.0.proj_in.weight`; named sets: {}",
            sets.join(", ")
        ),
    }
}

struct Matcher {
    include: Regex,
    exclude: Option<Regex>,
}

impl Matcher {
    fn new(pattern: &str) -> Result<Self> {
        let set = NAMED_SETS.iter().find(|set| set.name == pattern);
        let include = compile(set.map_or(pattern, |set| set.include))?;
        let exclude = set.and_then(|set| set.exclude).map(compile).transpose()?;
        Ok(Self { include, exclude })
    }

    fn matches(&self, name: &str) -> bool {
        self.include.is_match(name) && !self.exclude.as_ref().is_some_and(|not| not.is_match(name))
    }
}

fn compile(pattern: &str) -> Result<Regex> {
    let source = match pattern.strip_prefix("re:") {
        Some(regex) => regex.to_owned(),
        None => format!("^{}$", regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")),
    };
    Regex::new(&source).map_err(|source| Error::Pattern {
        pattern: pattern.to_owned(),
        why: format!("is not a regular expression ({source})"),
        remedy: "correct it, or write a glob without `re:`".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;
    use crate::weights::Weight;

    const NAMES: [&str; 5] = [
        "text_encoder/text_model.final_layer_norm.bias",
        "unet/conv_in.weight",
        "unet/mid_block.attentions.0.transformer_blocks.0.attn1.to_k.weight",
        "unet/mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight",
        "unet/mid_block.attentions.0.transformer_blocks.0.attn2.to_q.weight",
    ];

    fn chosen(include: &[&str], exclude: &[&str]) -> Result<Vec<usize>> {
        let weight = Weight::new(Tensor::<1>::zeros([1], &Device::flex()));
        let weights = NAMES.iter().map(|name| ((*name).to_owned(), weight.clone())).collect();
        let own = |list: &[&str]| list.iter().map(|pattern| (*pattern).to_owned()).collect();
        let names = Select { include: own(include), exclude: own(exclude) }.names(&weights)?;
        let place = |name: &String| NAMES.iter().position(|other| other == name).unwrap();
        Ok(names.iter().map(place).collect())
    }

    #[test]
    fn sets_globs_and_expressions() {
        assert_eq!(chosen(&["attn2"], &[]).unwrap(), [3, 4]);
        assert_eq!(chosen(&["attn2-kv"], &[]).unwrap(), [3]);
        assert_eq!(chosen(&["all-but-attn2"], &[]).unwrap(), [1, 2]);
        assert_eq!(chosen(&["text_encoder", "unet/conv_*"], &[]).unwrap(), [0, 1]);
        assert_eq!(chosen(&["unet"], &["*.to_?.weight"]).unwrap(), [1]);
        assert_eq!(chosen(&["re:to_[kq]"], &["attn1"]).unwrap(), [3, 4]);
    }

    #[test]
    fn a_pattern_without_a_weight_is_a_mistake() {
        for (include, exclude) in [(&["atn2"], &[][..]), (&["unet"], &["*"]), (&["re:("], &[])] {
            assert!(matches!(chosen(include, exclude), Err(Error::Pattern { .. })));
        }
    }

    #[test]
    fn the_sets_are_in_order() {
        assert!(NAMED_SETS.is_sorted_by_key(|set| set.name));
    }
}
