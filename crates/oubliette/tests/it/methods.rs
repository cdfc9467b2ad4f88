//! Every method through the command line: what it says that it changes is what changes, and the folder draws.
use crate::bench::bench;
use crate::scene::Scene;
use safetensors::SafeTensors;

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";

/// A method with settings that suit a tiny model, and a part of every name that it may change.
type Tried = (&'static str, &'static [&'static str], &'static str);

const TRIED: &[Tried] = &[
    (
        "ca",
        &["pictures=2", "sampling_steps=2", "steps=2", "batch=2", "learning_rate=1e-3"],
        "attn2.to_",
    ),
    ("dp", &["matrices=values", "phrases=[\"a drawn {name}\"]"], "attn2.to_v"),
    ("esd", &["sampling_steps=3", "steps=2", "learning_rate=1e-3"], "attn2."),
    ("rece", &["rounds=2"], "attn2.to_"),
    ("rg", &["pictures=2", "sampling_steps=2", "steps=2", "batch=2", "learning_rate=1e-3"], ""),
    ("speed", &["guide=cat", "augment=3"], "attn2.to_v"),
    ("uce", &["guide=cat", "tokens=all"], "attn2.to_"),
];

/// The names of the tensors that differ.
fn changed(scene: &Scene, out: &str) -> Vec<String> {
    let [old, new] =
        ["model", out].map(|folder| std::fs::read(scene.at(folder).join(UNET)).unwrap());
    let (old, new) =
        (SafeTensors::deserialize(&old).unwrap(), SafeTensors::deserialize(&new).unwrap());
    let differs = |name: &&str| old.tensor(name).unwrap() != new.tensor(name).unwrap();
    old.names().into_iter().filter(differs).map(str::to_owned).collect()
}

#[test]
fn every_method_changes_what_its_card_says() {
    let listed = Scene::empty().run(&["list", "methods", "--json"]).json();
    let names: Vec<_> = listed["result"]["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        TRIED.iter().map(|(name, ..)| *name).collect::<Vec<_>>(),
        "each method is tried"
    );
    let scene = bench();
    for (method, settings, part) in TRIED {
        let set = settings.iter().flat_map(|setting| ["--set", setting]);
        let asked = [
            "unlearn",
            "--model",
            "model",
            "--concept",
            "fox.toml",
            "--method",
            method,
            "--out",
            method,
        ];
        let ended = scene.run(&asked.into_iter().chain(set).collect::<Vec<_>>());
        assert_eq!(ended.code, Some(0), "{method}: {ended:?}");
        let changed = changed(&scene, method);
        assert!(!changed.is_empty(), "{method} changes nothing");
        assert!(changed.iter().all(|name| name.contains(part)), "{method}: {changed:?}");
        let drawn = scene.run(&[
            "generate", "--model", method, "--prompt", "a fox", "--steps", "2", "--out", "fox.png",
        ]);
        assert_eq!(drawn.code, Some(0), "{method}: {drawn:?}");
    }
}

#[test]
fn what_a_method_lacks_is_refused_before_anything_is_done() {
    for (method, set, says) in [
        ("ca", "steps=2", "superclass"),
        ("dp", "matrices=keys", "nothing safe"),
        ("rg", "steps=2", "retain set is empty"),
        ("rece", "regulariser=0.0", "regulariser"),
        ("speed", "gamma=0.0", "gamma"),
    ] {
        let scene = bench();
        scene.edit("fox.toml", |text| {
            text.replace("superclass = \"animal\"\nkeep = [\"cat\"]\n", "")
        });
        let ended = scene.run(&[
            "unlearn",
            "--model",
            "model",
            "--concept",
            "fox.toml",
            "--method",
            method,
            "--out",
            "out",
            "--set",
            set,
        ]);
        assert_eq!(ended.code, Some(2), "{method}: {ended:?}");
        assert!(ended.err.contains(says), "{method}: {ended:?}");
        assert!(!scene.at("out").exists() && !scene.at("runs").exists());
    }
}

#[test]
fn a_concept_that_is_to_be_preserved_as_well_is_named() {
    let scene = bench();
    let asked = ["unlearn", "--model", "model", "--concept", "fox.toml", "--method", "dp"];
    let set = ["--set", "preserve=[\"fox\"]", "--out", "out"];
    let ended = scene.run(&[&asked[..], &set].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for says in ["fox", "preserve fewer texts"] {
        assert!(ended.err.contains(says), "{ended:?}");
    }
    assert!(!scene.at("out").exists());
}
