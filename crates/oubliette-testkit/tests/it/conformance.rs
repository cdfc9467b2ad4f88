//! Every listed thing against the suites.

use std::{collections::BTreeSet, rc::Rc};

use oubliette_lab::{
    ATTACKS, DETECTORS, List, METHODS, METRICS, describe,
    parts::{
        anchor::ANCHORS, combiner::COMBINERS, mask::MASKS, objective::OBJECTIVES, source::SOURCES,
        wrapper::WRAPPERS,
    },
    subject::{Asked, Subject},
};
use oubliette_testkit::{
    ColourEye, Known, Truth, conformance,
    examine::{concept, unrelated},
    toy::ATTACKS_WITH_TOY,
};

#[test]
fn lists_are_sorted_and_cards_whole() {
    conformance::list(&METHODS);
    conformance::list(&ATTACKS);
    conformance::list(&ATTACKS_WITH_TOY);
    conformance::list(&DETECTORS);
    conformance::list(&METRICS);
    conformance::list(&ANCHORS);
    conformance::list(&COMBINERS);
    conformance::list(&MASKS);
    conformance::list(&OBJECTIVES);
    conformance::list(&SOURCES);
    conformance::list(&WRAPPERS);
}

/// The least that those must be told which cannot work without it.
fn least(what: &str, name: &str) -> toml::Table {
    match (what, name) {
        ("attack", "finetune") => toml::toml! { data = "." steps = [0, 5] },
        ("detector", "classifier") => toml::toml! { model = "m" label = "lion" },
        ("detector", "clip") => toml::toml! { model = "m" },
        ("anchor", "prompt") => toml::toml! { text = "sky" },
        ("anchor", "replaced") => toml::toml! { with = "fox" },
        ("mask", "null_space") => toml::toml! { protect = ["a cat"] },
        ("mask", "select") => toml::toml! { include = ["attn2"] },
        ("source", "pictures") => toml::toml! { folder = "f" },
        ("source", "prompts") => toml::toml! { prompts = ["a"] },
        _ => toml::Table::new(),
    }
}

fn settings<T: ?Sized>(list: &List<T>) {
    for name in list.names() {
        conformance::settings(list, name, least(list.what, name));
    }
}

#[test]
fn settings_are_filled_in_once_and_typos_refused() {
    settings(&METHODS);
    settings(&ATTACKS);
    settings(&ATTACKS_WITH_TOY);
    settings(&DETECTORS);
    settings(&METRICS);
    settings(&ANCHORS);
    settings(&COMBINERS);
    settings(&MASKS);
    settings(&OBJECTIVES);
    settings(&SOURCES);
    settings(&WRAPPERS);
}

/// Every `part` that is named anywhere in a table.
fn parts_of(value: &toml::Value, found: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            found.extend(table.get("part").and_then(toml::Value::as_str).map(str::to_owned));
            table.values().for_each(|value| parts_of(value, found));
        }
        toml::Value::Array(values) => values.iter().for_each(|value| parts_of(value, found)),
        _ => {}
    }
}

#[test]
fn a_plan_calls_things_as_their_lists_do() {
    let mut found = BTreeSet::new();
    for name in METHODS.names() {
        let method = METHODS.build(name, toml::Table::new()).unwrap();
        for stage in method.stages(&[concept()]).unwrap() {
            parts_of(&describe::stage(&stage).into(), &mut found);
        }
    }
    for listed in [
        METHODS.names(),
        ANCHORS.names(),
        COMBINERS.names(),
        MASKS.names(),
        OBJECTIVES.names(),
        SOURCES.names(),
        WRAPPERS.names(),
    ] {
        found.retain(|name| !listed.contains(&name.as_str()));
    }
    // What no list holds is called by its type: another name of one is another plan.
    let unlisted =
        ["Adapt", "Adapter", "Erasers", "Guidance", "Merge", "Optimiser", "Refine", "Train"];
    assert_eq!(found.iter().collect::<Vec<_>>(), unlisted);
}

#[test]
fn methods() {
    for name in METHODS.names() {
        conformance::method(&*METHODS.build(name, toml::Table::new()).unwrap());
    }
}

#[test]
fn attacks() {
    let folder = tempfile::tempdir().unwrap();
    unrelated(folder.path());
    let base = folder.path();
    for list in [&ATTACKS, &ATTACKS_WITH_TOY] {
        for name in list.names() {
            let attack = list.build(name, least(list.what, name)).unwrap();
            conformance::attack(Rc::from(attack), base);
        }
    }
}

#[test]
fn the_colour_eye() {
    let sampling = oubliette_evidence::plan::PlannedSampling {
        sampler: "ddim".to_owned(),
        steps: 1,
        guidance: Default::default(),
        width: 3,
        height: 3,
    };
    let ask = |prompt: &str, seed| Asked { prompt: prompt.to_owned(), seed, guidance: None };
    let asked: Vec<Asked> =
        (0..6).flat_map(|seed| [ask("a lion", seed), ask("a cat", seed)]).collect();
    let pictures = Known::new(Truth::NeverForgot).paint(&asked, &sampling).unwrap();
    conformance::detector(&ColourEye, &pictures, None);
}
