//! What a training stage may move, and that it can be taken up anywhere.

use std::{ops::ControlFlow, path::PathBuf};

use oubliette_evidence::{Concept, Digest};
use oubliette_lab::{
    Drawn, Error, METHODS, Study,
    lot::Lot,
    methods::{Stage, Tokens},
    parts::{
        Stateful as _,
        anchor::{Adversarial, Nothing, Schedule},
        mask::{Dynamic, Momentum, NullSpace, Selft},
        objective::{From, GuidanceReversal, Scene},
        source::{Batch, Prompts, Source as _, Trajectory},
    },
    progress::{Progress, Watch, unwatched},
    training::{Job, Place, Train, train},
};
use oubliette_model::{
    Weight, Weights,
    device::{DeviceKind, Precision},
    families::{LoadOptions, StableDiffusion},
};

use crate::reference::{concept, distance};

const KEY: &str = ".attn2.to_k.weight";

fn tiny() -> StableDiffusion {
    tiny_in(Precision::F32)
}

fn tiny_in(dtype: Precision) -> StableDiffusion {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../goldens/data/tiny-sd1");
    let options = LoadOptions { dtype, ..LoadOptions::on(DeviceKind::Flex.open().unwrap()) };
    StableDiffusion::load(&folder, &options).unwrap()
}

fn fox() -> Concept {
    concept("fox", "animal")
}

/// Sculpting's one stage, small, with a mask of one's own.
fn stage(change: impl Fn(&mut Dynamic)) -> Train {
    let settings = toml::toml! {
        pictures = 2
        sampling_steps = 2
        steps = 6
        learning_rate = 1e-2
    };
    let mut stage = trained("sculpting", settings);
    let mut mask = Dynamic::default();
    (mask.warm_up, mask.share) = (2, 0.25);
    change(&mut mask);
    stage.mask = Box::new(mask);
    stage
}

/// A method's one stage.
fn trained(method: &str, settings: toml::Table) -> Train {
    let method = METHODS.build(method, settings).unwrap();
    match method.stages(&[fox()]).unwrap().pop() {
        Some(Stage::Train(stage)) => *stage,
        _ => panic!("it trains"),
    }
}

fn run(
    sd: &StableDiffusion,
    stage: &mut Train,
    at: &std::path::Path,
    watch: &mut Watch<'_>,
) -> Result<Weights, Error> {
    let (lot, concepts) = (Lot::new(7), [fox()]);
    let drawn = Drawn::of(&at.join("runs"), Digest::of(b"tiny"), "cpu");
    let job = Job {
        sd,
        original: &sd.weights,
        concepts: &concepts,
        adapter: None,
        lot,
        unit: "sculpt",
        drawn: Some(&drawn),
    };
    let place = Place::of_run(at, "sculpt", stage.steps, 1)?;
    Ok(train(stage, &job, &sd.weights, &place, watch)?.weights)
}

/// The share of each key matrix that is another than before.
fn shares_moved(sd: &StableDiffusion, after: &Weights) -> Vec<f64> {
    let share = |(name, new): (&String, &oubliette_model::Weight)| {
        let old = sd.weights.get(name).unwrap().to_f32_vec();
        let moved = old.iter().zip(new.to_f32_vec()).filter(|(old, new)| **old != *new).count();
        name.ends_with(KEY).then(|| moved as f64 / old.len() as f64)
    };
    after.iter().filter_map(share).collect()
}

#[test]
fn a_masked_weight_does_not_move() {
    let sd = tiny();
    let at = tempfile::tempdir().unwrap();
    // Even a decay, which asks no gradient, leaves it alone.
    let mut stage = stage(|_| ());
    stage.optimiser.weight_decay = 0.1;
    let after = run(&sd, &mut stage, at.path(), &mut unwatched()).unwrap();
    let shares = shares_moved(&sd, &after);
    assert!(shares.len() > 2);
    assert!(shares.iter().all(|share| (0.24..0.27).contains(share)), "{shares:?}");
}

#[test]
fn kept_momentum_moves_what_was_masked_and_cleared_momentum_does_not() {
    let sd = tiny();
    // The mask is exchanged in the fourth training step: what moved in the first three may then no longer.
    let exchanged = |momentum| {
        let at = tempfile::tempdir().unwrap();
        let mut stage = stage(|mask| {
            (mask.share, mask.interval, mask.turnover, mask.until) = (0.25, 3, 1.0, 1.0);
            mask.momentum = momentum;
        });
        stage.optimiser.rate = Default::default();
        run(&sd, &mut stage, at.path(), &mut unwatched()).unwrap()
    };
    let (cleared, kept) = (exchanged(Momentum::Cleared), exchanged(Momentum::Kept));
    let drift = |after: &Weights, other: &Weights| {
        let apart = |(name, weight): (&String, &oubliette_model::Weight)| {
            let other = other.get(name).unwrap().to_f32_vec();
            weight.to_f32_vec().iter().zip(other).filter(|(a, b)| **a != *b).count()
        };
        after.iter().filter(|(name, _)| name.ends_with(KEY)).map(apart).sum::<usize>()
    };
    assert!(drift(&cleared, &kept) > 0, "momentum goes on where it is kept");
}

#[test]
fn the_mask_is_exchanged_however_the_anchor_learns() {
    let sd = tiny();
    // Of the steps that count, the fourth exchanges; with the anchor's own it would be one of those.
    let mask_after = |schedule: Option<Schedule>, turnover: f64| {
        let at = tempfile::tempdir().unwrap();
        let mut stage = stage(|mask| {
            (mask.interval, mask.turnover, mask.until) = (4, turnover, 1.0);
        });
        if let Some(schedule) = schedule {
            let mut learns = Adversarial::default();
            (learns.schedule, learns.period, learns.updates) = (schedule, 2, 1);
            stage.anchor = Box::new(learns);
        }
        run(&sd, &mut stage, at.path(), &mut unwatched()).unwrap();
        let movable = stage.mask.movable().unwrap();
        movable.iter().map(|(_, mask)| mask.to_f32_vec()).collect::<Vec<_>>()
    };
    let schedules = [Schedule::Alternating, Schedule::Sequential, Schedule::Cyclical];
    for schedule in std::iter::once(None).chain(schedules.map(Some)) {
        assert_ne!(mask_after(schedule, 0.5), mask_after(schedule, 0.0), "{schedule:?}");
    }
}

/// Methods whose parts keep something between steps.
fn remembering() -> Vec<Box<dyn Fn() -> Train>> {
    let of = |method: &'static str, settings: &'static str| -> Box<dyn Fn() -> Train> {
        Box::new(move || trained(method, settings.parse().unwrap()))
    };
    let small = "pictures = 2\nsampling_steps = 2\nbatch = 1\nlearning_rate = 1e-3\nsteps = 4\n";
    let settings = |more: &str| -> &'static str { Box::leak(format!("{small}{more}").into()) };
    vec![
        Box::new(|| stage(|mask| (mask.interval, mask.turnover) = (2, 0.5))),
        of("advanchor", settings("updates = 1\nschedule = 'cyclical'\nperiod = 2")),
        of("advunlearn", settings("updates = 1\nwarm_up = 1")),
        of("fmn", settings("")),
        of("meta", settings("meta = { rate = 1e-3, gain = 0.5 }")),
        of("sa", settings("survey = 2")),
        of("salun", settings("survey = 2")),
        of("scissorhands", settings("survey = 2\nevery = 2\nshare = 0.1")),
        // Ends before its last step: the loss is below almost at once.
        of("sepme", settings("tokens = 'last-subject'\nafter = 1\nbelow = 1e9")),
        Box::new(move || {
            let mut stage = trained("ca", small.parse().unwrap());
            let mut mask = Selft::default();
            mask.survey = 2;
            stage.mask = Box::new(mask);
            stage
        }),
        of("sdd", "sampling_steps = 2\nlearning_rate = 1e-3\nsteps = 4\npairs = 2"),
    ]
}

#[test]
fn taken_up_after_any_step_it_ends_in_the_same_bits() {
    let sd = tiny();
    for make in remembering() {
        let (whole, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let undisturbed = run(&sd, &mut make(), whole.path(), &mut unwatched()).unwrap();
        let total = make().total();
        let mut stops = 0;
        let resumed = loop {
            let mut watch = |_: Progress<'_>| ControlFlow::Break(());
            match run(&sd, &mut make(), broken.path(), &mut watch) {
                Ok(weights) => break weights,
                Err(error) => assert!(matches!(error, Error::Interrupted { .. }), "{error}"),
            }
            stops += 1;
            assert!(stops < 20, "it never ends");
        };
        let until = make().until.map_or(total, |until| until.after + 1);
        assert!(stops + 1 >= until, "{stops} stops in {total} steps");
        let name = make().name;
        for (weight, values) in &undisturbed {
            let again = resumed.get(weight).unwrap().to_f32_vec();
            assert_eq!(values.to_f32_vec(), again, "{name}: {weight}");
        }
        let moved = |(weight, values): (&String, &oubliette_model::Weight)| {
            values.to_f32_vec() != sd.weights.get(weight).unwrap().to_f32_vec()
        };
        assert!(undisturbed.iter().any(moved), "{name} moves something");
    }
}

#[test]
fn what_is_protected_is_computed_as_before() {
    let sd = tiny();
    for (name, strict) in [("strict", true), ("loose", false)] {
        let at = tempfile::tempdir().unwrap();
        let mut stage = stage(|_| ());
        stage.optimiser.weight_decay = 0.1;
        let protect = vec!["cat".to_owned(), String::new()];
        stage.mask = Box::new(NullSpace::of(protect, Tokens::LastSubject, strict));
        let moved = run(&sd, &mut stage, at.path(), &mut unwatched()).unwrap();
        let after = sd.weights.overlaid(&moved);
        let moved = |text: &str| {
            let last = sd.tokenizer.encode(text).unwrap().used - 2;
            let said = sd.encode_prompts(&sd.weights, &[text.to_owned()]).unwrap();
            let said = said.squeeze_dim::<2>(0).narrow(0, last, 1);
            let keys = |weights: &Weights| {
                let (_, key) = weights.iter().find(|(name, _)| name.ends_with(KEY)).unwrap();
                Weight::new(said.clone().matmul(key.tensor::<2>().transpose())).to_f32_vec()
            };
            distance(&keys(&after), &keys(&sd.weights))
        };
        let (cat, fox) = (moved("cat"), moved("fox"));
        assert!(fox > 1e-3, "{name}: {fox}");
        assert_eq!(cat < 1e-5, strict, "{name}: {cat} beside {fox}");
    }
}

#[test]
fn what_the_sampling_saw_is_what_the_original_predicts() {
    for precision in [Precision::F32, Precision::Bf16] {
        sees_what_the_original_predicts(&tiny_in(precision));
    }
}

fn sees_what_the_original_predicts(sd: &StableDiffusion) {
    let concepts = [fox()];
    let study = Study::new(sd, &sd.weights, None, &Default::default(), &sd.weights);
    let settings = toml::toml! {
        prompts = ["a fox"]
        steps = 4
        batch = 2
        pairs = 8
        model = "original"
        bucket = false
    };
    let mut source: Trajectory = settings.try_into().unwrap();
    let release = GuidanceReversal { eta: 2.0, from: From::Concept };
    for step in 0..8 {
        let batch = source.batch(&study, &concepts, &sd.weights, step, &Lot::new(5)).unwrap();
        assert!(batch.seen.is_some());
        let asked = Batch { seen: None, ..batch.clone() };
        let wanted = |batch: &Batch| {
            let scene = Scene { study: &study, concepts: &concepts, anchor: &Nothing {}, batch };
            Weight::new(release.wanted(&scene).unwrap()).to_f32_vec()
        };
        assert_eq!(wanted(&batch), wanted(&asked), "step {step}");
    }
}

#[test]
fn a_sampling_of_several_steps_is_drawn_again_where_its_first_step_was_passed_over() {
    let (sd, concepts) = (tiny(), [fox()]);
    let study = Study::new(&sd, &sd.weights, None, &Default::default(), &sd.weights);
    let source = || -> Trajectory {
        toml::toml! { prompts = ["a fox", "a cat"] steps = 4 pairs = 4 }.try_into().unwrap()
    };
    let seen = |source: &mut Trajectory, step| {
        let batch = source.batch(&study, &concepts, &sd.weights, step, &Lot::new(5)).unwrap();
        Weight::new(batch.latents).to_f32_vec()
    };
    let (mut passing, mut again) = (source(), source());
    seen(&mut passing, 1);
    let wanted = seen(&mut source(), 6);
    assert_eq!(seen(&mut passing, 6), wanted);
    again.restore(&passing.state()).unwrap();
    assert_eq!(seen(&mut again, 6), wanted);
}

#[test]
fn a_model_that_makes_no_finite_numbers_is_named_and_not_the_learning_rate() {
    let mut sd = tiny();
    let denoiser = sd.weights.names().filter(|name| name.starts_with("unet/"));
    let denoiser = denoiser.map(str::to_owned).collect();
    sd.weights = sd.weights.overlaid(&sd.weights.only(&denoiser).scaled(f64::NAN));
    let settings = toml::toml! {
        steps = 2
        sampling_steps = 2
    };
    let at = tempfile::tempdir().unwrap();
    let refused = run(&sd, &mut trained("esd", settings), at.path(), &mut unwatched());
    let said = refused.err().unwrap().to_string();
    assert!(said.contains("tiny-sd1") && said.contains("before any weight moved"), "{said}");
    assert!(!said.contains("learning rate"), "{said}");
}

/// Pictures of a fox, six of them, so small that a test can draw them.
fn foxes(more: &toml::Table) -> Prompts {
    let mut settings = toml::toml! {
        prompts = ["a fox", "a red fox"]
        repeats = 3
        steps = 2
        batch = 2
    };
    settings.extend(more.clone());
    settings.try_into().unwrap()
}

/// The latents of a step.
fn shown(sd: &StableDiffusion, source: &mut Prompts, step: u64) -> Vec<f32> {
    let study = Study::new(sd, &sd.weights, None, &Default::default(), &sd.weights);
    let batch = source.batch(&study, &[fox()], &sd.weights, step, &Lot::new(5)).unwrap();
    Weight::new(batch.latents).to_f32_vec()
}

#[test]
fn a_picture_does_not_depend_on_what_is_drawn_beside_it() {
    let sd = tiny();
    for more in [toml::Table::new(), toml::toml! { solver = "ddim" encoded = true }] {
        // All that any of 50 steps chooses, those of two steps, and those of one.
        let (mut all, mut few, mut one) = (foxes(&more), foxes(&more), foxes(&more));
        all.expect((0..50).collect());
        few.expect(vec![0, 1]);
        let seen: Vec<_> = (0..2).map(|step| shown(&sd, &mut all, step)).collect();
        let of = |source: &mut Prompts| [0, 1].map(|step| shown(&sd, source, step)).to_vec();
        assert_eq!(of(&mut few), seen);
        assert_eq!(of(&mut one), seen);
        // What a checkpoint keeps is what was drawn, and no more than that.
        let drawn = |source: &Prompts| source.state().names().count();
        assert!(drawn(&few) < drawn(&all), "{} of {}", drawn(&few), drawn(&all));
        let mut again = foxes(&more);
        again.restore(&few.state()).unwrap();
        assert_eq!(of(&mut again), seen);
        assert_eq!(drawn(&again), drawn(&few));
    }
}

#[test]
fn times_are_whole_whatever_the_model_computes_in() {
    let times = |precision| {
        let sd = tiny_in(precision);
        let study = Study::new(&sd, &sd.weights, None, &Default::default(), &sd.weights);
        let mut source = foxes(&toml::toml! { batch = 16 });
        let batch = source.batch(&study, &[fox()], &sd.weights, 0, &Lot::new(5)).unwrap();
        Weight::new(batch.timesteps).to_f32_vec()
    };
    let exact = times(Precision::F32);
    assert!(exact.iter().any(|time| *time > 512.0 && time % 4.0 != 0.0), "{exact:?}");
    assert_eq!(times(Precision::Bf16), exact);
}

#[test]
fn an_encoded_picture_is_another_draw_in_every_step() {
    let sd = tiny();
    let only = toml::toml! {
        prompts = ["a fox"]
        repeats = 1
        batch = 1
        encoded = true
    };
    let (mut kept, mut plain) = (foxes(&only), foxes(&only));
    plain.encoded = false;
    let state = |source: &mut Prompts| {
        shown(&sd, source, 0);
        source.state()
    };
    let (kept, plain) = (state(&mut kept), state(&mut plain));
    let names = |state: &Weights| state.names().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(names(&plain), ["drawn.000000"]);
    assert_eq!(names(&kept), ["drawn.000000.deviation", "drawn.000000.mean"]);
    // The autoencoder gives back what it was given, but for what it loses and rounds.
    let values = |state: &Weights, name: &str| state.get(name).unwrap().to_f32_vec();
    let deviation = values(&kept, "drawn.000000.deviation");
    assert!(deviation.iter().all(|&value| value > 0.0 && value.is_finite()));
    assert_ne!(values(&kept, "drawn.000000.mean"), values(&plain, "drawn.000000"));
}
