//! The pages under `studies/` follow from the raw scores that are kept beside them.
use crate::scene::{Scene, copy};
use std::path::{Path, PathBuf};

/// Every comparison of which something is kept: its recipe's name.
fn kept(study: &Path) -> Vec<String> {
    let recipes = std::fs::read_dir(study).unwrap().map(|entry| entry.unwrap().path());
    let toml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    let mut names: Vec<String> = recipes
        .filter(|path| toml(path) && path.with_extension("").join("page.md").is_file())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_page_is_rendered_again_from_what_is_kept() {
    let study = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../studies/benign-updates");
    let scene = Scene::empty();
    copy(&study.join("concepts"), &scene.at("concepts"));
    let names = kept(&study);
    assert!(!names.is_empty(), "nothing is kept of the study");
    for name in names {
        let recipe = format!("{name}.toml");
        std::fs::copy(study.join(&recipe), scene.at(&recipe)).unwrap();
        copy(&study.join(&name).join("cells"), &scene.at(&name).join("cells"));
        let ended = scene.run(&["compare", &recipe, "--render"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let there = std::fs::read_to_string(study.join(&name).join("page.md")).unwrap();
        assert_eq!(scene.text(&format!("{name}/page.md")), there, "{name}");
    }
}
