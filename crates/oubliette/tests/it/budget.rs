//! `--memory`: what is picked, what is refused, and that the evidence says when blocks were computed again.
use crate::bench::bench;

#[test]
fn what_cannot_fit_is_refused_before_anything_is_written() {
    let scene = bench();
    let before = scene.everything();
    for recipe in [["unlearn", "unlearn.toml"], ["update", "update.toml"], ["audit", "audit.toml"]]
    {
        let ended = scene.run(&[&recipe[..], &["--memory", "1MB"]].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("--memory") && ended.err.contains("wants about"), "{ended:?}");
        assert!(ended.err.contains("raise `--memory`"), "{ended:?}");
    }
    assert!(before == scene.everything());
    assert_eq!(scene.run(&["update", "update.toml", "--memory", "8 elephants"]).code, Some(2));
}

#[test]
fn blocks_are_computed_again_where_all_activations_would_be_too_many() {
    let scene = bench();
    let wants = |more: &[&str]| {
        let planned =
            scene.run(&[&["update", "update.toml", "--dry-run", "--json"], more].concat());
        planned.json()["result"]["expected"]["memory_bytes"].as_u64().unwrap()
    };
    let all = wants(&[]);
    let less = (all - 1).to_string();
    assert!(wants(&["--memory", &less]) < all);
    assert_eq!(wants(&["--memory", "8GiB"]), all);
    let ended = scene.run(&["update", "update.toml", "--memory", &less]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("blocks computed again"), "{ended:?}");
    let runs = std::fs::read_dir(scene.at("runs")).unwrap();
    let run = runs.map(|run| run.unwrap().path()).find(|path| path.is_dir()).unwrap();
    let events = std::fs::read_to_string(run.join("events.jsonl")).unwrap();
    assert!(events.contains("recompute"), "{events}");
}

#[test]
fn an_adapter_wants_less_than_the_weights_it_stands_for() {
    let scene = bench();
    let wants = |parts: &str| {
        let mut asked = vec!["unlearn", "--model", "model", "--concept", "fox.toml", "--json"];
        asked.extend(["--method", "erasediff", "--out", "out", "--dry-run", "--set", parts]);
        let planned = scene.run(&asked);
        planned.json()["result"]["expected"]["memory_bytes"].as_u64().unwrap()
    };
    let [whole, small, large] = ["parts={}", "parts.lora.rank=1", "parts.lora.rank=16"].map(wants);
    assert!(small < large && small < whole, "{small}, {large}, {whole}");
}

#[test]
fn what_is_fused_or_attached_is_counted_as_what_it_is() {
    let scene = bench();
    let wants = |method: &str, set: &str| {
        let mut asked = vec!["unlearn", "--model", "model", "--concept", "fox.toml", "--json"];
        asked.extend(["--method", method, "--out", "out", "--dry-run", "--set", set]);
        let planned = scene.run(&asked);
        planned.json()["result"]["expected"]["memory_bytes"].as_u64().unwrap()
    };
    // An adapter in cross-attention, and not the whole denoiser.
    let batch = "batch=1";
    assert!(wants("mace", batch) < wants("erasediff", batch));
    assert!(wants("mace", "rank=16") > wants("mace", "rank=1"));
    // Erasers are few, but what they stand behind is gone through backward.
    assert!(wants("receler", "batch=64") > wants("receler", batch) + 1_000_000);
}

#[test]
fn an_audit_counts_the_batch_of_its_trainings_and_whether_they_train_adapters() {
    let scene = bench();
    let wants = |train: &str| {
        scene.edit("audit.toml", |text| text.replace("train = { batch = 2 }", train));
        let planned = scene.run(&["audit", "audit.toml", "--dry-run", "--json"]);
        scene.edit("audit.toml", |text| text.replace(train, "train = { batch = 2 }"));
        planned.json()["result"]["expected"]["memory_bytes"].as_u64().unwrap()
    };
    let few = wants("train = { batch = 1 }");
    assert!(wants("train = { batch = 64 }") > few);
    assert!(wants("train = { batch = 1, kind = \"lora\" }") < few);
}
