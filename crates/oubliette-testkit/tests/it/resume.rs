//! Interrupted anywhere and run again, an audit comes to the same evidence.

use std::{collections::BTreeMap, ops::ControlFlow, rc::Rc};

use oubliette_evidence::plan::Role;
use oubliette_lab::{
    ATTACKS, Class, Error, Result,
    attacks::Attack,
    progress::unwatched,
    run::{Subjects, look},
    subject::Subject,
};
use oubliette_testkit::{
    Known, Truth, examine,
    examine::{examiner, unrelated},
};

/// Whatever is opened draws nothing any more, the original too.
struct Gone;

impl Subjects for Gone {
    fn open(&self, _role: Role) -> Result<Box<dyn Subject>> {
        Ok(Box::new(Known::new(Truth::Destroyed)))
    }
}

fn attacks() -> Vec<Rc<dyn Attack>> {
    let table = toml::toml! { data = "." steps = [0, 5, 10] };
    vec![
        Rc::from(ATTACKS.build("direct", toml::Table::new()).unwrap()),
        Rc::from(ATTACKS.build("finetune", table).unwrap()),
    ]
}

#[test]
fn interrupted_after_every_unit_the_evidence_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    unrelated(folder.path());
    let truth = Truth::HidesOnDirectPrompts;
    let (whole, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let undisturbed =
        examine(truth, attacks(), folder.path(), whole.path(), &mut unwatched()).unwrap();
    let mut stops = 0;
    let resumed = loop {
        let mut units = 0;
        let mut watch = |_: oubliette_lab::progress::Progress<'_>| {
            units += 1;
            if units < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        match examine(truth, attacks(), folder.path(), broken.path(), &mut watch) {
            Ok(done) => break done,
            Err(error) => {
                assert!(matches!(error, Error::Interrupted { .. }), "{error}");
                assert_eq!(error.class(), Class::Retry);
                stops += 1;
            }
        }
    };
    assert!(stops > 5, "{stops}");
    assert_eq!(undisturbed.evidence.digest().unwrap(), resumed.evidence.digest().unwrap());
}

#[test]
fn a_torn_event_is_cut_off_and_made_again() {
    let folder = tempfile::tempdir().unwrap();
    unrelated(folder.path());
    let runs = tempfile::tempdir().unwrap();
    let first =
        examine(Truth::Forgets, attacks(), folder.path(), runs.path(), &mut unwatched()).unwrap();
    let run = run_in(runs.path());
    let events = run.join("events.jsonl");
    let bytes = std::fs::read(&events).unwrap();
    for keep in [bytes.len() / 3, bytes.len() / 2, bytes.len() - 4] {
        std::fs::write(&events, &bytes[..keep]).unwrap();
        std::fs::remove_dir_all(runs.path().join(".known")).unwrap();
        let again =
            examine(Truth::Forgets, attacks(), folder.path(), runs.path(), &mut unwatched())
                .unwrap();
        assert_eq!(first.evidence.digest().unwrap(), again.evidence.digest().unwrap());
        assert_eq!(std::fs::read(&events).unwrap(), bytes);
    }
}

#[test]
fn a_folder_that_is_worked_in_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    unrelated(folder.path());
    let runs = tempfile::tempdir().unwrap();
    let mut watch = |_: oubliette_lab::progress::Progress<'_>| {
        let second =
            examine(Truth::Forgets, attacks(), folder.path(), runs.path(), &mut unwatched());
        let error = second.err().expect("the folder is in use");
        assert!(matches!(error, Error::Held { .. }) && error.class() == Class::Retry, "{error}");
        ControlFlow::Break(())
    };
    assert!(examine(Truth::Forgets, attacks(), folder.path(), runs.path(), &mut watch).is_err());
}

#[test]
fn lost_pictures_are_made_again_and_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    unrelated(folder.path());
    let runs = tempfile::tempdir().unwrap();
    let again = || examine(Truth::Forgets, attacks(), folder.path(), runs.path(), &mut unwatched());
    again().unwrap();
    let run = run_in(runs.path());
    assert!(!run.join("work").exists(), "checkpoints of a finished run are of no use");
    let whole = pictures(&run);
    let events = std::fs::read_to_string(run.join("events.jsonl")).unwrap();
    let open = events.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n";
    for state in [events, open] {
        std::fs::write(run.join("events.jsonl"), state).unwrap();
        for (number, picture) in whole.keys().enumerate() {
            match number % 3 {
                0 => std::fs::remove_file(picture).unwrap(),
                1 => std::fs::write(picture, "torn").unwrap(),
                _ => {}
            }
        }
        again().unwrap();
        assert!(pictures(&run) == whole);
        assert!(!run.join("work").exists());
    }
}

#[test]
fn a_lost_picture_that_comes_out_as_another_is_a_change() {
    let folder = tempfile::tempdir().unwrap();
    unrelated(folder.path());
    let runs = tempfile::tempdir().unwrap();
    let mut examiner = examiner(Truth::Forgets, attacks(), folder.path()).unwrap();
    look(&examiner, runs.path(), "known", &mut unwatched()).unwrap();
    let run = run_in(runs.path());
    let whole = pictures(&run);
    std::fs::remove_dir_all(run.join("samples")).unwrap();
    std::fs::remove_dir_all(runs.path().join(".known")).unwrap();
    examiner.subjects = Box::new(Gone);
    let error = look(&examiner, runs.path(), "known", &mut unwatched()).err().unwrap();
    assert_eq!(error.class(), Class::Integrity, "{error}");
    assert!(error.to_string().contains("remove the folder"), "{error}");
    let left = pictures(&run);
    assert!(left.len() < whole.len() && left.iter().all(|(path, bytes)| whole[path] == *bytes));
}

/// The pictures of a run.
fn pictures(run: &std::path::Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(run.join("samples")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
}

/// The one run folder below `runs`.
fn run_in(runs: &std::path::Path) -> std::path::PathBuf {
    let entries = std::fs::read_dir(runs).unwrap().map(|entry| entry.unwrap().path());
    let mut found = entries.filter(|path| path.join("plan.json").is_file());
    found.next().unwrap()
}
