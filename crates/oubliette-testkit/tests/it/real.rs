//! The runner on a real model folder; skipped where the test data is not there.

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use oubliette_evidence::{
    digest::files_of,
    document::Document,
    recipe::{UnlearnRecipe, UpdateRecipe},
};
use oubliette_lab::{
    Error, METHODS, Result,
    lot::Lot,
    methods::Stage,
    progress::{Progress, unwatched},
    run::{self, Context, Journal, resolve},
    training::{Job, Place, train},
};
use oubliette_model::{
    device::{DeviceKind, Precision},
    families::{LoadOptions, StableDiffusion},
};

/// The folder of test data; set but missing is a failure.
fn data() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("OUBLIETTE_TEST_DATA").map(PathBuf::from) else {
        eprintln!("skipped: OUBLIETTE_TEST_DATA is not set");
        return None;
    };
    assert!(folder.is_dir(), "OUBLIETTE_TEST_DATA is set, but {} is missing", folder.display());
    Some(fs::canonicalize(folder).unwrap())
}

fn context(runs: &Path) -> Context {
    Context {
        runs: runs.to_owned(),
        device: DeviceKind::Flex,
        precision: Precision::F32,
        recompute: false,
        pictures: usize::MAX,
    }
}

fn concept(folder: &Path) {
    let text = r#"
        schema = 1
        id = "lion"
        kind = "object"
        names = ["lion"]
        superclass = "animal"
        keep = ["cat"]
        prompts = ["a {name}"]
        [[detector]]
        kind = "classifier"
        model = "judge"
        label = "lion"
        [claim]
        tolerated = 0.05
        returned = 0.30
        false_alarm = 0.05
        missed_return = 0.05
        keep_margin = 0.05
    "#;
    fs::write(folder.join("lion.toml"), text).unwrap();
}

fn forget(data: &Path, folder: &Path, method: &str) -> UnlearnRecipe {
    concept(folder);
    let model = data.join("models/emoji-sd");
    let text = format!(
        "schema = 1\ntask = \"unlearn\"\nseed = 3\nmodel = '{}'\nconcept = \"lion.toml\"\nout = \"out\"\n[method]\n{method}",
        model.display()
    );
    UnlearnRecipe::parse(&Document::new(&folder.join("forget.toml"), text)).unwrap()
}

fn unlearn(
    recipe: &UnlearnRecipe,
    folder: &Path,
    watch: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Journal> {
    run::unlearn(resolve::unlearn(recipe)?, &context(&folder.join("runs")), watch)
}

const SHORT: &str =
    "name = \"esd\"\nsteps = 4\npairs = 2\nsampling_steps = 4\nlearning_rate = 1e-4";

#[test]
fn uce_changes_keys_and_values_and_nothing_else() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let recipe = forget(&data, folder.path(), "name = \"uce\"");
    unlearn(&recipe, folder.path(), &mut unwatched()).unwrap();
    let before = files_of(&data.join("models/emoji-sd")).unwrap();
    let after = files_of(&folder.path().join("out")).unwrap();
    let changed: Vec<_> =
        after.iter().filter(|(file, digest)| before.get(*file) != Some(digest)).collect();
    let names: Vec<_> = changed.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(names, ["README.md", "unet/diffusion_pytorch_model.safetensors"]);
    let card = fs::read_to_string(folder.path().join("out/README.md")).unwrap();
    assert!(card.contains("## Concept removal") && card.contains("`uce`"), "{card}");
}

#[test]
fn an_interrupted_training_ends_in_the_same_bytes() {
    let Some(data) = data() else { return };
    let (whole, torn) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let recipe = forget(&data, whole.path(), SHORT);
    let undisturbed = unlearn(&recipe, whole.path(), &mut unwatched()).unwrap();
    let recipe = forget(&data, torn.path(), SHORT);
    // The checkpoint after the last step is there; the folder is not.
    let mut stop = |told: Progress<'_>| {
        if told.done < told.total { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let error = unlearn(&recipe, torn.path(), &mut stop).err().unwrap();
    assert!(matches!(error, Error::Interrupted { .. }), "{error}");
    assert!(!torn.path().join("out").exists());
    let resumed = unlearn(&recipe, torn.path(), &mut unwatched()).unwrap();
    let digest = |journal: &Journal| journal.evidence().digest().unwrap();
    assert_eq!(digest(&undisturbed), digest(&resumed));
}

/// A method in bf16, stopped wherever `stops` says, and taken up each time, ends as one that nobody stopped.
fn ends_alike_in_bf16(method: &str, stops: &[(&str, u64)]) {
    let Some(data) = data() else { return };
    let (whole, torn) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let run = |folder: &Path, watch: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>| {
        let context = Context { precision: Precision::Bf16, ..context(&folder.join("runs")) };
        run::unlearn(resolve::unlearn(&forget(&data, folder, method))?, &context, watch)
    };
    let undisturbed = run(whole.path(), &mut unwatched()).unwrap();
    for (unit, done) in stops {
        let mut stop = |told: Progress<'_>| match told.unit == *unit && told.done == *done {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let error = run(torn.path(), &mut stop).err().unwrap();
        assert!(matches!(error, Error::Interrupted { .. }), "{unit} {done}: {error}");
    }
    let mut first = None;
    let mut look = |told: Progress<'_>| {
        first.get_or_insert((told.unit.to_owned(), told.done));
        ControlFlow::Continue(())
    };
    let resumed = run(torn.path(), &mut look).unwrap();
    let digest = |journal: &Journal| journal.evidence().digest().unwrap();
    assert_eq!(digest(&undisturbed), digest(&resumed));
    let (unit, done) = stops.last().unwrap();
    assert_eq!(first, Some(((*unit).to_owned(), done + 1)), "steps that were done are done again");
}

#[test]
fn in_bf16_as_well_a_stopped_training_ends_in_the_same_bytes() {
    let method = "name = \"advanchor\"\npictures = 2\nsampling_steps = 2\nbatch = 1\nsteps = 3\nupdates = 1\nlearning_rate = 1e-3";
    ends_alike_in_bf16(method, &[("drawing", 2), ("0-anchor", 2)]);
}

#[test]
fn in_bf16_as_well_a_masked_training_ends_in_the_same_bytes() {
    let method = "name = \"sculpting\"\npictures = 2\nsampling_steps = 2\nbatch = 1\nsteps = 5\nwarm_up = 2\ninterval = 1\nlearning_rate = 1e-3";
    ends_alike_in_bf16(method, &[("0-sculpt", 3), ("0-sculpt", 4)]);
}

#[test]
fn a_run_is_not_gone_on_with_in_another_number_format() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let recipe = forget(&data, folder.path(), SHORT);
    let mut stop = |_: Progress<'_>| ControlFlow::Break(());
    unlearn(&recipe, folder.path(), &mut stop).err().unwrap();
    let runs = context(&folder.path().join("runs"));
    let other = Context { precision: Precision::Bf16, ..runs };
    let refused = run::unlearn(resolve::unlearn(&recipe).unwrap(), &other, &mut unwatched());
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("was begun on") && refused.contains("--dtype"), "{refused}");
    unlearn(&recipe, folder.path(), &mut unwatched()).unwrap();
}

#[test]
fn what_was_drawn_for_one_run_serves_the_next() {
    let Some(data) = data() else { return };
    let (alone, together) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings =
        "name = \"ca\"\npictures = 2\nsampling_steps = 2\nbatch = 1\nlearning_rate = 1e-4\n";
    let of = |folder: &Path, steps: u32| {
        let recipe = forget(&data, folder, &format!("{settings}steps = {steps}"));
        let journal = unlearn(&recipe, folder, &mut unwatched()).unwrap();
        fs::remove_dir_all(folder.join("out")).unwrap();
        journal.evidence().digest().unwrap()
    };
    let drawn = |folder: &Path| {
        let known = fs::read_dir(folder.join("runs/.known")).unwrap();
        let files = known.flat_map(|part| fs::read_dir(part.unwrap().path()).unwrap());
        files.map(|file| file.unwrap().path()).collect::<Vec<_>>()
    };
    of(together.path(), 1);
    // One set of pictures, and its digest.
    let files = drawn(together.path());
    assert_eq!(files.len(), 2, "{files:?}");
    let length = |file: &&PathBuf| fs::metadata(file).unwrap().len();
    let kept = files.iter().max_by_key(length).unwrap();
    let (whole, before) =
        (fs::read(kept).unwrap(), fs::metadata(kept).unwrap().modified().unwrap());
    let expected = of(alone.path(), 2);
    assert_eq!(of(together.path(), 2), expected);
    assert_eq!(fs::metadata(kept).unwrap().modified().unwrap(), before, "it was not drawn again");
    // One that was damaged is drawn again.
    fs::write(kept, &whole[..whole.len() / 2]).unwrap();
    of(together.path(), 3);
    assert_eq!(fs::read(kept).unwrap(), whole);
    // So is one that became a link to what never ends.
    #[cfg(unix)]
    {
        fs::remove_file(kept).unwrap();
        std::os::unix::fs::symlink("/dev/zero", kept).unwrap();
        of(together.path(), 4);
    }
    assert_eq!(fs::read(kept).unwrap(), whole);
}

#[test]
fn a_training_that_diverges_leaves_nothing() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let method = SHORT.replace("1e-4", "1e30");
    let recipe = forget(&data, folder.path(), &method);
    let error = unlearn(&recipe, folder.path(), &mut unwatched()).err().unwrap();
    assert!(matches!(error, Error::Diverged { .. }), "{error}");
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_rate_that_ruins_the_model_is_stopped_and_a_sane_one_is_not() {
    let Some(data) = data() else { return };
    let at = |rate: f64| {
        let folder = tempfile::tempdir().unwrap();
        let method = format!(
            "name = \"rg\"\nuniform = true\nretain = [\"rooster\", \"cat\", \"car\", \"corn\"]\npictures = 8\nsampling_steps = 6\n\
             guidance = 4.0\nbatch = 4\nsteps = 20\nlearning_rate = {rate:e}"
        );
        let result =
            unlearn(&forget(&data, folder.path(), &method), folder.path(), &mut unwatched());
        (result.err(), folder.path().join("out").exists())
    };
    // Nothing is infinite, and the losses stay small: ascent is bounded.
    let (error, written) = at(5e-4);
    let said = error.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(matches!(error, Some(Error::Diverged { step: 20, .. })) && !written, "{said}");
    assert!(said.contains("what should stay") && said.contains("5e-4"), "{said}");
    let (error, written) = at(2e-5);
    assert!(error.is_none() && written, "{error:?}");
}

#[test]
fn a_lora_update_changes_attention_only() {
    let Some(data) = data() else { return };
    for precision in [Precision::F32, Precision::Bf16] {
        lora_update(&data, precision);
    }
}

fn lora_update(data: &Path, precision: Precision) {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "schema = 1\ntask = \"update\"\nseed = 3\nmodel = '{}'\ndata = '{}'\nout = \"out\"\n\
         [train]\nkind = \"lora\"\nsteps = 2\nbatch = 2\nlearning_rate = 1e-3\n",
        data.join("models/emoji-sd").display(),
        data.join("data/emoji-canvas").display(),
    );
    let recipe =
        UpdateRecipe::parse(&Document::new(&folder.path().join("update.toml"), text)).unwrap();
    let resolved = resolve::update(&recipe).unwrap();
    let context = Context { precision, ..context(&folder.path().join("runs")) };
    let journal = run::update(&resolved, &context, &mut unwatched()).unwrap();
    let saved = journal.evidence().saved("out").unwrap();
    let before = files_of(&data.join("models/emoji-sd")).unwrap();
    let unet = "unet/diffusion_pytorch_model.safetensors";
    assert_ne!(saved.files[unet], before[unet]);
    assert_eq!(saved.files["vae/config.json"], before["vae/config.json"]);
}

#[test]
fn a_checkpoint_in_the_middle_of_a_pool_resumes_bit_for_bit() {
    let Some(data) = data() else { return };
    let options = LoadOptions::on(DeviceKind::Flex.open().unwrap());
    let sd = StableDiffusion::load(&data.join("models/emoji-sd"), &options).unwrap();
    let concepts = [oubliette_testkit::examine::concept()];
    let job = Job {
        sd: &sd,
        original: &sd.weights,
        concepts: &concepts,
        adapter: None,
        lot: Lot::new(5),
        unit: "erase",
        drawn: None,
    };
    let folder = tempfile::tempdir().unwrap();
    let trained = |name: &str, stop_after: u64| {
        let settings = toml::toml! { steps = 5 pairs = 3 sampling_steps = 4 learning_rate = 1e-4 };
        let stages = METHODS.build("esd", settings).unwrap().stages(&concepts).unwrap();
        let Some(Stage::Train(mut stage)) = stages.into_iter().next() else { unreachable!() };
        let place = Place::of_run(folder.path(), name, 5, 1).unwrap();
        let mut watch = |told: Progress<'_>| {
            if told.done == stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        train(&mut stage, &job, &sd.weights, &place, &mut watch)
    };
    let whole = trained("whole", u64::MAX).unwrap();
    for stop_after in [1, 2, 4] {
        assert!(trained("torn", stop_after).is_err());
    }
    let resumed = trained("torn", u64::MAX).unwrap();
    assert_eq!(whole.loss, resumed.loss);
    for (name, weight) in &whole.weights {
        let other = resumed.weights.get(name).unwrap();
        assert_eq!(weight.to_f32_vec(), other.to_f32_vec(), "{name}");
    }
}

#[test]
fn pictures_that_are_trained_on_are_part_of_the_plan_and_their_place_is_not() {
    let Some(data) = data() else { return };
    let digest = |place: &str, caption: &str| {
        let folder = tempfile::tempdir().unwrap();
        let pictures = folder.path().join(place);
        fs::create_dir(&pictures).unwrap();
        image::RgbImage::new(32, 32).save(pictures.join("one.png")).unwrap();
        let line = format!("{{\"file_name\": \"one.png\", \"text\": \"{caption}\"}}\n");
        fs::write(pictures.join("metadata.jsonl"), line).unwrap();
        let part = format!(
            "{SHORT}\n[method.parts]\nretain_source = {{ name = \"pictures\", folder = '{}' }}\nretain = [{{ name = \"noise_mse\" }}]",
            pictures.display()
        );
        let mut plan = resolve::unlearn(&forget(&data, folder.path(), &part)).unwrap().plan;
        assert_eq!(plan.inputs.keys().collect::<Vec<_>>(), ["0/retain_source"]);
        // Its text names the place.
        plan.recipe.digest = oubliette_evidence::Digest::of(b"");
        let plan = oubliette_evidence::Plan::Unlearn(Box::new(plan));
        assert!(!plan.to_text().unwrap().contains(folder.path().to_str().unwrap()));
        plan.digest().unwrap()
    };
    assert_eq!(digest("here", "a cat"), digest("there", "a cat"));
    assert_ne!(digest("here", "a cat"), digest("here", "a dog"));
}
