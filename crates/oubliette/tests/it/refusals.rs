//! What `unlearn` refuses, before anything is done and with nothing left behind.
use crate::bench::bench;
use crate::methods::unlearn;

#[test]
fn what_is_missing_beside_a_recipe_is_named() {
    let scene = bench();
    let asked = ["unlearn", "--model", "model", "--concept", "fox.toml", "--method", "uce"];
    for (asked, says) in [
        (&asked[..], "`--out` must be given"),
        (&asked[..5], "`--method` and `--out` must be given"),
        (&asked[..1], "name a recipe"),
    ] {
        let ended = scene.run(asked);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(says), "{says}: {ended:?}");
    }
}

#[test]
fn what_a_method_lacks_is_refused_before_anything_is_done() {
    for (method, set, says) in [
        ("ca", "steps=2", "superclass"),
        ("dp", "matrices=keys", "nothing safe"),
        ("rg", "steps=2", "retain set is empty"),
        ("mace", "lambda=0.0", "lambda"),
        ("rece", "regulariser=0.0", "regulariser"),
        ("salun", "steps=2", "retain set is empty"),
        ("sculpting", "steps=2", "superclass"),
        ("receler", "rank=0", "rank 0"),
        ("spm", "rank=5000", "rank of 1 to 4096"),
        ("speed", "gamma=0.0", "gamma"),
    ] {
        let scene = bench();
        scene.edit("fox.toml", |text| {
            text.replace("superclass = \"animal\"\nkeep = [\"cat\"]\n", "")
        });
        let ended = unlearn(&scene, "model", method, &[set], "out");
        assert_eq!(ended.code, Some(2), "{method}: {ended:?}");
        assert!(ended.err.contains(says), "{method}: {ended:?}");
        assert!(!scene.at("out").exists() && !scene.at("runs").exists());
    }
}

#[test]
fn a_name_that_the_model_cannot_read_is_refused() {
    let scene = bench();
    let text = std::fs::read_to_string(scene.at("fox.toml")).unwrap();
    let late = format!("{} {{name}}", "a ".repeat(80));
    for (from, to, says) in [
        ("names = [\"fox\"]", "names = [\"qzxkjvwqpy\"]".to_owned(), "splits the name"),
        ("a {name}", late, "comes after them"),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        std::fs::write(scene.at("odd.toml"), text.replace(from, &to)).unwrap();
        let asked = ["unlearn", "--model", "model", "--concept", "odd.toml", "--method", "uce"];
        let ended = scene.run(&[&asked[..], &["--out", "out"]].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(says), "{says}: {ended:?}");
        assert!(!scene.at("out").exists() && !scene.at("runs").exists(), "nothing is left behind");
    }
}

#[test]
fn a_concept_that_is_to_be_preserved_as_well_is_named() {
    let scene = bench();
    let ended = unlearn(&scene, "model", "dp", &["preserve=[\"fox\"]"], "out");
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for says in ["fox", "preserve fewer texts"] {
        assert!(ended.err.contains(says), "{ended:?}");
    }
    assert!(!scene.at("out").exists());
}
