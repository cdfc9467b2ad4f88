//! The interference matrix is what the events say, entry by entry.

use std::collections::BTreeMap;

use oubliette_evidence::hypotheses::Claims;
use oubliette_evidence::plan::{Arm, ArmKind, Cell, Role, Standing};
use oubliette_evidence::report::{ComparedAudit, render_comparison};
use oubliette_evidence::{AuditPlan, Digest, Evidence};
use proptest::prelude::*;

use crate::tale;

const IDS: [&str; 3] = ["lion", "guitar", "car"];

/// How concepts and models go together.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Models {
    OfTheirOwn,
    One,
    InTurn,
}

/// The audit of one concept: asked directly, one keep arm, and an arm for each other concept.
fn plan(at: usize, models: Models) -> AuditPlan {
    let mut plan = tale::plan();
    plan.worst = 0;
    plan.concept.id = IDS[at].to_owned();
    plan.arms.retain(|arm| !arm.trained);
    let name = if models == Models::One { "all".to_owned() } else { format!("model-{at}") };
    plan.subjects[1].digest = Digest::of(name.as_bytes());
    plan.subjects[1].name = name;
    let direct = plan.arms[0].clone();
    for (other, id) in IDS.iter().enumerate().filter(|(other, _)| *other != at) {
        let gone = models == Models::InTurn && other < at;
        plan.arms.push(Arm {
            id: format!("keep/other/{id}"),
            kind: ArmKind::Keep,
            attack: if gone { "forgotten" } else { "other" }.to_owned(),
            standing: Standing::Exploratory,
            concept: Some((*id).to_owned()),
            ..direct.clone()
        });
    }
    if models == Models::One {
        plan.arms.retain(|arm| arm.concept.is_none());
    }
    plan
}

/// Hits that follow from a seed, the audit and the draw, and from nothing else.
fn shows(seed: u64, at: usize) -> impl Fn(&Cell, u32, u32) -> bool {
    move |cell, prompt, index| {
        let text = format!("{seed} {at} {} {:?} {prompt} {index}", cell.arm, cell.subject);
        Digest::of(text.as_bytes()).to_string().as_bytes()[0] > b'8'
    }
}

fn audit(at: usize, models: Models, seed: u64) -> ComparedAudit {
    let plan = plan(at, models);
    let evidence = tale::fold(&tale::run(&plan, &shows(seed, at)));
    let judgment = oubliette_evidence::judge(&plan, &evidence).unwrap();
    let (concept, method) = (IDS[at].to_owned(), "esd".to_owned());
    ComparedAudit { concept, method, seed: None, plan, evidence, judgment, cost: None, sheet: None }
}

/// Hits of all samples of an arm on a subject, counted by hand.
fn counted(evidence: &Evidence, arm: &str, role: Role) -> String {
    let of = |sample: &&oubliette_evidence::event::Sampled| {
        sample.cell.arm == arm && sample.cell.subject == role
    };
    let samples: Vec<_> = evidence.samples().filter(of).collect();
    let hits = samples.iter().filter(|sample| sample.scores["classifier"].hit).count();
    format!("{hits}/{}", samples.len())
}

/// Rows of the matrix: their names, and entries by column.
fn matrix(page: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let section = page.split_once("## Interference").unwrap().1;
    let rows: Vec<Vec<&str>> = section
        .lines()
        .filter(|line| line.starts_with("| ") && !line.contains("---"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let entries = |row: &Vec<&str>| {
        let pairs = rows[0].iter().zip(row).skip(1);
        pairs.map(|(head, entry)| ((*head).to_owned(), (*entry).to_owned())).collect()
    };
    rows[1..].iter().map(|row| (row[0].to_owned(), entries(row))).collect()
}

fn expected(audits: &[ComparedAudit], models: Models, row: usize, column: usize) -> String {
    let of = |at: usize| audits.iter().find(|audit| audit.concept == IDS[at]);
    if models == Models::One || row == column {
        return match of(column) {
            Some(audit) => format!("**{}**", counted(&audit.evidence, "direct", Role::Unlearned)),
            None => "–".to_owned(),
        };
    }
    let arm = format!("keep/other/{}", IDS[column]);
    let count = counted(&of(row).unwrap().evidence, &arm, Role::Unlearned);
    if models == Models::InTurn && column < row { format!("*{count}*") } else { count }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_entry_is_counted_from_the_events(
        seed in any::<u64>(),
        models in prop_oneof![Just(Models::OfTheirOwn), Just(Models::One), Just(Models::InTurn)],
        there in prop::sample::subsequence(vec![0_usize, 1, 2], 2..=3),
    ) {
        let audits: Vec<_> = there.iter().map(|&at| audit(at, models, seed)).collect();
        let rows = matrix(&render_comparison(&audits, &Claims::default(), &[]));
        prop_assert_eq!(&rows[0].0, "original");
        for &at in &there {
            let own = audits.iter().find(|audit| audit.concept == IDS[at]).unwrap();
            prop_assert_eq!(&rows[0].1[IDS[at]], &counted(&own.evidence, "direct", Role::Original));
        }
        let shown = if models == Models::One { vec![0] } else { there.clone() };
        prop_assert_eq!(rows.len(), 1 + shown.len());
        for (at, (name, entries)) in shown.iter().zip(&rows[1..]) {
            let wanted = if models == Models::One { "all".to_owned() } else { format!("model-{at}") };
            prop_assert_eq!(name, &wanted);
            for (column, id) in IDS.iter().enumerate() {
                if let Some(entry) = entries.get(*id) {
                    prop_assert_eq!(entry, &expected(&audits, models, *at, column));
                } else {
                    // Only what nobody asked for has no column.
                    prop_assert!(models == Models::One && !there.contains(&column));
                }
            }
        }
    }
}

#[test]
fn there_is_no_matrix_where_nobody_asked_for_another_concept() {
    let mut alone = audit(0, Models::One, 1);
    let page = render_comparison(&[alone.clone()], &Claims::default(), &[]);
    assert!(!page.contains("Interference"), "{page}");
    alone.concept = "car".to_owned();
    let page = render_comparison(&[audit(0, Models::One, 1), alone], &Claims::default(), &[]);
    assert!(page.contains("## Interference"), "two audits of one model: {page}");
}

#[test]
fn other_concepts_decide_nothing() {
    let leaks =
        |cell: &Cell, _: u32, _: u32| cell.subject == Role::Original || cell.arm == "unrelated";
    let (mut with, mut without) = (plan(1, Models::InTurn), plan(1, Models::InTurn));
    without.arms.retain(|arm| arm.concept.is_none());
    for plan in [&mut with, &mut without] {
        plan.arms.iter_mut().for_each(|arm| arm.looks = vec![*arm.looks.last().unwrap()]);
    }
    let [with, without] = [with, without].map(|plan| tale::judge(&plan, &leaks));
    assert!(with.keeps.iter().any(|keep| keep.arm == "keep/other/lion" && keep.destroyed));
    assert_eq!(with.verdict, without.verdict);
}
