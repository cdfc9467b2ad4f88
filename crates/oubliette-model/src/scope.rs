//! A view of the weights below one prefix, with the layers that networks are built from.

use std::fmt::{self, Display};

use burn::tensor::{Int, Tensor};
use oubliette_kernels::{self as kernels, Activation, Dense, Gate};

use crate::attached::{self, ATTACHED, InForce};
use crate::networks::Watched;
use crate::weights::{Weight, Weights};

/// The weights whose names begin with one prefix.
///
/// Asking for a weight that is not there panics: a folder's weights are compared with the network's
/// [shapes](crate::networks::Shapes) when it is loaded, so a missing one is a mistake in a network.
#[derive(Clone)]
pub struct Scope<'a> {
    weights: &'a Weights,
    prefix: String,
    watched: Option<&'a Watched>,
    attached: Option<InForce<'a>>,
    recompute: bool,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(weights: &'a Weights, prefix: String) -> Self {
        Self { weights, prefix, watched: None, attached: None, recompute: false }
    }

    /// The same weights, with what passes through watched.
    pub(crate) fn watched(self, watched: &'a Watched) -> Self {
        Self { watched: Some(watched), ..self }
    }

    /// The same weights, with what is attached beside them in force.
    pub(crate) fn with_attached(self, force: InForce<'a>) -> Self {
        Self { attached: Some(force), ..self }
    }

    /// The same weights, where blocks are computed again in the backward.
    pub(crate) fn recomputing(self, recompute: bool) -> Self {
        Self { recompute, ..self }
    }

    /// Names without the prefix and weights of all that lies here, and the prefix, where blocks are computed again.
    ///
    /// What is watched is not: it would be seen twice. Nor is anything while attached weights are in force.
    pub(crate) fn block(&self) -> Option<(String, Vec<(String, Weight)>)> {
        if !self.recompute || self.watched.is_some() || self.attached.is_some() {
            return None;
        }
        let here = self.weights.beginning(&self.prefix);
        let here = here.map(|(name, weight)| (name.clone(), weight.clone())).collect();
        Some((self.prefix.clone(), here))
    }

    /// What is attached here under that name, where it is in force.
    pub(crate) fn attached(&self, name: &str) -> Option<&'a Weight> {
        let place = self.attached.and(self.prefix.split_once('/'))?.1;
        self.weights.get(&format!("{ATTACHED}/{place}{name}"))
    }

    /// Everything that is attached here under names that begin so, where it is in force, with the rest of the names.
    pub(crate) fn all_attached(&self, begin: &str) -> Vec<(&'a str, &'a Weight)> {
        let Some((_, place)) = self.attached.and(self.prefix.split_once('/')) else {
            return Vec::new();
        };
        let prefix = format!("{ATTACHED}/{place}{begin}");
        let all = self.weights.beginning(&prefix);
        all.map(|(name, weight)| (&name[prefix.len()..], weight)).collect()
    }

    /// Who watches, where somebody does.
    pub(crate) fn watcher(&self) -> Option<&'a Watched> {
        self.watched
    }

    /// The weights below `name`, which is joined with a dot.
    pub fn at(&self, name: impl Display) -> Scope<'a> {
        let prefix = format!("{}{name}.", self.prefix);
        Scope { prefix, ..*self }
    }

    /// The weight `name` of this scope.
    pub fn get(&self, name: &str) -> Option<&'a Weight> {
        self.weights.get(&format!("{}{name}", self.prefix))
    }

    /// The weight `name` of this scope as a tensor with `D` axes.
    ///
    /// # Panics
    /// When it is missing or has another rank.
    pub fn tensor<const D: usize>(&self, name: &str) -> Tensor<D> {
        match self.get(name) {
            Some(weight) => weight.tensor(),
            None => unreachable!("weights are checked when loaded, but `{self}{name}` is missing"),
        }
    }

    fn bias(&self) -> Option<Tensor<1>> {
        self.get("bias").map(Weight::tensor)
    }

    /// `x W^T + b` over the last axis, with `weight` (out, in) and `bias` (out) where there is one.
    ///
    /// A 1x1 convolution's weight (out, in, 1, 1) is taken as well. Adapters that are attached to the layer are added.
    pub fn linear<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let weight = match self.get("weight").map(Weight::shape) {
            Some(&[out, inner, 1, 1]) => self.tensor::<4>("weight").reshape([out, inner]),
            _ => self.tensor::<2>("weight"),
        };
        match self.attached {
            None => kernels::linear(x, weight, self.bias()),
            Some(force) => {
                let y = kernels::linear(x.clone(), weight, self.bias());
                attached::adapted(self, x, y, force)
            }
        }
    }

    /// The linear map `up`, a gated unit, the linear map `down`: (batch, tokens, in) to (batch, tokens, out).
    pub fn feed_forward(&self, x: Tensor<3>, up: &str, down: &str, gate: Gate) -> Tensor<3> {
        let (up, down) = (self.at(up), self.at(down));
        if self.attached.is_some() {
            // Adapters are added to what lies between the maps.
            return down.linear(kernels::gated(up.linear(x), gate));
        }
        let dense = |at: Scope<'_>| Dense { weight: at.tensor("weight"), bias: at.bias() };
        kernels::feed_forward(x, dense(up), dense(down), gate)
    }

    /// Convolution of `x` (batch, in, height, width) with `weight` (out, in, k, k), padded by
    /// `(before, after)` zeros on both axes.
    pub fn conv2d(&self, x: Tensor<4>, stride: usize, padding: (usize, usize)) -> Tensor<4> {
        kernels::conv2d(x, self.tensor("weight"), self.bias(), stride, padding)
    }

    /// Group normalisation over the channels of `x` (batch, channels, height, width), then `act`.
    pub fn group_norm(&self, x: Tensor<4>, groups: usize, eps: f64, act: Activation) -> Tensor<4> {
        kernels::group_norm(x, groups, self.tensor("weight"), self.tensor("bias"), eps, act)
    }

    /// Layer normalisation over the last axis.
    pub fn layer_norm<const D: usize>(&self, x: Tensor<D>, eps: f64) -> Tensor<D> {
        kernels::layer_norm(x, self.tensor("weight"), self.tensor("bias"), eps)
    }

    /// Rows of `weight` (entries, width) by number: `ids` (batch, tokens) to (batch, tokens, width).
    pub fn embedding(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let table = self.tensor::<2>("weight");
        let ([batch, tokens], [_, width]) = (ids.dims(), table.dims());
        table.select(0, ids.reshape([batch * tokens])).reshape([batch, tokens, width])
    }
}

impl Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prefix)
    }
}
