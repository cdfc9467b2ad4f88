//! Rules of the structure, read from the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

use oubliette_lab::{
    ATTACKS, DETECTORS, METHODS, METRICS,
    parts::{
        anchor::ANCHORS, combiner::COMBINERS, mask::MASKS, objective::OBJECTIVES, source::SOURCES,
        wrapper::WRAPPERS,
    },
};

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
    all.sort();
    all
}

/// The files of a list's folder: one for every member, beside `mod.rs`.
fn members(folder: &str) -> Vec<String> {
    let folder = crates().join("oubliette-lab/src").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let names = files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name != "mod").collect();
    names.sort();
    names
}

#[test]
fn a_folder_is_its_list() {
    // Files that hold no member say so here, with the reason.
    let helpers = [
        ("detectors", "calibration"),   // measures a detector's error; is none
        ("methods", "shown"),           // the prompts and pictures that methods train on
        ("parts/combiner", "products"), // scalar products of the two sides
        ("parts/source", "focus"),      // where noise levels are drawn from
        ("parts/mask", "ranking"),      // sums of gradients, and the largest of them
    ];
    for (folder, list) in [
        ("methods", METHODS.names()),
        ("attacks", ATTACKS.names()),
        ("detectors", DETECTORS.names()),
        ("metrics", METRICS.names()),
        ("parts/anchor", ANCHORS.names()),
        ("parts/combiner", COMBINERS.names()),
        ("parts/mask", MASKS.names()),
        ("parts/objective", OBJECTIVES.names()),
        ("parts/source", SOURCES.names()),
        ("parts/wrapper", WRAPPERS.names()),
    ] {
        let mut files = members(folder);
        files.retain(|file| !helpers.contains(&(folder, file)));
        assert_eq!(files, list, "{folder}");
    }
}

#[test]
fn methods_and_attacks_do_not_know_each_other() {
    let lab = crates().join("oubliette-lab/src");
    for (folder, foreign) in [("methods", "attacks"), ("attacks", "methods")] {
        for file in sources(&lab.join(folder)) {
            let text = fs::read_to_string(&file).unwrap();
            let path = format!("{foreign}::");
            let found = text.contains(&path) || text.contains(&foreign.to_uppercase());
            assert!(!found, "{} names {foreign}", file.display());
        }
    }
}

#[test]
fn the_model_core_knows_nothing_of_forgetting() {
    for file in sources(&crates().join("oubliette-model/src")) {
        let text = fs::read_to_string(&file).unwrap().to_lowercase();
        for word in ["unlearn", "attack", "verdict"] {
            assert!(!text.contains(word), "{} says `{word}`", file.display());
        }
        for word in ["forget", "forgotten"] {
            let said = text.split(|c: char| !c.is_alphabetic()).any(|found| found == word);
            assert!(!said, "{} says `{word}`", file.display());
        }
    }
}

#[test]
fn only_the_lists_know_names() {
    let lab = crates().join("oubliette-lab/src");
    let lists = [METHODS.names(), ATTACKS.names(), DETECTORS.names(), METRICS.names()];
    for file in sources(&lab) {
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap(); // tests may say whom they try
        for name in lists.iter().flatten() {
            let inside = file.components().any(|part| {
                let part = part.as_os_str().to_string_lossy();
                part == *name || part == format!("{name}.rs")
            });
            // Who does not say a name cannot branch on it, however that is spelt.
            let found = text.contains(&format!("\"{name}\""));
            assert!(inside || !found, "{} knows the name `{name}`", file.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for name in ["oubliette-lab", "oubliette-testkit"] {
        for file in sources(&crates().join(name).join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("//! "), "{}", file.display());
        }
    }
}
