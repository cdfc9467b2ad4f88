//! Which texts SPEED edits and which it retains.

use oubliette_evidence::{Concept, concept::Kind};
use rand_distr::{Distribution as _, StandardNormal};

use super::{Retained, Speed};
use crate::{
    Result,
    editing::{Pair, Reader, usual_guide, within},
    lot::Lot,
    wording,
};

impl Speed {
    /// The embeddings that are edited, text by text.
    pub(super) fn edits(
        &self,
        reader: &Reader<'_>,
        concepts: &[Concept],
    ) -> Result<Vec<Vec<Pair>>> {
        let mut edits = Vec::new();
        for concept in concepts {
            let guides = within(&self.phrases, &self.guide_of(concept.kind));
            for name in &concept.names {
                for (text, guide) in within(&self.phrases, name).iter().zip(&guides) {
                    edits.push(reader.pairs(text, guide)?);
                }
            }
        }
        Ok(edits)
    }

    fn guide_of(&self, kind: Kind) -> String {
        let usual = if kind == Kind::Person { "person" } else { usual_guide(kind) };
        self.guide.clone().unwrap_or_else(|| usual.to_owned())
    }

    /// The embeddings that are retained; those of the empty text's tokens after the start where no text is.
    pub(super) fn retained(
        &self,
        reader: &Reader<'_>,
        concepts: &[Concept],
    ) -> Result<Vec<Vec<f64>>> {
        let mut kept = Vec::new();
        for text in self.kept(concepts).iter().flat_map(|text| within(&self.phrases, text)) {
            kept.extend(reader.embeddings(&text)?);
        }
        if kept.is_empty() {
            kept = reader.whole("")?.split_off(1);
        }
        Ok(kept)
    }

    /// The retained texts; one that names a concept would hold fast what is to go.
    fn kept(&self, concepts: &[Concept]) -> Vec<String> {
        let own = || concepts.iter().flat_map(|concept| concept.keep.clone()).collect();
        let mut texts: Vec<String> =
            if self.preserve.is_empty() { own() } else { self.preserve.clone() };
        texts.retain(|text| !wording::names_any(concepts, text));
        texts
    }
}

/// Draws the neighbours of every embedding.
pub(super) fn noised(retained: &[Vec<f64>], augment: u32, lot: Lot) -> Vec<Retained> {
    let one = |(number, embedding): (u64, &Vec<f64>)| {
        let drawn = StandardNormal.sample_iter(lot.nth(number).rng());
        Retained { embedding: embedding.clone(), noise: drawn.take(augment as usize).collect() }
    };
    (0..).zip(retained).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_follow_from_the_lot_and_from_nothing_before_them() {
        let embeddings = [vec![1.0], vec![2.0]];
        let drawn = noised(&embeddings, 500, Lot::new(3));
        assert_eq!(drawn, noised(&embeddings, 500, Lot::new(3)));
        assert_ne!(drawn[0].noise, drawn[1].noise);
        assert_ne!(drawn, noised(&embeddings, 500, Lot::new(4)));
        assert_eq!(drawn[0].noise[..7], noised(&embeddings, 7, Lot::new(3))[0].noise);
        let square: f64 = drawn[0].noise.iter().map(|g| g * g).sum();
        assert!((square / 500.0 - 1.0).abs() < 0.2, "{square}");
    }
}
