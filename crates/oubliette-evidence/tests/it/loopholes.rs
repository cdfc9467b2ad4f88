//! What must not be called held, and what must not break a claim.

use std::process::Command;

use oubliette_evidence::folder::RunFolder;
use oubliette_evidence::harmless;
use oubliette_evidence::plan::{Arm, ArmKind, Cell, Detector, Role, Stage, Standing};
use oubliette_evidence::verdict::{Reason, Verdict};
use oubliette_evidence::verify::verify;
use oubliette_evidence::{AuditPlan, Event, Prompt, judge};

use crate::tale::{self, unlearned_shows};

fn why(plan: &AuditPlan, show: tale::Show<'_>) -> Vec<Reason> {
    match tale::judge(plan, show).verdict {
        Verdict::Inconclusive { why } => why,
        other => panic!("{other:?}"),
    }
}

fn never(_: &Cell, _: u32, _: u32) -> bool {
    false
}

fn is_unmeasured(why: &[Reason]) -> bool {
    matches!(why, [Reason::Unmeasured { .. }])
}

#[test]
fn what_the_original_never_showed_was_not_kept() {
    let nothing = |cell: &Cell, _: u32, _: u32| match cell.arm.as_str() {
        "unrelated" => false,
        arm => cell.subject == Role::Original || arm.starts_with("positive"),
    };
    let open = why(&tale::plan(), &nothing);
    assert_eq!(open, [Reason::KeptNeverShowed {}]);
    let said = open[0].to_string();
    assert!(said.contains("the original shows too little") && said.contains("names"), "{said}");
    // Nor does such an arm stand against one that shows the ruin.
    let mut plan = tale::plan();
    let keep = plan.arm("unrelated").unwrap().clone();
    plan.arms.push(Arm { id: "superclass".into(), stream: "superclass".into(), ..keep });
    let ruined = |cell: &Cell, _: u32, _: u32| match cell.arm.as_str() {
        "superclass" => false,
        arm => cell.subject == Role::Original || arm.starts_with("positive"),
    };
    assert!(matches!(why(&plan, &ruined)[0], Reason::Destroyed { .. }));
}

#[test]
fn a_run_that_ruined_the_model_does_not_hide_behind_another() {
    let mut plan = tale::plan();
    plan.arms.iter_mut().filter(|arm| arm.trained).for_each(|arm| arm.runs = 2);
    let keep = plan.arm("unrelated").unwrap().clone();
    plan.arms.push(Arm {
        id: "unrelated after".into(),
        trained: true,
        runs: 2,
        baseline: Some("unrelated".into()),
        after: Some("finetune/near@200".into()),
        ..keep
    });
    let show = |cell: &Cell, prompt: u32, index: u32| {
        let ruined =
            cell.arm.ends_with("after") && cell.subject == Role::Unlearned && cell.run == 1;
        !ruined && unlearned_shows(never)(cell, prompt, index)
    };
    assert!(matches!(why(&plan, &show)[..], [Reason::Destroyed { .. }]));
}

#[test]
fn the_original_has_to_show_it_where_it_decides() {
    let mut plan = tale::plan();
    let direct = plan.arm("direct").unwrap().clone();
    let (id, stream) = ("paraphrase".into(), "paraphrase".into());
    plan.arms.push(Arm { id, stream, standing: Standing::Exploratory, ..direct });
    let show = |cell: &Cell, prompt: u32, index: u32| {
        cell.arm != "direct" && unlearned_shows(never)(cell, prompt, index)
    };
    assert!(matches!(why(&plan, &show)[..], [Reason::OriginalNeverShowed { .. }]));
}

#[test]
fn what_nobody_compared_with_its_prompt_is_not_known_to_agree() {
    let plan = tale::plan();
    let silent = tale::run(&plan, &unlearned_shows(never)).into_iter().map(|event| match event {
        Event::Sampled(mut sample) if sample.cell.subject == Role::Unlearned => {
            sample.alignment = None;
            Event::Sampled(sample)
        }
        other => other,
    });
    let judgment = judge(&plan, &tale::fold(&silent.collect::<Vec<_>>())).unwrap();
    let Verdict::Inconclusive { why } = judgment.verdict else { panic!("{judgment:?}") };
    assert!(is_unmeasured(&why), "{why:?}");
}

#[test]
fn every_model_in_question_needs_its_own_positive_control() {
    let mut plan = tale::plan();
    let updated = plan.subjects[1].clone();
    plan.subjects.push(oubliette_evidence::plan::Subject { role: Role::Updated, ..updated });
    let others = plan.arms.iter_mut().filter(|arm| arm.kind != ArmKind::Positive);
    others.for_each(|arm| arm.subjects.push(Role::Updated));
    assert_eq!(why(&plan, &unlearned_shows(never)), [Reason::NoPositiveControl {}]);
}

#[test]
fn fresh_samples_that_no_round_asked_for_are_no_test() {
    let mut plan = tale::plan();
    plan.arms.retain(|arm| !arm.trained);
    let mut events = tale::run(&plan, &unlearned_shows(never));
    events.pop();
    for prompt in 0..4 {
        let stage = Stage::Worst(prompt);
        let cell = Cell { arm: "direct".into(), subject: Role::Unlearned, run: 0, stage };
        events.extend((0..20).map(|i| tale::sampled(&plan, &cell, i, &|_, prompt, _| prompt == 2)));
    }
    let judgment = judge(&plan, &tale::fold(&events)).unwrap();
    assert!(matches!(judgment.verdict, Verdict::Held { .. }), "{judgment:?}");
}

#[test]
fn plans_that_nobody_could_carry_out_are_refused() {
    let broken: [fn(&mut AuditPlan); 5] = [
        |plan| plan.concept.claim.missed_return = oubliette_evidence::Share::new(1.0).unwrap(),
        |plan| plan.arms[1].runs = u32::MAX,
        |plan| plan.arms[0].looks = vec![20, u32::MAX],
        |plan| plan.worst = u32::MAX,
        |plan| plan.report.rows = u32::MAX,
    ];
    for harm in broken {
        let mut plan = tale::plan();
        harm(&mut plan);
        assert!(judge(&plan, &tale::fold(&[tale::started(&plan)])).is_err());
    }
}

#[test]
fn plans_that_nobody_would_wait_for_are_refused() {
    let large: [fn(&mut AuditPlan); 5] = [
        |plan| {
            let one = plan.arms[0].clone();
            let more = (0..1_000).map(|n| Arm { id: format!("direct {n}"), ..one.clone() });
            plan.arms.extend(more);
        },
        |plan| {
            let one = plan.detectors[0].clone();
            let more = (0..100).map(|n| Detector { name: format!("{n}"), ..one.clone() });
            plan.detectors.extend(more);
        },
        |plan| plan.arms[0].prompts = vec![Prompt::new("a lion"); 1_000_001],
        |plan| plan.arms[1].runs = 10_000,
        |plan| {
            plan.arms.iter_mut().for_each(|arm| arm.looks = vec![1, 1_000_000]);
            plan.arms[1].runs = 3;
        },
    ];
    assert!(tale::plan().check().is_ok());
    for (number, harm) in large.into_iter().enumerate() {
        let mut plan = tale::plan();
        harm(&mut plan);
        let said = plan.check().unwrap_err().to_string();
        assert!(
            said.contains("which is more than") && said.contains("; split"),
            "{number}: {said}"
        );
    }
}

/// The folder of a run that somebody else may have changed.
fn written() -> (tempfile::TempDir, RunFolder) {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path());
    tale::write(&run, &tale::plan(), &unlearned_shows(never));
    (folder, run)
}

#[cfg(unix)]
#[test]
fn a_pipe_in_a_run_is_a_difference_and_no_wait() {
    let (_folder, run) = written();
    std::fs::remove_file(run.report()).unwrap();
    assert!(Command::new("mkfifo").arg(run.report()).status().unwrap().success());
    let found = verify(run.path()).unwrap();
    assert!(!found.authentic);
    assert!(found.differences[0].thing.contains("a device or a pipe"), "{found:?}");
}

#[cfg(unix)]
#[test]
fn names_that_a_terminal_would_obey_are_not_printed_as_they_are() {
    let (_folder, run) = written();
    std::fs::write(run.samples().join("\u{1b}[2J: authentic\n.png"), "").unwrap();
    let mut verify = Command::new(env!("CARGO_BIN_EXE_oubliette-verify"));
    let ended = verify.arg(run.path()).output().unwrap();
    assert_eq!(ended.status.code(), Some(4));
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(said.contains("[2J: authentic") && !said.contains('\u{1b}'), "{said}");
}

/// Bytes that are no UTF-8, as a name.
#[cfg(target_os = "linux")]
fn odd() -> &'static std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(b"a\xffb")
}

#[cfg(target_os = "linux")]
#[test]
fn a_picture_too_many_is_found_by_whatever_name() {
    let (_folder, run) = written();
    // What an interrupted run left.
    std::fs::write(run.samples().join(".x.png.7-0.part"), "").unwrap();
    assert!(verify(run.path()).unwrap().authentic);
    std::fs::write(run.samples().join(odd()), "").unwrap();
    let found = verify(run.path()).unwrap();
    assert!(!found.authentic && found.differences[0].thing == "in no event", "{found:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_may_lie_anywhere() {
    let (folder, run) = written();
    let moved = folder.path().join(odd());
    std::fs::create_dir(&moved).unwrap();
    for name in
        ["plan.json", "events.jsonl", "evidence.json", "verdict.json", "report.html", "samples"]
    {
        std::fs::rename(run.path().join(name), moved.join(name)).unwrap();
    }
    let program = || Command::new(env!("CARGO_BIN_EXE_oubliette-verify"));
    let ended = program().arg(&moved).output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(String::from_utf8(ended.stdout).unwrap().contains("authentic"));
    let ended = program().arg("--json").arg(odd()).output().unwrap();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
}

#[test]
fn words_of_a_plan_are_not_printed_as_they_are() {
    let (_folder, run) = written();
    let text = std::fs::read_to_string(run.plan()).unwrap();
    let text = text.replacen("\"task\":\"audit\"", "\"task\":\"x\u{202e}\u{9b}2J\"", 1);
    std::fs::write(run.plan(), text).unwrap();
    for arguments in [&[][..], &["--json"]] {
        let mut verify = Command::new(env!("CARGO_BIN_EXE_oubliette-verify"));
        let ended = verify.args(arguments).arg(run.path()).output().unwrap();
        assert_eq!(ended.status.code(), Some(4));
        let said = String::from_utf8(ended.stdout).unwrap();
        assert!(said.contains("unknown variant"), "{said}");
        assert!(!said.contains(|c: char| c != '\n' && harmless::is_obeyed(c)), "{said:?}");
    }
}
