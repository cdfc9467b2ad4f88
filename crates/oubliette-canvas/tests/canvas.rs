//! What must hold of every picture and every caption.
use std::collections::{BTreeMap, BTreeSet};

use oubliette_canvas::{
    KeptBack, Place, SIDE, Scene, Selection, Template, caption, colours, folder, is_kept_back,
    objects, patterns, sample, styles,
};

fn plain(object: &str, style: &str, colour: &str) -> Scene {
    Scene {
        object: objects::ALL.iter().find(|o| o.name == object).expect("an object"),
        style: styles::ALL.iter().find(|s| s.name == style).expect("a style"),
        colour: colours::ALL.iter().find(|c| c.name == colour).expect("a colour"),
        place: Place::CENTRE,
        backdrop: 0.5,
        tone: 0.0,
        accident: 0.5,
    }
}

fn distance(a: &Scene, b: &Scene) -> f64 {
    let (a, b) = (a.draw(SIDE), b.draw(SIDE));
    let sum: u64 = a.iter().zip(b.iter()).map(|(x, y)| u64::from(x.abs_diff(*y))).sum();
    sum as f64 / a.len() as f64
}

#[test]
fn lists_are_the_folders() {
    let files = |folder: &str| -> Vec<String> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
        let names = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name());
        let names: BTreeSet<String> =
            names.map(|n| n.into_string().unwrap().replace(".rs", "")).collect();
        names.into_iter().filter(|n| n != "mod").collect()
    };
    assert_eq!(files("objects"), objects::ALL.iter().map(|o| o.name).collect::<Vec<_>>());
    assert_eq!(files("styles"), styles::ALL.iter().map(|s| s.name).collect::<Vec<_>>());
    assert_eq!(files("patterns"), patterns::ALL.iter().map(|p| p.name).collect::<Vec<_>>());
}

#[test]
fn objects_styles_and_colours_can_be_told_apart() {
    for (i, a) in objects::ALL.iter().enumerate() {
        for b in &objects::ALL[i + 1..] {
            let d = distance(&plain(a.name, "flat", "red"), &plain(b.name, "flat", "red"));
            assert!(d > 9.0, "{} and {}: {d}", a.name, b.name);
        }
    }
    for (i, a) in styles::ALL.iter().enumerate() {
        for b in &styles::ALL[i + 1..] {
            let d = distance(&plain("car", a.name, "red"), &plain("car", b.name, "red"));
            assert!(d > 12.0, "{} and {}: {d}", a.name, b.name);
        }
    }
    for (i, a) in colours::ALL.iter().enumerate() {
        for b in &colours::ALL[i + 1..] {
            for style in styles::ALL {
                let d = distance(
                    &plain("balloon", style.name, a.name),
                    &plain("balloon", style.name, b.name),
                );
                assert!(d > 2.0, "{} and {} in {}: {d}", a.name, b.name, style.name);
            }
        }
    }
}

#[test]
fn captions_say_what_is_shown() {
    let scene = plain("cat", "ink", "orange");
    let said: Vec<String> = Template::ALL.iter().map(|t| caption(&scene, *t)).collect();
    assert_eq!(
        said,
        [
            "an ink orange cat",
            "an ink drawing of an orange cat",
            "an orange cat in ink style",
            "an ink drawing of a cat",
            "an orange cat",
            "a cat",
            "a picture of a cat",
            "an ink drawing of an animal",
            "an animal",
        ]
    );
}

#[test]
fn a_longer_sample_begins_like_a_shorter_one() {
    let (short, long) =
        (sample(7, 20, &Selection::default()), sample(7, 40, &Selection::default()));
    for (a, b) in short.iter().zip(&long) {
        assert_eq!(a.caption, b.caption);
        assert_eq!(a.scene.draw(SIDE), b.scene.draw(SIDE));
    }
    let other = sample(8, 20, &Selection::default());
    assert!(short.iter().zip(&other).any(|(a, b)| a.caption != b.caption));
}

#[test]
fn a_sample_keeps_to_its_selection() {
    let without = Selection { without: vec!["cat".into()], ..Selection::default() };
    for row in sample(1, 400, &without) {
        let s = row.scene;
        assert_ne!(s.object.name, "cat");
        assert!(!row.caption.contains("cat"));
        assert!(!is_kept_back(s.object.name, s.style.name, s.colour.name));
    }
    let test = Selection { kept_back: KeptBack::Only, ..Selection::default() };
    let captions: BTreeSet<String> =
        sample(1, 3000, &test).into_iter().map(|r| r.caption).collect();
    assert!(captions.len() >= 200, "{}", captions.len());
    let nothing = Selection { only: vec!["unicorn".into()], ..Selection::default() };
    assert!(sample(1, 3, &nothing).is_empty());
}

#[test]
fn every_object_style_and_colour_is_kept_back_about_as_often() {
    let mut counts = BTreeMap::<&str, usize>::new();
    for object in objects::ALL {
        for style in styles::ALL {
            for colour in colours::ALL {
                if is_kept_back(object.name, style.name, colour.name) {
                    for name in [object.name, style.name, colour.name] {
                        *counts.entry(name).or_default() += 1;
                    }
                }
            }
        }
    }
    assert_eq!(counts.len(), objects::ALL.len() + styles::ALL.len() + colours::ALL.len());
    for object in objects::ALL {
        assert!((4..=7).contains(&counts[object.name]), "{counts:?}");
    }
}

#[test]
fn a_folder_holds_pictures_and_their_list() {
    let folder = std::env::temp_dir().join(format!("oubliette-canvas-{}", std::process::id()));
    let rows = patterns::sample(3, 5, 32);
    assert_eq!(folder::write(&folder, rows.clone()).unwrap(), 5);
    let list = std::fs::read_to_string(folder.join("metadata.csv")).unwrap();
    assert_eq!(list.lines().count(), 6);
    assert_eq!(list.lines().nth(1).unwrap(), format!("00000.png,{}", rows[0].caption));
    let back = image::open(folder.join("00004.png")).unwrap().to_rgb8();
    assert_eq!(back, rows[4].picture);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 6, "nothing else is left");
    std::fs::remove_dir_all(&folder).unwrap();
}
