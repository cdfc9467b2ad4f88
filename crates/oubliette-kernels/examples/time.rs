//! Times each kernel against the same operation composed of burn's: `cargo run --release --example time [FILTER]`.
//!
//! The two are run in turn, and the fastest of several runs counts, so that other load on the machine spoils
//! neither. Forward and backward are timed apart.

#![allow(clippy::print_stdout, reason = "printing is what this program does")]

use std::time::Instant;

use burn::tensor::{Device, Distribution, Int, Tensor};
use oubliette_kernels::*;

/// An operation of leaves kept with four axes.
type Operation = Box<dyn Fn(&[Tensor<4>]) -> Tensor<1>>;

/// What is timed: operations of one floating-point type, and how many of them there are.
struct Case {
    name: String,
    flops: f64,
    shapes: Vec<Vec<usize>>,
    run: Operation,
}

fn case(
    name: impl Into<String>,
    flops: usize,
    shapes: &[&[usize]],
    run: impl Fn(&[Tensor<4>]) -> Tensor<1> + 'static,
) -> Case {
    let shapes = shapes.iter().map(|s| s.to_vec()).collect();
    Case { name: name.into(), flops: flops as f64, shapes, run: Box::new(run) }
}

/// A leaf of any rank, kept with four axes.
fn leaf(shape: &[usize], device: &Device) -> Tensor<4> {
    let mut dims = [1; 4];
    dims[4 - shape.len()..].copy_from_slice(shape);
    Tensor::random(dims, Distribution::Normal(0.0, 1.0), device).require_grad()
}

fn one(t: &Tensor<4>) -> Tensor<1> {
    let n = t.dims().iter().product::<usize>();
    t.clone().reshape([n])
}

fn two(t: &Tensor<4>) -> Tensor<2> {
    let [.., a, b] = t.dims();
    t.clone().reshape([a, b])
}

fn three(t: &Tensor<4>) -> Tensor<3> {
    let [_, a, b, c] = t.dims();
    t.clone().reshape([a, b, c])
}

fn flat<const D: usize>(t: Tensor<D>) -> Tensor<1> {
    let n = t.dims().iter().product::<usize>();
    t.reshape([n])
}

fn conv(n: usize, i: usize, o: usize, side: usize, k: usize, stride: usize) -> Case {
    let out = side / stride;
    let name = format!("conv {k}x{k}/{stride} {n}x{i}x{side}x{side} -> {o}");
    let pad = if k == 1 { (0, 0) } else { (1, 1) };
    case(
        name,
        2 * n * i * o * out * out * k * k,
        &[&[n, i, side, side], &[o, i, k, k], &[o]],
        move |t| flat(conv2d(t[0].clone(), t[1].clone(), Some(one(&t[2])), stride, pad)),
    )
}

fn lin(rows: usize, i: usize, o: usize) -> Case {
    case(format!("linear {rows}x{i} -> {o}"), 2 * rows * i * o, &[&[rows, i], &[o, i], &[o]], |t| {
        flat(linear(two(&t[0]), two(&t[1]), Some(one(&t[2]))))
    })
}

fn feed(rows: usize, width: usize) -> Case {
    let inner = 4 * width;
    case(
        format!("feed-forward {rows}x{width}"),
        6 * rows * width * inner,
        &[&[1, rows, width], &[2 * inner, width], &[2 * inner], &[width, inner], &[width]],
        |t| {
            let up = Dense { weight: two(&t[1]), bias: Some(one(&t[2])) };
            let down = Dense { weight: two(&t[3]), bias: Some(one(&t[4])) };
            flat(feed_forward(three(&t[0]), up, down, Gate::Gelu))
        },
    )
}

fn attn(b: usize, q: usize, k: usize, heads: usize, dim: usize) -> Case {
    let w = heads * dim;
    case(
        format!("attention {b}x{q}x{k}, {heads} heads of {dim}"),
        4 * b * q * k * w,
        &[&[b, q, w], &[b, k, w], &[b, k, w]],
        move |t| flat(attention(three(&t[0]), three(&t[1]), three(&t[2]), heads, Mask::None)),
    )
}

fn norm(n: usize, c: usize, side: usize) -> Case {
    case(
        format!("group norm + silu {n}x{c}x{side}x{side}"),
        n * c * side * side,
        &[&[n, c, side, side], &[c], &[c]],
        |t| {
            let (gamma, beta) = (one(&t[1]), one(&t[2]));
            flat(group_norm(t[0].clone(), 32, gamma, beta, 1e-5, Activation::Silu))
        },
    )
}

fn cases() -> Vec<Case> {
    vec![
        conv(32, 64, 64, 8, 3, 1),
        conv(32, 128, 128, 4, 3, 1),
        conv(32, 128, 64, 8, 3, 1),
        conv(32, 4, 64, 8, 3, 1),
        conv(32, 64, 128, 8, 1, 1),
        conv(32, 64, 64, 8, 3, 2),
        conv(8, 128, 128, 16, 3, 1),
        conv(8, 64, 64, 32, 3, 1),
        conv(1, 320, 320, 64, 3, 1),
        conv(2, 640, 640, 32, 3, 1),
        conv(2, 1280, 1280, 16, 3, 1),
        conv(2, 1280, 1280, 8, 3, 1),
        conv(1, 128, 128, 256, 3, 1),
        conv(1, 1280, 1280, 16, 1, 1),
        lin(2048, 64, 512),
        lin(2048, 256, 64),
        lin(4096, 128, 1024),
        lin(32, 256, 256),
        lin(256, 1280, 1280),
        lin(512, 1280, 1280),
        lin(1024, 640, 640),
        lin(2048, 640, 640),
        lin(77, 768, 1280),
        feed(4096, 320),
        feed(1024, 640),
        feed(2048, 640),
        feed(256, 1280),
        feed(512, 1280),
        attn(32, 64, 64, 4, 16),
        attn(32, 64, 16, 4, 16),
        attn(16, 256, 256, 4, 32),
        attn(8, 1024, 1024, 4, 16),
        attn(8, 256, 256, 4, 32),
        attn(8, 1024, 77, 4, 16),
        attn(1, 4096, 77, 8, 40),
        attn(1, 4096, 4096, 8, 40),
        attn(2, 1024, 1024, 8, 80),
        attn(2, 256, 256, 8, 160),
        attn(2, 4096, 77, 8, 40),
        norm(32, 64, 8),
        norm(32, 128, 4),
        norm(8, 64, 32),
        norm(1, 320, 64),
        case("layer norm 2048x64", 2048 * 64, &[&[2048, 64], &[64], &[64]], |t| {
            flat(layer_norm(two(&t[0]), one(&t[1]), one(&t[2]), 1e-5))
        }),
        case("geglu 32x64x512", 32 * 64 * 512, &[&[32, 64, 512]], |t| flat(geglu(three(&t[0])))),
        case("silu 32x64x8x8", 32 * 64 * 64, &[&[32, 64, 8, 8]], |t| flat(silu(t[0].clone()))),
        case("upsample 32x128x4x4", 32 * 128 * 16, &[&[32, 128, 4, 4]], |t| {
            flat(upsample_nearest_2x(t[0].clone()))
        }),
        case("cross-entropy 512x1000", 512 * 1000, &[&[512, 1000]], |t| {
            let classes = Tensor::<1, Int>::zeros([512], &t[0].device());
            softmax_cross_entropy(two(&t[0]), classes)
        }),
    ]
}

/// Seconds of the forward and of the backward.
fn seconds(case: &Case, leaves: &[Tensor<4>]) -> (f64, f64) {
    let start = Instant::now();
    let out = (case.run)(leaves);
    let forward = start.elapsed().as_secs_f64();
    // The gradient of a sum costs nothing by itself.
    let loss = out.sum();
    let start = Instant::now();
    let gradients = loss.backward();
    let backward = start.elapsed().as_secs_f64();
    drop(gradients);
    (forward, backward)
}

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    println!(
        "{:<40} {:>28}   {:>28}",
        "", "forward ms (composed) GF/s", "backward ms (composed) GF/s"
    );
    for case in cases().iter().filter(|case| case.name.contains(&filter)) {
        let device = Device::flex().autodiff();
        let leaves: Vec<_> = case.shapes.iter().map(|shape| leaf(shape, &device)).collect();
        let mut best = [(f64::MAX, f64::MAX); 2];
        let begun = Instant::now();
        let mut rounds = 0;
        while rounds < 5 || (rounds < 200 && begun.elapsed().as_secs_f64() < 1.5) {
            for (best, on) in best.iter_mut().zip([true, false]) {
                set_enabled(on);
                let (forward, backward) = seconds(case, &leaves);
                *best = (best.0.min(forward), best.1.min(backward));
            }
            rounds += 1;
        }
        let [own, composed] = best;
        let speed = |s: f64, times: f64| times * case.flops / s / 1e9;
        println!(
            "{:<40} {:>9.3} ({:>8.3}) {:>7.1}   {:>9.3} ({:>8.3}) {:>7.1}",
            case.name,
            own.0 * 1e3,
            composed.0 * 1e3,
            speed(own.0, 1.0),
            own.1 * 1e3,
            composed.1 * 1e3,
            speed(own.1, 2.0),
        );
    }
}
