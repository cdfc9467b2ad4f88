//! Group normalisation, with an activation fused behind it.

use std::sync::Arc;

use burn::tensor::{Tensor, activation};

use crate::array::Array;
use crate::buffer::{Parts, scratch, unwritten};
use crate::engine::level::{fma, for_each_level};
use crate::engine::math::{sigmoid, silu_slope};
use crate::engine::reduce::{add_rows_to, squares_around, sum, sum_body, sum_of_products};
use crate::op::{Kernel, apply, takes};
use crate::parallel;

/// What follows a normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// `y * sigmoid(y)`.
    Silu,
}

/// Group normalisation (arXiv 1803.08494) of `x` (n, c, h, w) with `gamma` and `beta` (c), followed by `act`.
///
/// Mean and biased variance are taken over the `c / groups` channels of a group and all its pixels.
///
/// # Panics
/// When `groups` does not divide the channels, or `gamma` or `beta` is not (c).
pub fn group_norm(
    x: Tensor<4>,
    groups: usize,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    eps: f64,
    act: Activation,
) -> Tensor<4> {
    let channels = x.dims()[1];
    assert!(
        groups > 0 && channels.is_multiple_of(groups),
        "group_norm: {channels} channels do not split into {groups} groups"
    );
    assert_eq!(gamma.dims(), [channels], "group_norm: shape of gamma");
    assert_eq!(beta.dims(), [channels], "group_norm: shape of beta");
    if !takes(&x) || !takes(&gamma) || !takes(&beta) {
        return composed(x, groups, gamma, beta, eps, act);
    }
    let inputs = [x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch()];
    Tensor::from_dispatch(apply(GroupNorm { groups, eps: eps as f32, act }, inputs))
}

fn composed(
    x: Tensor<4>,
    groups: usize,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    eps: f64,
    act: Activation,
) -> Tensor<4> {
    let dims @ [n, c, h, w] = x.dims();
    if dims.contains(&0) {
        return x;
    }
    let x = x.reshape([n, groups, c / groups * h * w]);
    let x = x.clone() - x.mean_dim(2);
    let variance = x.clone().powi_scalar(2).mean_dim(2);
    let x = (x / (variance + eps).sqrt()).reshape(dims);
    let y = x * gamma.reshape([1, c, 1, 1]) + beta.reshape([1, c, 1, 1]);
    match act {
        Activation::None => y,
        Activation::Silu => activation::silu(y),
    }
}

/// Inputs: x, gamma, beta.
#[derive(Clone, Debug)]
struct GroupNorm {
    groups: usize,
    eps: f32,
    act: Activation,
}

/// Mean and inverse deviation of each group of each sample.
type Statistics = Arc<Vec<f32>>;

/// A part of the work: whole groups of about this many values.
const TOGETHER: usize = 1 << 13;

impl Kernel<3> for GroupNorm {
    type Saved = Statistics;
    const CHEAP: bool = true;

    fn forward(&self, [x, gamma, beta]: [Array; 3]) -> (Array, Statistics) {
        let layout = Layout::new(&x, self.groups);
        let mut y = unwritten(x.data().len());
        let mut statistics = unwritten(2 * layout.count);
        let saved = Parts::new(&mut statistics);
        parallel::chunks(&mut y, layout.together * layout.len, 4 * x.data().len(), |task, y| {
            for (i, y) in y.chunks_exact_mut(layout.len).enumerate() {
                let group = task * layout.together + i;
                let x = &x.data()[group * layout.len..][..layout.len];
                // SAFETY: each group has its own two values.
                let saved = unsafe { saved.part(2 * group, 2) };
                saved.copy_from_slice(&statistics_of(x, self.eps));
                let channels = layout.channels(group % self.groups);
                let affine = (&gamma.data()[channels.clone()], &beta.data()[channels]);
                normalise(x, (saved[0], saved[1]), affine, self.act == Activation::Silu, y);
            }
        });
        (Array::new(y, x.shape()), Arc::new(statistics))
    }

    fn reads(&self, _: [bool; 3]) -> [bool; 3] {
        [true, true, self.act == Activation::Silu]
    }

    fn backward(
        &self,
        [x, gamma, beta]: [Option<Array>; 3],
        saved: Statistics,
        gradient: Array,
        wanted: [bool; 3],
    ) -> [Option<Array>; 3] {
        let (Some(x), Some(gamma)) = (x, gamma) else { return [None, None, None] };
        let layout = Layout::new(&x, self.groups);
        let [samples, channels, ..] = x.dims::<4>();
        let mut dx = if wanted[0] { unwritten(x.data().len()) } else { Vec::new() };
        // For each sample: the sums for gamma of every channel, then those for beta.
        let mut sums =
            if layout.count == 0 { Vec::new() } else { unwritten(samples * 2 * channels) };
        let (parts, sum_parts) = (Parts::new(&mut dx), Parts::new(&mut sums));
        parallel::tasks(layout.count.div_ceil(layout.together), 8 * x.data().len(), |task| {
            let from = task * layout.together;
            for group in from..layout.count.min(from + layout.together) {
                let start = group * layout.len;
                let range = layout.channels(group % self.groups);
                let (width, at) = (range.len(), group / self.groups * 2 * channels + range.start);
                // SAFETY: each group has its own values of dx and its own channels of its sample.
                let (sums_gamma, sums_beta) =
                    unsafe { (sum_parts.part(at, width), sum_parts.part(at + channels, width)) };
                let group = Group {
                    x: &x.data()[start..][..layout.len],
                    gradient: &gradient.data()[start..][..layout.len],
                    gamma: &gamma.data()[range.clone()],
                    beta: beta.as_ref().map(|beta| &beta.data()[range]),
                    mean: saved[2 * group],
                    scale: saved[2 * group + 1],
                };
                if wanted[0] {
                    // SAFETY: as above.
                    let dx = unsafe { parts.part(start, layout.len) };
                    group_gradient(&group, dx, sums_gamma, sums_beta);
                    input_gradient(&group, dx, sums_gamma, sums_beta);
                } else {
                    scratch(layout.len, |dz| group_gradient(&group, dz, sums_gamma, sums_beta));
                }
            }
        });
        let mut totals = vec![0.0; 2 * channels];
        if channels > 0 {
            add_rows_to(&sums, &mut totals);
        }
        let total = |i: usize| Array::new(totals[i * channels..][..channels].to_vec(), &[channels]);
        [
            wanted[0].then(|| Array::new(dx, x.shape())),
            wanted[1].then(|| total(0)),
            wanted[2].then(|| total(1)),
        ]
    }
}

/// Where groups lie. They are contiguous, sample after sample.
struct Layout {
    /// Groups of all samples; none when they are empty.
    count: usize,
    /// Values of one group.
    len: usize,
    /// Channels of one group.
    width: usize,
    /// Groups of one task.
    together: usize,
}

impl Layout {
    fn new(x: &Array, groups: usize) -> Self {
        let [n, c, h, w] = x.dims();
        let width = c / groups;
        let len = width * h * w;
        let count = if len == 0 { 0 } else { n * groups };
        Self { count, len: len.max(1), width, together: (TOGETHER / len.max(1)).max(1) }
    }

    /// The channels of a sample's group.
    fn channels(&self, group: usize) -> std::ops::Range<usize> {
        group * self.width..(group + 1) * self.width
    }
}

/// Mean and inverse deviation.
fn statistics_of(x: &[f32], eps: f32) -> [f32; 2] {
    let mean = sum(x) / x.len() as f32;
    let variance = squares_around(x, mean) / x.len() as f32;
    [mean, 1.0 / (variance + eps).sqrt()]
}

for_each_level! {
    fn normalise(x: &[f32], statistics: (f32, f32), affine: (&[f32], &[f32]), silu: bool, y: &mut [f32]) = normalise_body
}

#[inline(always)]
fn normalise_body<const FUSED: bool>(
    x: &[f32],
    (mean, scale): (f32, f32),
    (gamma, beta): (&[f32], &[f32]),
    silu: bool,
    y: &mut [f32],
) {
    let pixels = x.len() / gamma.len();
    let channels = x.chunks_exact(pixels).zip(y.chunks_exact_mut(pixels));
    for ((x, y), (gamma, beta)) in channels.zip(gamma.iter().zip(beta)) {
        let slope = scale * gamma;
        if silu {
            for (y, x) in y.iter_mut().zip(x) {
                let z = fma::<FUSED>(x - mean, slope, *beta);
                *y = z * sigmoid::<FUSED>(z);
            }
        } else {
            for (y, x) in y.iter_mut().zip(x) {
                *y = fma::<FUSED>(x - mean, slope, *beta);
            }
        }
    }
}

/// One group in the backward. `beta` is there when a SiLU follows.
struct Group<'a> {
    x: &'a [f32],
    gradient: &'a [f32],
    gamma: &'a [f32],
    beta: Option<&'a [f32]>,
    mean: f32,
    scale: f32,
}

for_each_level! {
    /// The gradient behind the affine map, and its sums for gamma and beta.
    fn group_gradient(group: &Group, dz: &mut [f32], gamma: &mut [f32], beta: &mut [f32]) = group_gradient_body
}

#[inline(always)]
fn group_gradient_body<const FUSED: bool>(
    group: &Group,
    dz: &mut [f32],
    sums_gamma: &mut [f32],
    sums_beta: &mut [f32],
) {
    let pixels = group.x.len() / group.gamma.len();
    for c in 0..group.gamma.len() {
        let (x, gradient) =
            (&group.x[c * pixels..][..pixels], &group.gradient[c * pixels..][..pixels]);
        let dz = &mut dz[c * pixels..][..pixels];
        if let Some(beta) = group.beta {
            let (slope, beta) = (group.scale * group.gamma[c], beta[c]);
            for ((dz, x), gradient) in dz.iter_mut().zip(x).zip(gradient) {
                *dz = gradient * silu_slope::<FUSED>(fma::<FUSED>(x - group.mean, slope, beta));
            }
        } else {
            dz.copy_from_slice(gradient);
        }
        sums_beta[c] = sum_body::<FUSED>(dz);
        sums_gamma[c] = sum_of_products::<FUSED>(dz, x, |x| (x - group.mean) * group.scale);
    }
}

for_each_level! {
    /// Turns the gradient behind the affine map into that of the input, in place.
    fn input_gradient(group: &Group, dz: &mut [f32], gamma: &[f32], beta: &[f32]) = input_gradient_body
}

#[inline(always)]
fn input_gradient_body<const FUSED: bool>(
    group: &Group,
    dz: &mut [f32],
    sums_gamma: &[f32],
    sums_beta: &[f32],
) {
    let (len, pixels) = (group.x.len() as f32, group.x.len() / group.gamma.len());
    let weighted =
        |sums: &[f32]| -> f32 { sums.iter().zip(group.gamma).map(|(s, gamma)| s * gamma).sum() };
    let mean = weighted(sums_beta) / len;
    let slope = weighted(sums_gamma) / len * group.scale;
    let channels = dz.chunks_exact_mut(pixels).zip(group.x.chunks_exact(pixels));
    for ((dz, x), gamma) in channels.zip(group.gamma) {
        for (dz, x) in dz.iter_mut().zip(x) {
            let others = fma::<FUSED>(x - group.mean, slope, mean);
            *dz = group.scale * (gamma * *dz - others);
        }
    }
}
