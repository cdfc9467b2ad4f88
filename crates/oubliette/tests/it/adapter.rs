//! `update` also writes the adapter by itself, and it makes of the model what the updated folder holds.
use crate::bench::bench;

#[test]
fn the_adapter_laid_over_the_model_draws_what_the_updated_model_draws() {
    let scene = bench();
    scene.edit("update.toml", |text| {
        text.replace("out =", "adapter = \"lora\"\nout =")
            .replace("[train]", "[train]\nkind = \"lora\"")
    });
    let ended = scene.run(&["update", "update.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let draw = |model: &str, lora: &[&str], out: &str| {
        let asked =
            ["generate", "--prompt", "a fox", "--steps", "3", "--model", model, "--out", out];
        let ended = scene.run(&[&asked[..], lora].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        image::open(scene.at(out)).unwrap().to_rgb8()
    };
    let merged = draw("updated", &[], "merged.png");
    let laid_over = draw("model", &["--lora", "lora"], "laid-over.png");
    let furthest = merged.iter().zip(laid_over.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(furthest <= 1, "{furthest}");
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
