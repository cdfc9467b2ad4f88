//! `update` and `unlearn` also write the adapter by itself, and it makes of the model what the folder of the result holds.
use crate::bench::bench;
use crate::methods::TRIED;
use crate::scene::{Ended, Scene};

/// How far the pictures of `merged` and of the model under the adapter lie apart, at most, in levels.
fn apart(scene: &Scene, merged: &str, adapter: &str) -> u8 {
    let draw = |model: &str, lora: &[&str], out: &str| {
        let asked =
            ["generate", "--prompt", "a fox", "--steps", "3", "--model", model, "--out", out];
        let ended = scene.run(&[&asked[..], lora].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        image::open(scene.at(out)).unwrap().to_rgb8()
    };
    let merged = draw(merged, &[], "merged.png");
    let laid_over = draw("model", &["--lora", adapter], "laid-over.png");
    merged.iter().zip(laid_over.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn the_adapter_laid_over_the_model_draws_what_the_updated_model_draws() {
    let scene = bench();
    scene.edit("update.toml", |text| {
        text.replace("out =", "adapter = \"lora\"\nout =")
            .replace("[train]", "[train]\nkind = \"lora\"")
    });
    let ended = scene.run(&["update", "update.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(apart(&scene, "updated", "lora") <= 1);
    assert_eq!(
        scene.run(&["update", "update.toml"]).code,
        Some(0),
        "a finished run is taken as it is"
    );
    std::fs::remove_dir_all(scene.at("lora")).unwrap();
    assert_ne!(scene.run(&["update", "update.toml"]).code, Some(0), "the adapter is gone");
}

#[test]
fn a_full_training_makes_no_adapter() {
    let scene = bench();
    scene.edit("update.toml", |text| text.replace("out =", "adapter = \"lora\"\nout ="));
    let ended = scene.run(&["update", "update.toml"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("adapter") && ended.err.contains("lora"), "{ended:?}");
}

/// Has a method leave an adapter of rank two.
fn unlearn(scene: &Scene, method: &str, settings: &[&str], more: &[&str]) -> Ended {
    let (out, adapter) = (format!("{method}-out"), format!("{method}-lora"));
    let set = settings.iter().flat_map(|setting| ["--set", setting]);
    let mut asked = vec!["unlearn", "--model", "model", "--concept", "fox.toml"];
    asked.extend(["--method", method, "--out", &out, "--adapter", &adapter]);
    asked.extend(set.chain(more.iter().copied()));
    scene.run(&asked)
}

const LOW_RANK: &[&str] = &["--set", "parts.lora.rank=2"];

#[test]
fn what_trains_layers_as_a_whole_leaves_an_adapter_and_the_others_say_why_not() {
    let scene = bench();
    let mut adapters = Vec::new();
    for (method, settings, _) in TRIED {
        let ended = unlearn(&scene, method, settings, LOW_RANK);
        let adapter = format!("{method}-lora");
        if ended.code == Some(0) {
            assert!(apart(&scene, &format!("{method}-out"), &adapter) <= 1, "{method}");
            adapters.push(*method);
        } else {
            assert_eq!(ended.code, Some(2), "{method}: {ended:?}");
            assert!(ended.err.contains("; "), "{method}: {ended:?}");
            assert!(!scene.at(&adapter).exists(), "{method}");
        }
    }
    let wanted = ["advanchor", "advunlearn", "ca", "erasediff", "esd", "fmn", "meta", "resalign"];
    assert_eq!(adapters, [&wanted[..], &["rg", "sdd"]].concat());
}

#[test]
fn an_adapter_of_an_unlearning_is_taken_as_it_is_and_missed_when_it_is_gone() {
    let scene = bench();
    let settings = ["sampling_steps=3", "steps=2", "learning_rate=1e-3"];
    let ended = unlearn(&scene, "esd", &settings, &[LOW_RANK, &["--json"]].concat());
    assert_eq!(ended.json()["result"]["adapter"], "esd-lora", "{ended:?}");
    let card = scene.text("esd-out/README.md");
    assert!(card.contains("Parts in place of the method's own") && card.contains("lora"), "{card}");
    let own = scene.text("esd-lora/README.md");
    let shared = card.split_once("- Method").unwrap().1;
    assert!(own.contains("by itself") && own.contains(shared.trim()), "{own}");
    assert_eq!(unlearn(&scene, "esd", &settings, LOW_RANK).code, Some(0));
    std::fs::remove_dir_all(scene.at("esd-lora")).unwrap();
    let ended = unlearn(&scene, "esd", &settings, LOW_RANK);
    assert!(ended.code == Some(4) && ended.err.contains("esd-lora"), "{ended:?}");
}

#[test]
fn a_change_that_is_no_adapter_is_not_written_as_one() {
    let scene = bench();
    scene.edit("fox.toml", |text| text.replace("\"animal\"", "\"dog\""));
    let cat = scene
        .text("fox.toml")
        .replace("fox", "cat")
        .replace("[\"cat\"]\nprompts", "[\"owl\"]\nprompts");
    scene.write("cat.toml", cat.replace("keep = [\"cat\"]", "keep = [\"owl\"]"));
    let in_turn = [LOW_RANK, &["--concept", "cat.toml", "--order", "in-turn"]].concat();
    for (method, more, says) in [
        ("esd", &[][..], "lora = { rank = 4 }"),
        ("uce", &[], "more than one training"),
        ("esd", &in_turn, "more than one training"),
    ] {
        let ended = unlearn(&scene, method, &[], more);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("`adapter`") || ended.err.contains("adapter"), "{ended:?}");
        assert!(ended.err.contains(says), "{says}: {ended:?}");
    }
    assert!(!scene.at("runs").exists());
}

#[test]
fn in_a_short_format_the_folder_is_the_model_with_the_adapter_worked_in() {
    let scene = bench();
    let settings = ["sampling_steps=3", "steps=2", "learning_rate=1e-3"];
    let short = [LOW_RANK, &["--dtype", "bf16"]].concat();
    let ended = unlearn(&scene, "esd", &settings, &short);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(apart(&scene, "esd-out", "esd-lora") <= 1);
}
