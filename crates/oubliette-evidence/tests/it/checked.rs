//! Verification: any changed byte of any file is found.

use std::path::PathBuf;
use std::process::Command;

use oubliette_evidence::folder::RunFolder;
use oubliette_evidence::plan::Cell;
use oubliette_evidence::verify;
use proptest::prelude::*;

use crate::tale::{self, unlearned_shows};

fn run() -> (tempfile::TempDir, RunFolder) {
    let home = tempfile::tempdir().unwrap();
    let folder = RunFolder::at(home.path().join("run"));
    let leaks = |cell: &Cell, _, i: u32| cell.arm.ends_with("@200") && i.is_multiple_of(3);
    tale::write(&folder, &tale::plan(), &unlearned_shows(leaks));
    (home, folder)
}

fn files(folder: &RunFolder) -> Vec<PathBuf> {
    let samples = std::fs::read_dir(folder.samples()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = samples.collect();
    files.sort();
    files.extend([
        folder.plan(),
        folder.events(),
        folder.evidence(),
        folder.verdict(),
        folder.report(),
    ]);
    files
}

fn program(arguments: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_oubliette-verify")).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_program_says_authentic_different_or_usage() {
    let (home, folder) = run();
    let path = folder.path().to_str().unwrap();
    let (code, said) = program(&[path]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("authentic; 2 pictures compared") && said.contains("Broken by"),
        "{said}"
    );
    let (code, said) = program(&["--json", path]);
    assert!(code == Some(0) && said.contains("\"authentic\":true"), "{said}");
    std::fs::write(folder.telemetry(), "{\"seconds\":1}\n").unwrap();
    assert_eq!(program(&[path]).0, Some(0), "times are outside");
    std::fs::write(folder.samples().join("more.png"), "x").unwrap();
    assert_eq!(program(&[path]).0, Some(4));
    for wrong in [&[][..], &["a", "b"], &["--what", path], &[home.path().to_str().unwrap()]] {
        assert_eq!(program(wrong).0, Some(2), "{wrong:?}");
    }
}

#[test]
fn a_run_that_stopped_early_is_not_authentic() {
    let (_home, folder) = run();
    let text = std::fs::read_to_string(folder.events()).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (end, most) = (lines[lines.len() - 1], lines.len() - 2);
    let events = lines[..most].concat() + end;
    std::fs::write(folder.events(), events).unwrap();
    let found = verify(folder.path()).unwrap();
    let said: Vec<&str> = found.differences.iter().map(|d| d.thing.as_str()).collect();
    assert!(said.contains(&"it ends before the plan does"), "{said:?}");
}

#[test]
fn every_file_is_missed_when_it_is_gone() {
    let (_home, folder) = run();
    for file in files(&folder) {
        let bytes = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(verify(folder.path()).map_or(true, |found| !found.authentic), "{file:?}");
        std::fs::write(&file, bytes).unwrap();
    }
    assert!(verify(folder.path()).unwrap().authentic);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1))]

    /// Any bit of any byte of any file, and any cut or added byte.
    #[test]
    fn any_changed_byte_is_found(seed in any::<u64>()) {
        let (_home, folder) = run();
        let mut state = seed;
        let mut random = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        for file in files(&folder) {
            let bytes = std::fs::read(&file).unwrap();
            for change in 0..14 {
                let mut changed = bytes.clone();
                match change {
                    0 => { changed.pop(); }
                    1 => changed.push(b'\n'),
                    2 => changed.push(b' '),
                    3 => { let last = changed.len() - 1; changed[last] ^= 1; }
                    _ => { let at = random(bytes.len()); changed[at] ^= 1 << random(8); }
                }
                std::fs::write(&file, &changed).unwrap();
                let found = verify(folder.path()).unwrap();
                prop_assert!(!found.authentic, "{file:?}, change {change}, seed {seed}");
            }
            std::fs::write(&file, &bytes).unwrap();
        }
        prop_assert!(verify(folder.path()).unwrap().authentic);
    }
}
