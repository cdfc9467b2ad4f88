//! 25 guided steps from given latents with every sampler: latents, and pictures at 45 dB or better.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::Tensor;
use oubliette_model::sample::{Given, Request};
use oubliette_model::schedule;
use serde::Deserialize;

use crate::golden::{self, Tensors};

/// How far latents may be off after a whole sampling, which multiplies rounding: diffusers' own in f32 lie up to 6e-5
/// from its own in f64 (PNDM on emoji-sd). Pictures are held to 45 dB.
const SAMPLED: f64 = 5e-4;

#[derive(Deserialize)]
struct Asked {
    prompts: Vec<String>,
    negative: String,
    steps: usize,
    guidance: f32,
    unguided: String,
}

fn given(golden: &Tensors, count: usize) -> Vec<Arc<Given>> {
    let (latents, noise) = (golden.numbers("latents"), golden.numbers("noise"));
    let size = latents.len() / count;
    let floats = |values: &[f64]| values.iter().map(|v| *v as f32).collect::<Vec<f32>>();
    let picture = |row: usize| {
        let calls =
            noise.chunks(count * size).map(|call| floats(&call[row * size..(row + 1) * size]));
        Arc::new(Given {
            latents: floats(&latents[row * size..(row + 1) * size]),
            step_noise: calls.collect(),
        })
    };
    (0..count).map(picture).collect()
}

/// Peak signal to noise of 8-bit levels, in decibels.
fn psnr(found: &[u8], wanted: &[f64]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    let squares = found.iter().zip(wanted).map(|(a, b)| (f64::from(*a) - b).powi(2));
    10.0 * (255.0_f64.powi(2) / (squares.sum::<f64>() / found.len() as f64)).log10()
}

fn check(folder: &Path, name: &str) {
    let golden = Tensors::open(&format!("{name}.safetensors"));
    let asked: Asked = golden::json(&format!("{name}.json"));
    let sd = golden::load(folder);
    let given = given(&golden, asked.prompts.len());
    let requests = |guidance: f32, negative: &str| -> Vec<Request> {
        let request = |(prompt, given): (&String, &Arc<Given>)| Request {
            prompt: prompt.clone(),
            negative: negative.to_owned(),
            guidance,
            steps: asked.steps,
            given: Some(given.clone()),
            ..Request::default()
        };
        asked.prompts.iter().zip(&given).map(request).collect()
    };
    let mut cases: Vec<_> = golden
        .names()
        .iter()
        .filter_map(|name| Some(name.strip_suffix(".final")?.to_owned()))
        .collect();
    cases.sort();
    for case in cases {
        let (class, requests) = match case.as_str() {
            "unguided" => (asked.unguided.as_str(), requests(1.0, "")),
            class => (class, requests(asked.guidance, &asked.negative)),
        };
        let sampler = schedule::find(class).unwrap();
        let mut go_on = |_| ControlFlow::Continue(());
        let latents = sd.generate_latents(&sd.weights, &requests, sampler, 2, &mut go_on).unwrap();
        golden.expect_within(SAMPLED, &format!("{case}.final"), Tensor::cat(latents, 0));
        // One at a time: a picture does not depend on its batch.
        let pictures = sd.generate(&sd.weights, &requests, sampler, 1, &mut go_on).unwrap();
        let levels: Vec<u8> =
            pictures.iter().flat_map(|picture| picture.as_raw().clone()).collect();
        let signal = psnr(&levels, &golden.numbers(&format!("{case}.pictures")));
        println!("{name} {case}: {signal:.1} dB");
        assert!(signal >= 45.0, "{case}: {signal} dB");
    }
}

#[test]
fn tiny_models_draw_what_diffusers_draws() {
    check(&golden::path("tiny-sd1"), "of-tiny-sd1/pictures");
    check(&golden::path("tiny-sd2"), "of-tiny-sd2/pictures");
}

#[test]
fn a_trained_model_draws_what_diffusers_draws() {
    let Some(models) = golden::models() else { return };
    check(&models.join("emoji-sd"), "of-emoji-sd/pictures");
}

#[test]
fn a_picture_does_not_depend_on_its_batch() {
    let sd = golden::load(&golden::path("tiny-sd1"));
    let request = |seed: u64| Request {
        prompt: ["a fox", "two cats", "a guitar in the rain"][seed as usize % 3].to_owned(),
        guidance: [1.0, 3.0, 7.5][seed as usize % 3],
        steps: 3,
        seed,
        ..Request::default()
    };
    let requests: Vec<Request> = (0..6).map(request).collect();
    let draw = |requests: &[Request], batch| {
        let sampler = schedule::find("euler-ancestral").unwrap();
        sd.generate(&sd.weights, requests, sampler, batch, &mut |_| ControlFlow::Continue(()))
            .unwrap()
    };
    let alone: Vec<_> = requests.iter().flat_map(|r| draw(std::slice::from_ref(r), 1)).collect();
    assert!(draw(&requests, 6) == alone && draw(&requests, 4) == alone);
    let mut backwards = requests;
    backwards.reverse();
    let mut again = draw(&backwards, 5);
    again.reverse();
    assert!(again == alone);
}

#[test]
fn a_model_that_makes_no_finite_numbers_makes_no_pictures() {
    let sd = golden::load(&golden::path("tiny-sd1"));
    let requests = [Request { prompt: "a fox".to_owned(), steps: 2, ..Request::default() }];
    let sampler = schedule::find("ddim").unwrap();
    for component in ["unet/", "vae/"] {
        let names = sd.weights.names().filter(|name| name.starts_with(component));
        let names = names.map(str::to_owned).collect();
        let spoilt = sd.weights.overlaid(&sd.weights.only(&names).scaled(f64::NAN));
        let mut go_on = |_| ControlFlow::Continue(());
        let refused = sd.generate(&spoilt, &requests, sampler, 1, &mut go_on).unwrap_err();
        let said = refused.to_string();
        assert!(said.contains("tiny-sd1") && said.contains("not finite numbers"), "{said}");
    }
}

#[test]
fn sampling_stops_when_it_is_told_to() {
    let sd = golden::load(&golden::path("tiny-sd1"));
    let requests = [Request { steps: 5, ..Request::default() }];
    let sampler = schedule::find("ddim").unwrap();
    let mut calls = 0;
    let mut stop = |progress: oubliette_model::sample::Progress| {
        calls += 1;
        assert_eq!((progress.done, progress.total), (calls, 5));
        if calls == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let stopped = sd.generate(&sd.weights, &requests, sampler, 1, &mut stop);
    assert!(matches!(stopped, Err(oubliette_model::Error::Interrupted)));
}
