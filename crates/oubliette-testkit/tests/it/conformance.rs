//! Every listed thing against the suites.

use std::rc::Rc;

use oubliette_lab::{
    ATTACKS, DETECTORS, METHODS, METRICS,
    parts::{
        anchor::ANCHORS, combiner::COMBINERS, mask::MASKS, objective::OBJECTIVES, source::SOURCES,
        wrapper::WRAPPERS,
    },
    subject::{Asked, Subject},
};
use oubliette_testkit::{
    ColourEye, Known, Truth, conformance, examine::unrelated, toy::ATTACKS_WITH_TOY,
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

#[test]
fn settings_are_filled_in_once_and_typos_refused() {
    let empty = toml::Table::new;
    for name in METHODS.names() {
        conformance::settings(&METHODS, name, empty());
    }
    for name in METRICS.names() {
        conformance::settings(&METRICS, name, empty());
    }
    conformance::settings(&ATTACKS, "direct", empty());
    conformance::settings(&ATTACKS, "finetune", toml::toml! { data = "x" });
    conformance::settings(&DETECTORS, "classifier", toml::toml! { model = "m" label = "lion" });
    conformance::settings(&DETECTORS, "clip", toml::toml! { model = "m" });
    conformance::settings(&ANCHORS, "prompt", toml::toml! { text = "sky" });
    conformance::settings(&MASKS, "select", toml::toml! { include = ["attn2"] });
    conformance::settings(&OBJECTIVES, "guidance_reversal", empty());
    conformance::settings(&SOURCES, "trajectory", empty());
    conformance::settings(&SOURCES, "pictures", toml::toml! { folder = "f" });
    conformance::settings(&SOURCES, "prompts", toml::toml! { prompts = ["a"] });
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
    let table = toml::toml! { data = "." steps = [0, 5] };
    conformance::attack(Rc::from(ATTACKS.build("finetune", table).unwrap()), base);
    conformance::attack(Rc::from(ATTACKS.build("direct", toml::Table::new()).unwrap()), base);
    conformance::attack(
        Rc::from(ATTACKS_WITH_TOY.build("whisper", toml::Table::new()).unwrap()),
        base,
    );
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
