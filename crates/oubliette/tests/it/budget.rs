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
