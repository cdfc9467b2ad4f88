//! Every method through the command line: what it says that it changes is what changes, and the folder draws.
use crate::bench::bench;
use crate::scene::{Ended, Scene};
use safetensors::SafeTensors;
use serde_json::Value;

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";

const TEXT: &str = "text_encoder/model.safetensors";
const GUIDE: &str = "oubliette_guide.json";

const ATTACHED: &str = "oubliette_attached.json";

/// What a method may change.
pub(crate) enum Changes {
    /// Weights with this part in their names.
    Weights(&'static str),
    /// No weight: the folder gets a guide.
    Guide,
    /// No weight of the model's own: others are attached.
    Attached,
}
use Changes::{Attached, Guide, Weights};

/// A method with settings that suit a tiny model, and what it may change.
pub(crate) type Tried = (&'static str, &'static [&'static str], Changes);

pub(crate) const TRIED: &[Tried] = &[
    (
        "advanchor",
        &["pictures=2", "sampling_steps=2", "updates=2", "steps=2", "learning_rate=1e-3"],
        Weights("attn2."),
    ),
    (
        "advunlearn",
        &[
            "pictures=2",
            "sampling_steps=2",
            "updates=2",
            "warm_up=1",
            "steps=2",
            "learning_rate=1e-3",
        ],
        Weights("text_model."),
    ),
    (
        "ca",
        &["pictures=2", "sampling_steps=2", "steps=2", "batch=2", "learning_rate=1e-3"],
        Weights("attn2.to_"),
    ),
    ("dp", &["matrices=values", "phrases=[\"a drawn {name}\"]"], Weights("attn2.to_v")),
    (
        "erasediff",
        &["pictures=2", "sampling_steps=2", "steps=2", "batch=2", "learning_rate=1e-3"],
        Weights(""),
    ),
    ("esd", &["sampling_steps=3", "steps=2", "learning_rate=1e-3"], Weights("attn2.")),
    (
        "fmn",
        &["pictures=2", "sampling_steps=2", "steps=2", "learning_rate=1e-3"],
        Weights("attn2."),
    ),
    (
        "mace",
        &["pictures=1", "sampling_steps=2", "steps=2", "learning_rate=1e-2"],
        Weights("attn2.to_"),
    ),
    (
        "meta",
        &["pictures=2", "sampling_steps=2", "steps=2", "batch=2", "learning_rate=1e-3"],
        Weights(""),
    ),
    ("negative", &[], Guide),
    ("rece", &["rounds=2"], Weights("attn2.to_")),
    (
        "receler",
        &["rank=4", "updates=2", "sampling_steps=3", "steps=2", "learning_rate=1e-2"],
        Attached,
    ),
    (
        "resalign",
        &[
            "pictures=2",
            "sampling_steps=2",
            "behind={ rates = [1e-3], steps = [2], solves = 2 }",
            "steps=2",
            "batch=2",
        ],
        Weights(""),
    ),
    (
        "rg",
        &["pictures=2", "sampling_steps=2", "steps=2", "batch=2", "learning_rate=1e-3"],
        Weights(""),
    ),
    (
        "sa",
        &["pictures=2", "sampling_steps=2", "steps=2", "batch=2", "learning_rate=1e-3", "survey=1"],
        Weights(""),
    ),
    (
        "salun",
        &["pictures=2", "sampling_steps=2", "survey=2", "steps=2", "batch=2", "learning_rate=1e-3"],
        Weights(""),
    ),
    (
        "scissorhands",
        &["pictures=2", "sampling_steps=2", "survey=2", "every=1", "steps=2", "batch=2"],
        Weights(""),
    ),
    (
        "sculpting",
        &[
            "pictures=2",
            "sampling_steps=2",
            "warm_up=2",
            "steps=3",
            "interval=3",
            "learning_rate=1e-3",
        ],
        Weights("attn2.to_"),
    ),
    ("sdd", &["sampling_steps=3", "steps=2", "learning_rate=1e-3"], Weights("attn2.")),
    (
        "sepme",
        &["pictures=2", "sampling_steps=2", "steps=2", "learning_rate=1e-3", "tokens=last-subject"],
        Weights("attn2.to_"),
    ),
    ("sld", &["strength=max"], Guide),
    ("speed", &["guide=cat", "augment=3"], Weights("attn2.to_v")),
    ("spm", &["sampling_steps=3", "steps=2", "learning_rate=1e-2", "samples=2"], Attached),
    ("uce", &["guide=cat", "tokens=all"], Weights("attn2.to_")),
];

/// The names of the tensors that differ.
fn changed(scene: &Scene, out: &str) -> Vec<String> {
    [UNET, TEXT].into_iter().flat_map(|file| changed_in(scene, out, file)).collect()
}

fn changed_in(scene: &Scene, out: &str, file: &str) -> Vec<String> {
    let [old, new] =
        ["model", out].map(|folder| std::fs::read(scene.at(folder).join(file)).unwrap());
    let (old, new) =
        (SafeTensors::deserialize(&old).unwrap(), SafeTensors::deserialize(&new).unwrap());
    let differs = |name: &&str| old.tensor(name).unwrap() != new.tensor(name).unwrap();
    old.names().into_iter().filter(differs).map(str::to_owned).collect()
}

/// Has a method make `out` of `model`.
pub(crate) fn unlearn(
    scene: &Scene,
    model: &str,
    method: &str,
    settings: &[&str],
    out: &str,
) -> Ended {
    let concept = "fox.toml";
    let mut asked = vec!["unlearn", "--model", model, "--concept", concept, "--method", method];
    asked.extend(["--out", out]);
    asked.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    scene.run(&asked)
}

/// A picture of a fox by the model in a folder.
fn fox(scene: &Scene, model: &str) -> Vec<u8> {
    let asked =
        ["generate", "--model", model, "--prompt", "a fox", "--steps", "2", "--out", "fox.png"];
    let drawn = scene.run(&asked);
    assert_eq!(drawn.code, Some(0), "{model}: {drawn:?}");
    std::fs::read(scene.at("fox.png")).unwrap()
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
    let original = fox(&scene, "model");
    for (method, settings, changes) in TRIED {
        let ended = unlearn(&scene, "model", method, settings, method);
        assert_eq!(ended.code, Some(0), "{method}: {ended:?}");
        let changed = changed(&scene, method);
        match changes {
            Weights(part) => {
                assert!(!changed.is_empty(), "{method} changes nothing");
                assert!(changed.iter().all(|name| name.contains(part)), "{method}: {changed:?}");
            }
            Guide => {
                assert!(changed.is_empty(), "{method}: {changed:?}");
                let guide = scene.text(&format!("{method}/{GUIDE}"));
                assert!(guide.contains("\"text\": \"fox\""), "{method}: {guide}");
                let card = scene.text(&format!("{method}/README.md"));
                assert!(card.contains("No weight of this model was changed"), "{card}");
                assert!(card.contains("sampling policy") && card.contains("diffusers"), "{card}");
            }
            Attached => {
                assert!(changed.is_empty(), "{method}: {changed:?}");
                assert!(scene.text(&format!("{method}/{ATTACHED}")).contains("\"kind\""));
                let card = scene.text(&format!("{method}/README.md"));
                assert!(card.contains("No weight of this model was changed"), "{card}");
                assert!(card.contains(ATTACHED) && card.contains("diffusers"), "{card}");
            }
        }
        assert_ne!(fox(&scene, method), original, "{method}");
    }
}

#[test]
fn every_method_works_in_a_short_number_format() {
    let scene = bench();
    for (method, settings, _) in TRIED {
        let set = settings.iter().flat_map(|setting| ["--set", setting]);
        let asked = ["unlearn", "--model", "model", "--concept", "fox.toml", "--method", method];
        let asked: Vec<&str> =
            asked.into_iter().chain(["--dtype", "bf16", "--out", method]).chain(set).collect();
        let ended = scene.run(&asked);
        assert_eq!(ended.code, Some(0), "{method}: {ended:?}");
    }
}

#[test]
fn every_mask_that_ranks_works_in_a_short_number_format() {
    let scene = bench();
    for mask in ["dynamic", "saliency", "selft", "trim"] {
        let (named, looks) = (format!("parts.mask.name={mask}"), "parts.mask.survey=2");
        let looks = if mask == "dynamic" { "parts.mask.warm_up=2" } else { looks };
        let asked = ["unlearn", "--model", "model", "--concept", "fox.toml", "--method", "salun"];
        let set = ["pictures=2", "batch=2", "steps=2", "sampling_steps=2", "learning_rate=1e-3"];
        let set = [&set[..], &[&named, looks]].concat();
        let set = set.iter().flat_map(|setting| ["--set", *setting]);
        let asked: Vec<&str> =
            asked.into_iter().chain(["--dtype", "bf16", "--out", mask]).chain(set).collect();
        let ended = scene.run(&asked);
        assert_eq!(ended.code, Some(0), "{mask}: {ended:?}");
        // What no step may move is what the file had, and not what the short format made of it; `trim` lets everything move.
        let [moved, all] = moved(&scene, mask);
        let most = if mask == "trim" { all } else { all * 9 / 10 };
        assert!(0 < moved && moved <= most, "{mask}: {moved} of {all}");
    }
}

/// How many numbers of the denoiser differ in the tensors that do, and how many these hold.
fn moved(scene: &Scene, out: &str) -> [usize; 2] {
    let [old, new] =
        ["model", out].map(|folder| std::fs::read(scene.at(folder).join(UNET)).unwrap());
    let (old, new) =
        (SafeTensors::deserialize(&old).unwrap(), SafeTensors::deserialize(&new).unwrap());
    let mut counts = [0, 0];
    for name in changed_in(scene, out, UNET) {
        let [old, new] = [&old, &new].map(|file| file.tensor(&name).unwrap());
        let pairs = old.data().chunks(4).zip(new.data().chunks(4));
        counts[1] += pairs.len();
        counts[0] += pairs.filter(|(old, new)| old != new).count();
    }
    counts
}

#[test]
fn a_guide_is_carried_along_and_audited_as_it_will_be_used() {
    let scene = bench();
    let original = fox(&scene, "model");
    assert_eq!(unlearn(&scene, "model", "negative", &[], "led").code, Some(0));
    let guide = scene.text(&format!("led/{GUIDE}"));

    // An update and another method carry it, and say so.
    scene.edit("update.toml", |text| text.replace("model = \"model\"", "model = \"led\""));
    assert_eq!(scene.run(&["update", "update.toml"]).code, Some(0));
    assert_eq!(unlearn(&scene, "led", "uce", &[], "edited").code, Some(0));
    for folder in ["updated", "edited"] {
        assert_eq!(scene.text(&format!("{folder}/{GUIDE}")), guide);
        assert!(scene.text(&format!("{folder}/README.md")).contains(GUIDE));
    }
    assert!(scene.text("edited/README.md").contains("This model was changed so that"));
    // A second one is refused, and so is one whose end nothing would read.
    let second = unlearn(&scene, "led", "sld", &[], "twice");
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(second.err.contains(GUIDE) && second.err.contains("`text`"), "{second:?}");
    let text = format!("text=\"{}\"", "fox and cat ".repeat(40));
    let long = unlearn(&scene, "model", "negative", &[&text], "twice");
    assert!(long.code == Some(2) && long.err.contains("tokens longer"), "{long:?}");
    assert!(!scene.at("twice").exists());

    // The plan names the guide by the folder's digest; the pictures, also after training, are sampled by it.
    scene.edit("audit.toml", |text| text.replace("\"other\"", "\"led\""));
    let planned = scene.run(&["audit", "audit.toml", "--dry-run", "--json"]).json();
    let subjects = &planned["result"]["plan"]["subjects"];
    assert!(subjects[0].get("guided").is_none() && subjects[1]["guided"] == true, "{subjects}");
    let audited = scene.run(&["audit", "audit.toml", "--json"]).json();
    let said = audited["result"]["caveats"].to_string();
    assert!(said.contains("sampled by the guide in its folder"), "{said}");
    let run = audited["result"]["run"].as_str().unwrap();
    let evidence: Value =
        serde_json::from_str(&scene.text(&format!("{run}/evidence.json"))).unwrap();
    let mut seen = std::collections::BTreeMap::new();
    for sample in evidence["samples"].as_array().unwrap() {
        let (cell, picture) = (&sample["cell"], sample["picture"].as_str().unwrap().to_owned());
        let key = (cell["arm"].to_string(), cell["stage"].to_string(), sample["index"].to_string());
        seen.entry(key).or_insert_with(Vec::new).push(picture);
    }
    assert!(seen.keys().any(|(arm, ..)| arm.contains("finetune")), "{seen:?}");
    for (draw, pictures) in &seen {
        // The weights are the same, and so are the training seeds: what differs is the guide.
        assert!(pictures.len() == 2 && pictures[0] != pictures[1], "{draw:?}: {pictures:?}");
    }

    // Whoever takes it away has the model as it was, and another digest.
    std::fs::remove_file(scene.at(format!("led/{GUIDE}"))).unwrap();
    assert_eq!(fox(&scene, "led"), original);
    let again = scene.run(&["audit", "audit.toml", "--dry-run", "--json"]).json();
    assert_ne!(again["result"]["plan_digest"], planned["result"]["plan_digest"]);
}

#[test]
fn what_is_attached_is_carried_along_and_audited_as_it_will_be_used() {
    let scene = bench();
    let original = fox(&scene, "model");
    let quick = ["sampling_steps=2", "steps=2", "learning_rate=1e-1", "samples=1"];
    assert_eq!(unlearn(&scene, "model", "spm", &quick, "beside").code, Some(0));
    let attached = fox(&scene, "beside");
    assert_ne!(attached, original);

    // An update trains the model's own weights, and carries what is attached.
    scene.edit("update.toml", |text| text.replace("model = \"model\"", "model = \"beside\""));
    assert_eq!(scene.run(&["update", "update.toml"]).code, Some(0));
    let weights = "oubliette_attached.safetensors";
    for file in [ATTACHED, weights] {
        let [before, after] =
            ["beside", "updated"].map(|folder| std::fs::read(scene.at(folder).join(file)).unwrap());
        assert!(before == after, "{file} is the same");
    }
    assert!(!changed_in(&scene, "updated", UNET).is_empty());
    assert!(scene.text("updated/README.md").contains(ATTACHED));
    // The same concept cannot be attached twice, nor anything else beside it.
    for (method, settings) in [("spm", &quick[..]), ("receler", &["steps=1"][..])] {
        let second = unlearn(&scene, "beside", method, settings, "twice");
        assert_eq!(second.code, Some(2), "{second:?}");
        assert!(second.err.contains("attached to its denoiser already"), "{second:?}");
        assert!(!scene.at("twice").exists());
    }

    // There is no change of weights that could be merged.
    let merged = scene.run(&[
        "unlearn",
        "--model",
        "model",
        "--concept",
        "fox.toml",
        "--order",
        "merged",
        "--method",
        "spm",
        "--out",
        "twice",
    ]);
    assert!(merged.code == Some(2) && merged.err.contains("`spm` makes none"), "{merged:?}");
    scene.edit("audit.toml", |text| text.replace("\"other\"", "\"beside\""));
    let audited = scene.run(&["audit", "audit.toml", "--json"]).json();
    let said = audited["result"]["caveats"].to_string();
    assert!(said.contains("sampled with what is attached"), "{said}");
    let dry = scene.run(&[
        "unlearn",
        "--model",
        "model",
        "--concept",
        "fox.toml",
        "--method",
        "receler",
        "--out",
        "dry",
        "--dry-run",
    ]);
    assert_eq!(dry.code, Some(0), "{dry:?}");

    // Whoever takes it away has the model as it was.
    for file in [ATTACHED, weights] {
        std::fs::remove_file(scene.at("beside").join(file)).unwrap();
    }
    assert_eq!(fox(&scene, "beside"), original);
}

#[test]
fn what_a_comparison_fills_is_filled_for_one_concept_as_well() {
    let scene = bench();
    let settings = ["guide={neighbour}", "preserve=[\"{superclass}\"]", "phrases=[\"a {name}\"]"];
    let set = settings.iter().flat_map(|setting| ["--set", setting]);
    let asked = ["unlearn", "--model", "model", "--concept", "fox.toml", "--method", "uce"];
    let asked: Vec<&str> =
        asked.into_iter().chain(["--out", "out", "--dry-run", "--json"]).chain(set).collect();
    let planned = scene.run(&asked);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    let settings = planned.json()["result"]["plan"]["settings"].clone();
    assert_eq!(settings["guide"], "cat");
    assert_eq!(settings["preserve"][0], "animal");
    assert_eq!(settings["phrases"][0], "a {name}");
}

#[test]
fn several_concepts_are_forgotten_together_or_in_turn() {
    let scene = bench();
    let text = std::fs::read_to_string(scene.at("fox.toml")).unwrap();
    let guitar = text.replace("\"fox\"", "\"guitar\"").replace("\"animal\"", "\"instrument\"");
    std::fs::write(scene.at("guitar.toml"), guitar).unwrap();
    let unlearn = |order: &str, concepts: [&str; 2]| {
        scene.run(&[
            "unlearn",
            "--model",
            "model",
            "--concept",
            concepts[0],
            "--concept",
            concepts[1],
            "--order",
            order,
            "--method",
            "uce",
            "--out",
            order,
            "--json",
        ])
    };
    let mut stages = Vec::new();
    for order in ["together", "in-turn", "merged"] {
        let ended = unlearn(order, ["fox.toml", "guitar.toml"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let run = ended.json()["result"]["run"].as_str().unwrap().to_owned();
        let events = std::fs::read_to_string(scene.at(&run).join("events.jsonl")).unwrap();
        stages.push(events.matches("-edit\"").count());
        let card = std::fs::read_to_string(scene.at(order).join("README.md")).unwrap();
        assert!(card.contains("`fox`") && card.contains("`guitar`"), "{card}");
    }
    assert_eq!(stages, [1, 2, 2]);
    assert_ne!(changed(&scene, "in-turn"), Vec::<String>::new());
    let twice = unlearn("in-turn", ["fox.toml", "fox.toml"]);
    assert!(twice.code == Some(2) && twice.err.contains("named twice"), "{twice:?}");
}
