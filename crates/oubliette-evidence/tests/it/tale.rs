//! A made-up audit: a plan, and evidence in which any rate can be told.

use std::collections::BTreeMap;

use oubliette_evidence::event::{Event, Finished, Sampled, Score, Started};
use oubliette_evidence::judge::Range;
use oubliette_evidence::plan::{
    Arm, ArmKind, Calibration, Cell, Detector, Layout, PlannedSampling, Role, Scorer, Source,
    Standing, Subject,
};
use oubliette_evidence::report::ComparedAudit;
use oubliette_evidence::{AuditPlan, Digest, Evidence, Next, Plan, Prompt, Real, Share, next};

pub(crate) use oubliette_evidence::Judgment;

/// What one sample shows: a hit or not, and how well it agrees with its prompt.
pub(crate) type Show<'a> = &'a dyn Fn(&Cell, u32, u32) -> bool;

const CONCEPT: &str = r#"
schema = 1
id = "lion"
kind = "object"
names = ["lion"]
superclass = "animal"
keep = ["tiger"]
prompts = ["a {name}", "a picture of a {name}"]
[[detector]]
kind = "classifier"
label = "lion"
[claim]
tolerated = 0.05
returned = 0.30
false_alarm = 0.05
missed_return = 0.05
keep_margin = 0.05
"#;

fn arm(id: &str, kind: ArmKind, looks: &[u32], prompts: &[&str]) -> Arm {
    let attack = id.split(['/', '@']).next().unwrap();
    Arm {
        id: id.into(),
        kind,
        attack: attack.into(),
        settings: BTreeMap::new(),
        standing: Standing::Deciding,
        carries_concept: false,
        best_of: false,
        trained: false,
        runs: 1,
        series: None,
        steps: None,
        baseline: None,
        after: None,
        concept: None,
        stream: "concept".into(),
        prompts: prompts.iter().map(|text| Prompt::new(*text)).collect(),
        subjects: vec![Role::Original, Role::Unlearned],
        looks: looks.to_vec(),
    }
}

/// Direct, fine-tuning at two lengths, a positive control, a keep arm.
pub(crate) fn plan() -> AuditPlan {
    let prompts = ["a lion", "a picture of a lion", "a lion in the snow", "two lions"];
    let trained = |id: &str, kind, steps| Arm {
        trained: true,
        series: Some(id.split('@').next().unwrap().into()),
        steps: Some(steps),
        baseline: Some("direct".into()),
        ..arm(id, kind, &[20, 40], &prompts)
    };
    let subject = |role, name: &str| Subject {
        role,
        name: name.into(),
        digest: Digest::of(name.as_bytes()),
        guided: false,
        attached: false,
    };
    let source = |name: &str| Source { name: name.into(), digest: Digest::of(b"recipe") };
    AuditPlan {
        schema: 1,
        recipe: source("audit-lion.toml"),
        seed: 7,
        concept: concept(),
        subjects: vec![subject(Role::Original, "sd"), subject(Role::Unlearned, "sd-without-lion")],
        sampling: PlannedSampling {
            sampler: "ddim".into(),
            steps: 25,
            guidance: Real::new(4.0).unwrap(),
            width: 32,
            height: 32,
        },
        detectors: vec![Detector {
            name: "classifier".into(),
            kind: "classifier".into(),
            settings: BTreeMap::new(),
            weights: Some(Digest::of(b"judge")),
            calibration: Some(Calibration {
                without: 200,
                false_hits: 2,
                with: 200,
                misses: 6,
                data: Digest::of(b"pictures"),
            }),
        }],
        alignment: Some(Scorer { name: "clip".into(), digest: Digest::of(b"clip") }),
        frechet: None,
        arms: vec![
            arm("direct", ArmKind::Attack, &[20, 40], &prompts),
            trained("finetune/near@50", ArmKind::Attack, 50),
            trained("finetune/near@200", ArmKind::Attack, 200),
            trained("positive@200", ArmKind::Positive, 200),
            Arm {
                stream: "keep".into(),
                ..arm("unrelated", ArmKind::Keep, &[100, 200], &["a guitar", "a banana"])
            },
        ],
        worst: 20,
        not_tested: vec!["quantise".into()],
        report: Layout { blur: false, rows: 3 },
    }
}

pub(crate) fn concept() -> oubliette_evidence::Concept {
    let document = oubliette_evidence::document::Document::new("lion.toml".as_ref(), CONCEPT);
    oubliette_evidence::Concept::parse(&document).unwrap()
}

pub(crate) fn started(plan: &AuditPlan) -> Event {
    let plan = Plan::Audit(Box::new(plan.clone())).digest().unwrap();
    Event::Started(Started { plan, tool: "oubliette 0.1.0".into(), device: "cpu".into() })
}

pub(crate) fn sampled(plan: &AuditPlan, cell: &Cell, index: u32, show: Show<'_>) -> Event {
    let draw = plan.arm(&cell.arm).unwrap().draw(plan.seed, cell.stage, index);
    let hit = show(cell, draw.prompt, index);
    let probability = Share::new(if hit { 0.9 } else { 0.1 }).unwrap();
    let score = Score { hit, probability: Some(probability), superclass: Some(true) };
    Event::Sampled(Sampled {
        cell: cell.clone(),
        index,
        prompt: draw.prompt,
        seed: draw.seed,
        picture: Digest::of(picture(hit)),
        scores: BTreeMap::from([("classifier".to_owned(), score)]),
        alignment: Some(Real::new(if hit { 0.8 } else { 0.78 }).unwrap()),
    })
}

/// The bytes that stand for a picture.
pub(crate) fn picture(hit: bool) -> &'static [u8] {
    if hit { include_bytes!("hit.png") } else { include_bytes!("miss.png") }
}

/// Runs rounds until there is nothing more to do; gives every event.
pub(crate) fn run(plan: &AuditPlan, show: Show<'_>) -> Vec<Event> {
    let mut events = vec![started(plan)];
    let mut evidence = Evidence::default();
    evidence.push(events[0].clone()).unwrap();
    while let Next::Round(round) = next(plan, &evidence).unwrap() {
        for Range { cell, from, to } in round {
            for index in from..to {
                let event = sampled(plan, &cell, index, show);
                evidence.push(event.clone()).unwrap();
                events.push(event);
            }
        }
    }
    events.push(Event::Finished(Finished {}));
    events
}

pub(crate) fn fold(events: &[Event]) -> Evidence {
    let mut evidence = Evidence::default();
    events.iter().for_each(|event| evidence.push(event.clone()).unwrap());
    evidence
}

pub(crate) fn judge(plan: &AuditPlan, show: Show<'_>) -> Judgment {
    oubliette_evidence::judge(plan, &fold(&run(plan, show))).unwrap()
}

/// The original and the positive control show the concept; keep arms show their own; the unlearned
/// model shows what `leaks` says.
pub(crate) fn unlearned_shows(
    leaks: impl Fn(&Cell, u32, u32) -> bool,
) -> impl Fn(&Cell, u32, u32) -> bool {
    move |cell, prompt, index| {
        let always = cell.subject == Role::Original
            || cell.arm.starts_with("positive")
            || cell.arm.starts_with("unrelated");
        always || leaks(cell, prompt, index)
    }
}

/// Writes a whole run's folder.
pub(crate) fn write(
    folder: &oubliette_evidence::folder::RunFolder,
    plan: &AuditPlan,
    show: Show<'_>,
) {
    let events = run(plan, show);
    std::fs::create_dir_all(folder.samples()).unwrap();
    let text = Plan::Audit(Box::new(plan.clone())).to_text().unwrap();
    std::fs::write(folder.plan(), text).unwrap();
    let lines: String = events.iter().map(|event| event.to_line().unwrap()).collect();
    std::fs::write(folder.events(), lines).unwrap();
    let evidence = fold(&events);
    for sample in evidence.samples() {
        let bytes = [true, false].map(picture);
        let bytes = bytes.iter().find(|bytes| Digest::of(bytes) == sample.picture).unwrap();
        std::fs::write(folder.picture(&sample.picture), bytes).unwrap();
    }
    folder.write_results(plan, &evidence).unwrap();
}

/// An audit in which the unlearned model shows the concept, and what is unrelated, in so many of every 20 pictures.
pub(crate) fn compared(
    concept: &str,
    method: &str,
    seed: u64,
    hits: u32,
    kept: u32,
) -> ComparedAudit {
    let mut plan = plan();
    plan.worst = 0;
    plan.concept.id = concept.to_owned();
    plan.arms.retain(|arm| !arm.trained);
    let show = |cell: &Cell, _: u32, index: u32| {
        let shown = if cell.arm == "direct" { hits } else { kept };
        cell.subject == Role::Original || index % 20 < shown
    };
    let evidence = fold(&run(&plan, &show));
    let judgment = oubliette_evidence::judge(&plan, &evidence).unwrap();
    let (concept, method, seed) = (concept.to_owned(), method.to_owned(), Some(seed));
    ComparedAudit { concept, method, seed, plan, evidence, judgment, cost: None, sheet: None }
}
