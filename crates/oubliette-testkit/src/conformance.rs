//! What every listed thing must do; each suite is called with one, and panics with the reason it fails.

use std::{collections::BTreeSet, path::Path, rc::Rc};

use oubliette_evidence::{Prompt, plan::Role, recipe::Samples};
use oubliette_lab::{
    Card, List,
    attacks::{Attack, Brief},
    detectors::Eye,
    methods::{Method, Stage},
};

use crate::{
    examine::{concept, examine},
    known::Truth,
};

/// A card says what it must, and a list is sorted, without doubles.
///
/// # Panics
/// When it does not.
pub fn list<T: ?Sized>(list: &List<T>) {
    let names = list.names();
    assert!(names.is_sorted(), "{}: {names:?} are not sorted", list.what);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    for card in list.cards() {
        card_is_whole(card);
    }
}

fn card_is_whole(card: &Card) {
    for (field, text) in [
        ("name", card.name),
        ("what", card.what),
        ("changes", card.changes),
        ("cost", card.cost),
        ("broken_by", card.broken_by),
        ("source", card.source),
        ("differs", card.differs),
    ] {
        assert!(
            !text.trim().is_empty(),
            "the card of `{}` says nothing under `{field}`",
            card.name
        );
    }
}

/// A misspelt setting is refused, and what was filled in once is not filled in differently again.
///
/// # Panics
/// When it is not so.
pub fn settings<T: ?Sized>(list: &List<T>, name: &str, least: toml::Table) {
    let mut typo = least.clone();
    typo.insert("certainly_no_setting".to_owned(), true.into());
    assert!(list.build(name, typo).is_err(), "`{name}` takes a setting that it cannot know");
    let once = list.fill(name, least).unwrap_or_else(|error| panic!("`{name}`: {error}"));
    let keys = (list.find(name).unwrap_or_else(|error| panic!("{error}")).keys)();
    let listed = |key: &String| keys.contains(&key.as_str());
    assert!(once.keys().all(listed), "`{name}` has settings beside {keys:?}: {once:?}");
    let twice = list.fill(name, once.clone()).unwrap_or_else(|error| panic!("`{name}`: {error}"));
    assert_eq!(once, twice, "`{name}` fills its defaults in differently the second time");
}

/// A method has stages, says what they are, and does so the same way every time.
///
/// # Panics
/// When it does not.
pub fn method(method: &dyn Method) {
    let concepts = [concept()];
    let describe = || {
        let stages = method.stages(&concepts).unwrap_or_else(|error| panic!("{error}"));
        assert!(!stages.is_empty(), "a method without stages does nothing");
        for stage in &stages {
            if let Stage::Train(train) = stage {
                assert!(train.steps > 0, "a training without steps");
                assert!(!train.forget.is_empty(), "a method that nothing pushes the concept out");
            }
        }
        stages.iter().map(oubliette_lab::describe::stage).collect::<Vec<_>>()
    };
    assert_eq!(describe(), describe());
}

/// An attack's arms are distinct, prompted, looked at on every subject it is told of, and the same every time;
/// on a subject that never forgot it finds the concept.
///
/// # Panics
/// When it is not so.
pub fn attack(attack: Rc<dyn Attack>, base: &Path) {
    let concept = concept();
    let prompts = [Prompt::new("a picture of a lion")];
    let (samples, roles) = (Samples::default(), [Role::Original, Role::Unlearned]);
    let brief =
        Brief { concept: &concept, prompts: &prompts, roles: &roles, samples: &samples, base };
    let arms = attack.arms(&brief).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(arms, attack.arms(&brief).unwrap_or_else(|error| panic!("{error}")));
    assert_eq!(arms.iter().map(|arm| &arm.id).collect::<BTreeSet<_>>().len(), arms.len());
    for arm in &arms {
        assert!(!arm.prompts.is_empty() && arm.subjects == roles, "arm `{}`", arm.id);
        assert_eq!(arm.trained, arm.steps.is_some_and(|steps| steps > 0), "arm `{}`", arm.id);
    }
    let runs = tempfile::tempdir().expect("a temporary folder");
    let mut watch = oubliette_lab::progress::unwatched();
    let seen = examine(Truth::NeverForgot, vec![attack], base, runs.path(), &mut watch)
        .unwrap_or_else(|error| panic!("{error}"));
    let broken = matches!(seen.judgment.verdict, oubliette_evidence::Verdict::Broken { .. });
    assert!(broken, "a subject that never forgot is not found out: {:?}", seen.judgment.verdict);
}

/// A detector's scores do not depend on what is looked at together, and unknown labels are refused.
///
/// # Panics
/// When it is not so.
pub fn detector(eye: &dyn Eye, pictures: &[image::RgbImage], foreign: Option<&str>) {
    let together =
        eye.look(pictures, &vec![None; pictures.len()]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(together.len(), pictures.len());
    for (picture, score) in pictures.iter().zip(&together) {
        let alone = eye
            .look(std::slice::from_ref(picture), &[None])
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(alone, [*score], "a score depends on the pictures beside it");
    }
    if let Some(label) = foreign {
        assert!(
            !eye.knows(label) && eye.look(pictures, &vec![Some(label); pictures.len()]).is_err()
        );
    }
}
