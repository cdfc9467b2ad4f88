//! The words around a concept's name, as the text encoder reads them with the name and with another in its place.

use oubliette_evidence::Concept;

use crate::{
    Result,
    editing::{Pair, Reader},
    wording,
};

/// Every token of the prompts but the name's own, beside the same token with `other` in the name's place: the words around a
/// name know of it by what the text encoder mixed into them. Tokens before the name, and those behind it, are paired in order.
///
/// # Errors
/// When a prompt cannot be tokenised.
pub(super) fn read(
    reader: &Reader<'_>,
    concepts: &[Concept],
    prompts: &[String],
    other: &str,
) -> Result<Vec<Pair>> {
    let tokenizer = &reader.study.sd.tokenizer;
    let mut all = Vec::new();
    for prompt in prompts {
        let Some((_, name)) = wording::named(concepts, prompt) else { continue };
        let instead = wording::replace(prompt, name, other);
        let places = (tokenizer.positions(prompt, name)?, tokenizer.positions(&instead, other)?);
        let (Some(here), Some(there)) = (places.0.first(), places.1.first()) else { continue };
        let (with, without) = (reader.whole(prompt)?, reader.whole(&instead)?);
        let pair = |(from, to): (&Vec<f64>, &Vec<f64>)| Pair { from: from.clone(), to: to.clone() };
        let before = with[..here.start].iter().zip(&without[..there.start]);
        let behind = with[here.end..].iter().zip(&without[there.end..]);
        all.extend(before.chain(behind).map(pair));
    }
    Ok(all)
}
