//! What grows: the work, and its sizes.

use anyhow::Result;
use serde_json::{Value, json};

use crate::bench::networks::{emoji, pipeline};
use crate::process;
use crate::python::Python;

/// One piece of work at several sizes.
pub(super) struct Sweep {
    pub(super) name: &'static str,
    /// What the sizes count.
    pub(super) axis: &'static str,
    pub(super) sizes: Vec<Size>,
}

/// One size.
pub(super) struct Size {
    pub(super) size: usize,
    pub(super) settings: Value,
    pub(super) threads: usize,
    /// Multiply-adds, up to a factor that the sweep's sizes share; not a number where they are not counted.
    pub(super) work: f64,
}

/// All sweeps: a training step and sampling by rows, by the latents' side and by threads; encoding; closed-form edits.
pub(super) fn all(python: &Python, threads: usize) -> Result<Vec<Sweep>> {
    let sweep = |name, axis, sizes: &[usize], of: &dyn Fn(usize) -> (Value, usize, f64)| {
        let size = |&size: &usize| {
            let (settings, threads, work) = of(size);
            Size { size, settings, threads, work }
        };
        Sweep { name, axis, sizes: sizes.iter().map(size).collect() }
    };
    let sides = [8, 16, 32];
    let counted = arithmetic(python, &sides.map(|side| [8, 4, side, side]))?;
    let of_side =
        |side: usize| sides.iter().position(|one| *one == side).map_or(f64::NAN, |at| counted[at]);
    let step = |batch: usize, side: usize| json!({ "kind": "step", "unet": emoji(), "latents": [batch, 4, side, side], "tokens": 16 });
    let sample = |batch: usize, side: usize| {
        let mut settings =
            pipeline("sampling", [batch, 4, side, side], json!({ "steps": 5, "guidance": 4.0 }));
        settings["unet"]["sample_size"] = json!(side);
        settings["vae"]["sample_size"] = json!(4 * side);
        settings
    };
    let encode = |prompts: usize| pipeline("encode", [1, 4, 8, 8], json!({ "prompts": prompts }));
    let edit = |concepts: usize, preserved: usize| {
        pipeline("edit", [1, 4, 8, 8], json!({ "concepts": concepts, "preserved": preserved }))
    };
    let rows = [1, 4, 16, 64];
    let linear = |settings: Value, size: usize| (settings, threads, size as f64);
    Ok(vec![
        sweep("step-batch", "rows of 8×8", &rows, &|n| linear(step(n, 8), n)),
        sweep("step-side", "latents wide, 8 rows", &sides, &|side| {
            (step(8, side), threads, of_side(side))
        }),
        sweep("step-threads", "threads, 16 rows", &[1, 2], &|n| (step(16, 8), n, f64::NAN)),
        sweep("sample-batch", "pictures of 8×8 latents", &rows, &|n| linear(sample(n, 8), n)),
        sweep("sample-side", "latents wide, 2 pictures", &sides, &|side| {
            (sample(2, side), threads, of_side(side))
        }),
        sweep("sample-threads", "threads, 16 pictures", &[1, 2], &|n| (sample(16, 8), n, f64::NAN)),
        sweep("encode-prompts", "prompts", &[1, 4, 16, 64, 256], &|n| linear(encode(n), n)),
        sweep("uce-concepts", "concepts", &[1, 3, 10, 30], &|n| (edit(n, 0), threads, f64::NAN)),
        sweep("uce-preserved", "names that stay, 1 concept", &[1, 10, 100, 300], &|n| {
            (edit(1, n), threads, f64::NAN)
        }),
    ])
}

/// Multiply-adds of the UNet's forward on latents of these shapes.
fn arithmetic(python: &Python, shapes: &[[usize; 4]]) -> Result<Vec<f64>> {
    let words = shapes.iter().map(|shape| shape.map(|size| size.to_string()).join(","));
    let mut script = python.script("benches/arithmetic.py");
    Ok(serde_json::from_str(process::output(script.arg(emoji().to_string()).args(words))?.trim())?)
}
