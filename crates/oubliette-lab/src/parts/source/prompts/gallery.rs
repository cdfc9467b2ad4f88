//! The pictures that were drawn, by their numbers.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Tensor;
use oubliette_model::{Weight, Weights, families::StableDiffusion};

use crate::{encoded::Encoded, geometry, lot::Rng};

/// What is kept of one picture.
#[derive(Debug, Clone)]
pub(super) enum Picture {
    /// The latents that were drawn, (1, channels, height, width).
    Drawn(Box<Tensor<4>>),
    /// What they became as a picture.
    Encoded(Box<Encoded>),
}

impl Picture {
    /// Its tensors, with what follows their number in their names.
    fn parts(&self) -> Vec<(&'static str, &Tensor<4>)> {
        match self {
            Self::Drawn(latents) => vec![("", latents)],
            Self::Encoded(known) => {
                vec![(".mean", &known.mean), (".deviation", &known.deviation)]
            }
        }
    }
}

/// Pictures by their numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Gallery(BTreeMap<usize, Picture>);

impl Gallery {
    /// One picture.
    pub(super) fn one(number: usize, picture: Picture) -> Self {
        Self(BTreeMap::from([(number, picture)]))
    }

    /// The pictures that [`Gallery::named`] made tensors of; one of which a tensor is missing is none.
    pub(super) fn of(named: &Weights) -> Self {
        let number = |name: &str| name.strip_prefix("drawn.")?.split('.').next()?.parse().ok();
        let numbers: BTreeSet<usize> = named.names().filter_map(number).collect();
        let picture = |number| Some((number, picture(named, number)?));
        Self(numbers.into_iter().filter_map(picture).collect())
    }

    /// All tensors by their names.
    pub(super) fn named(&self) -> Weights {
        let tensors = self.0.iter().flat_map(|(&number, picture)| {
            let named = move |(part, tensor): (_, &Tensor<4>)| {
                (name(number, part), Weight::new(tensor.clone()))
            };
            picture.parts().into_iter().map(named)
        });
        tensors.collect()
    }

    /// Whether a picture is there.
    pub(super) fn has(&self, number: usize) -> bool {
        self.0.contains_key(&number)
    }

    /// Whether there is this picture and no other, of the model's size.
    pub(super) fn is_only(&self, number: usize, sd: &StableDiffusion) -> bool {
        let [channels, height, width] = geometry::latents(sd);
        let fits = |(_, part): (_, &Tensor<4>)| part.dims() == [1, channels, height, width];
        self.0.len() == 1
            && self.0.get(&number).is_some_and(|one| one.parts().into_iter().all(fits))
    }

    /// Adds pictures.
    pub(super) fn add(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The latents of a picture: those that were drawn, or a draw from those that it stands for.
    pub(super) fn latents(
        &self,
        number: usize,
        sd: &StableDiffusion,
        rng: &mut Rng,
    ) -> Option<Tensor<4>> {
        Some(match self.0.get(&number)? {
            Picture::Drawn(latents) => *latents.clone(),
            Picture::Encoded(encoded) => encoded.latents(sd, rng),
        })
    }
}

fn name(number: usize, part: &str) -> String {
    format!("drawn.{number:06}{part}")
}

fn picture(named: &Weights, number: usize) -> Option<Picture> {
    let part = |part| Some(named.get(&name(number, part))?.tensor());
    let encoded = || Some(Encoded { mean: part(".mean")?, deviation: part(".deviation")? });
    let drawn = part("").map(|latents| Picture::Drawn(Box::new(latents)));
    drawn.or_else(|| encoded().map(|known| Picture::Encoded(Box::new(known))))
}
