//! What is timed. Shapes are those of the miniature models and of Stable Diffusion 1.4.

use serde_json::{Value, json};

use super::{Suite, networks};

/// One line of a table.
pub(crate) struct Case {
    pub(crate) name: String,
    /// `case.json`, as both sides read it.
    pub(crate) settings: Value,
    /// How far the two sides may differ, relative to the largest number.
    pub(crate) tolerance: f64,
    /// Runs of each side that are not counted.
    pub(crate) warm_up: usize,
    /// Runs that one measurement is the mean of.
    pub(crate) repeat: usize,
}

/// The cases of a suite.
pub(crate) fn of(suite: Suite) -> Vec<Case> {
    match suite {
        Suite::Micro => micro(),
        Suite::Step => networks::step(),
        Suite::Sampling => networks::sampling(),
        Suite::Sd14 => networks::stable_diffusion(),
        // No single piece of work that could be done again and again.
        Suite::Jobs | Suite::Outcomes | Suite::Growth | Suite::Methods => Vec::new(),
    }
}

/// A kernel forward, and forward with backward.
fn kernel(name: &str, op: &str, more: Value) -> [Case; 2] {
    [("forward", false), ("backward", true)].map(|(pass, backward)| {
        let mut settings = json!({ "kind": "micro", "op": op, "backward": backward });
        merge(&mut settings, &more);
        Case { name: format!("{name}-{pass}"), settings, tolerance: 1e-4, warm_up: 3, repeat: 10 }
    })
}

/// Adds what `more` says.
pub(super) fn merge(into: &mut Value, more: &Value) {
    if let (Some(into), Some(more)) = (into.as_object_mut(), more.as_object()) {
        into.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

fn convolution(name: &str, x: [usize; 4], out: usize, size: usize, stride: usize) -> [Case; 2] {
    let [n, c, h, w] = x;
    let g = [n, out, h / stride, w / stride];
    let shapes = json!({ "x": x, "kernel": [out, c, size, size], "bias": [out], "g": g });
    kernel(name, "conv2d", json!({ "shapes": shapes, "stride": stride, "padding": size / 2 }))
}

fn attention(
    name: &str,
    batch: usize,
    queries: usize,
    keys: usize,
    width: usize,
    heads: usize,
) -> [Case; 2] {
    let (q, k) = ([batch, queries, width], [batch, keys, width]);
    kernel(
        name,
        "attention",
        json!({ "shapes": { "x": q, "k": k, "v": k, "g": q }, "heads": heads }),
    )
}

fn micro() -> Vec<Case> {
    let norm =
        json!({ "x": [8, 128, 16, 16], "gamma": [128], "bias": [128], "g": [8, 128, 16, 16] });
    let rows = json!({ "x": [8, 256, 256], "gamma": [256], "bias": [256], "g": [8, 256, 256] });
    let squares = json!({ "x": [8, 256, 256], "gamma": [256], "g": [8, 256, 256] });
    let dense =
        json!({ "x": [8, 256, 256], "weight": [1024, 256], "bias": [1024], "g": [8, 256, 1024] });
    let gated = json!({ "x": [8, 256, 1024], "g": [8, 256, 512] });
    let image = json!({ "x": [8, 128, 16, 16], "g": [8, 128, 32, 32] });
    let causal =
        json!({ "x": [8, 256, 256], "k": [8, 256, 256], "v": [8, 256, 256], "g": [8, 256, 256] });
    let mut cases: Vec<Case> = [
        convolution("conv3x3-64-of-32x32", [8, 64, 32, 32], 64, 3, 1),
        convolution("conv3x3-256-of-8x8", [8, 256, 8, 8], 256, 3, 1),
        convolution("conv3x3-64-of-8x8-batch-32", [32, 64, 8, 8], 64, 3, 1),
        convolution("conv3x3-stride-2", [8, 128, 32, 32], 128, 3, 2),
        convolution("conv1x1-256-of-16x16", [8, 256, 16, 16], 128, 1, 1),
        kernel("group-norm-silu", "group-norm", json!({ "shapes": norm, "groups": 32 })),
        kernel("layer-norm", "layer-norm", json!({ "shapes": rows })),
        kernel("linear-256-to-1024", "linear", json!({ "shapes": dense })),
        attention("self-attention-1024", 8, 1024, 1024, 64, 4),
        attention("self-attention-64", 32, 64, 64, 64, 4),
        attention("cross-attention-256-to-77", 8, 256, 77, 128, 4),
        kernel(
            "causal-attention-256",
            "attention",
            json!({ "shapes": causal, "heads": 8, "causal": true }),
        ),
        kernel("geglu", "geglu", json!({ "shapes": gated })),
        kernel("swiglu", "swiglu", json!({ "shapes": gated })),
        kernel("rms-norm", "rms-norm", json!({ "shapes": squares })),
        kernel("upsample", "upsample", json!({ "shapes": image })),
    ]
    .into_iter()
    .flatten()
    .collect();
    let loss = json!({ "x": [2048, 4096], "targets": [2048] });
    cases.extend(
        kernel("cross-entropy", "cross-entropy", json!({ "shapes": loss })).into_iter().skip(1),
    );
    let update = json!({ "w": [1024, 1024], "g": [1024, 1024] });
    cases.extend(kernel("adamw-1m", "adamw", json!({ "shapes": update })).into_iter().take(1));
    cases
}
