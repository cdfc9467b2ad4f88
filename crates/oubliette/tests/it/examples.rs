//! The recipes under `examples/`, of the demo and of the studies are read and their settings filled in; only the models are missing.
use oubliette_evidence::document::Document;
use oubliette_evidence::recipe::{AuditRecipe, ComparedCell, UnlearnRecipe};
use oubliette_evidence::{Concept, Recipe};
use oubliette_lab::{ATTACKS, DETECTORS, METHODS, methods::Stage, parts::mix::Mix, tuning::Tuning};
use std::path::{Path, PathBuf};

/// Every TOML file below a folder, but for what runs have left there.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("work") {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_example_is_read_and_its_settings_are_known() {
    let mut found = Vec::new();
    for folder in [
        "examples",
        "assets",
        "recipes/tune",
        "studies/benign-updates",
        "studies/claims",
        "studies/methods",
        "studies/tuning",
    ] {
        files(&root().join(folder), &mut found);
    }
    assert!(found.len() >= 15, "{found:?}");
    for file in found {
        if file.parent().unwrap().ends_with("concepts") {
            for detector in Concept::read(&file).unwrap().detector {
                DETECTORS.fill(&detector.kind, detector.settings).unwrap();
            }
            continue;
        }
        if file.ends_with("chosen.toml") {
            let chosen: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
            let mut settings = chosen["method"][0].as_table().unwrap().clone();
            settings.remove("label").unwrap();
            let name = settings.remove("name").unwrap();
            METHODS.fill(name.as_str().unwrap(), settings).unwrap();
            continue;
        }
        match Recipe::read(&file).unwrap_or_else(|error| panic!("{error}")) {
            Recipe::Unlearn(recipe) => unlearn(&recipe),
            Recipe::Update(recipe) => {
                let mut train = recipe.train.clone();
                train.remove("steps").unwrap();
                let _: Tuning = train.try_into().unwrap();
            }
            Recipe::Audit(recipe) => audit(&recipe),
            Recipe::Compare(recipe) => cells(&recipe.cells().unwrap()),
            Recipe::Tune(recipe) => cells(&recipe.cells().unwrap()),
        }
    }
}

fn cells(cells: &[ComparedCell]) {
    for cell in cells {
        unlearn(&cell.unlearn);
        audit(&cell.audit);
    }
}

fn unlearn(recipe: &UnlearnRecipe) {
    let mut settings = recipe.method.settings.clone();
    settings.remove("parts");
    METHODS.fill(&recipe.method.name, settings).unwrap();
    let file = recipe.source.file();
    for concept in recipe.concept.all() {
        assert!(recipe.source.beside(concept).is_file(), "{}", file.display());
    }
}

fn audit(recipe: &AuditRecipe) {
    for attack in &recipe.attack {
        ATTACKS.fill(&attack.name, attack.settings.clone()).unwrap();
    }
    let file = recipe.source.file();
    assert!(recipe.source.beside(&recipe.concept).is_file(), "{}", file.display());
}

/// The mix of parts that the specification shows can be built and can take a step.
#[test]
fn the_mix_of_the_specification_works() {
    let page = root().join("spec/recipe.md");
    let page = std::fs::read_to_string(page).unwrap();
    let shown = page.split("```toml\n").find(|example| example.contains("[method.parts]")).unwrap();
    let document = Document::new("recipe.md".as_ref(), shown.split("```").next().unwrap());
    let recipe = UnlearnRecipe::parse(&document).unwrap();
    let mut settings = recipe.method.settings.clone();
    let mix = Mix::take(&mut settings).unwrap().unwrap();
    let lion = root().join("studies/methods/concepts/lion.toml");
    let method = METHODS.build(&recipe.method.name, settings).unwrap();
    let mut stages = method.stages(&[Concept::read(&lion).unwrap()]).unwrap();
    mix.apply(&mut stages, "recipes".as_ref()).unwrap();
    let [Stage::Train(train)] = &stages[..] else { panic!("{} stages", stages.len()) };
    train.check().unwrap();
    assert_eq!((train.forget.len(), train.retain.len(), train.wrappers.len()), (2, 2, 1));
}
