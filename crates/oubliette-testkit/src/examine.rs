//! A whole audit of a subject of known truth, with the product's own plan rules, runner and judge.

use std::{collections::BTreeMap, fs, path::Path, rc::Rc};

use oubliette_evidence::{
    AuditPlan, Concept, Digest, Judgment, Prompt,
    document::Document,
    evidence::Evidence,
    judge,
    plan::{
        Arm, ArmKind, Calibration, Detector, Layout, PlannedSampling, Role, Scorer, Source,
        Standing, Subject as Planned,
    },
    recipe::{Looks, Samples},
};
use oubliette_lab::{
    Result,
    attacks::{Attack, Brief},
    progress::Watch,
    run::{Examiner, look},
};

use crate::{
    eye::ColourEye,
    known::{OTHERS, Pair, Truth},
};

const ROLES: [Role; 2] = [Role::Original, Role::Unlearned];

/// What an audit came to.
pub struct Examined {
    /// The plan.
    pub plan: AuditPlan,
    /// What was seen.
    pub evidence: Evidence,
    /// What follows.
    pub judgment: Judgment,
}

/// The concept of the known subjects.
///
/// # Panics
/// Never: the text is a constant.
pub fn concept() -> Concept {
    let text = r#"
        schema = 1
        id = "lion"
        kind = "object"
        names = ["lion"]
        superclass = "animal"
        keep = ["tiger", "cat"]
        prompts = ["a picture of a {name}"]
        [[detector]]
        kind = "colour"
        [claim]
        tolerated = 0.05
        returned = 0.30
        false_alarm = 0.05
        missed_return = 0.05
        keep_margin = 0.1
    "#;
    Concept::parse(&Document::new(Path::new("lion.toml"), text)).expect("the text is a constant")
}

/// Pictures that have nothing to do with the concept, for attacks that train.
///
/// # Panics
/// When the folder cannot be written.
pub fn unrelated(folder: &Path) {
    captioned(folder, &["guitar", "tiger"]);
}

/// Pictures of the concept, for the positive control.
///
/// # Panics
/// When the folder cannot be written.
pub fn of_the_concept(folder: &Path) {
    captioned(folder, &["lion"]);
}

fn captioned(folder: &Path, names: &[&str]) {
    fs::create_dir_all(folder).expect("a writable folder");
    let mut lines = String::new();
    for (number, name) in names.iter().enumerate() {
        image::RgbImage::new(2, 2)
            .save(folder.join(format!("{number}.png")))
            .expect("a writable folder");
        lines += &format!("{{\"file_name\": \"{number}.png\", \"text\": \"a {name}\"}}\n");
    }
    fs::write(folder.join("metadata.jsonl"), lines).expect("a writable folder");
}

/// Audits a subject with attacks; relative paths start at `base`, the run goes below `runs`.
///
/// # Errors
/// As the product's own audit.
pub fn examine(
    truth: Truth,
    attacks: Vec<Rc<dyn Attack>>,
    base: &Path,
    runs: &Path,
    watch: &mut Watch<'_>,
) -> Result<Examined> {
    let examiner = examiner(truth, attacks, base)?;
    let journal = look(&examiner, runs, "known", watch)?;
    let judgment = judge(&examiner.plan, journal.evidence())?;
    Ok(Examined { evidence: journal.evidence().clone(), plan: examiner.plan, judgment })
}

/// Everything that such an audit's plan stands for.
///
/// # Errors
/// When an attack refuses its data.
pub fn examiner(truth: Truth, attacks: Vec<Rc<dyn Attack>>, base: &Path) -> Result<Examiner> {
    let concept = concept();
    let prompts = concept.prompts(Path::new("lion.toml"))?;
    let samples = Samples { per_arm: 60, keep: 90, worst: 20, runs: 1, looks: Looks::Equal(1) };
    let brief =
        Brief { concept: &concept, prompts: &prompts, roles: &ROLES, samples: &samples, base };
    let (mut arms, mut behind) = (Vec::new(), BTreeMap::new());
    for attack in attacks {
        for arm in attack.arms(&brief)? {
            behind.insert(arm.id.clone(), Rc::clone(&attack));
            arms.push(arm);
        }
    }
    arms.push(keep(&samples));
    let plan = plan(truth, concept, arms, samples.worst);
    Ok(Examiner {
        plan,
        subjects: Box::new(Pair(truth)),
        attacks: behind,
        eyes: vec![("colour".to_owned(), Box::new(ColourEye))],
        aligner: Some(Box::new(ColourEye)),
        lens: None,
        base: base.to_owned(),
        held_out: None,
        batch: 8,
    })
}

fn keep(samples: &Samples) -> Arm {
    let prompt = |name: &&str| Prompt {
        label: Some((*name).to_owned()),
        ..Prompt::new(format!("a picture of a {name}"))
    };
    Arm {
        id: "keep/neighbours".to_owned(),
        kind: ArmKind::Keep,
        attack: "neighbours".to_owned(),
        settings: Default::default(),
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
        stream: "keep/neighbours".to_owned(),
        prompts: OTHERS.iter().map(prompt).collect(),
        subjects: ROLES.to_vec(),
        looks: samples.schedule(samples.keep),
    }
}

fn plan(truth: Truth, concept: Concept, arms: Vec<Arm>, worst: u32) -> AuditPlan {
    let digest = |text: &str| Digest::of(text.as_bytes());
    let subject = |role: Role, truth: Truth| {
        let name = format!("{truth:?}");
        Planned { role, digest: digest(&name), name, guided: false, attached: false }
    };
    let data = digest("colours");
    let calibration = Calibration { without: 500, false_hits: 0, with: 500, misses: 0, data };
    AuditPlan {
        schema: 1,
        recipe: Source { name: "known".to_owned(), digest: digest("known") },
        seed: 7,
        concept,
        subjects: vec![
            subject(Role::Original, Truth::NeverForgot),
            subject(Role::Unlearned, truth),
        ],
        sampling: PlannedSampling {
            sampler: "ddim".to_owned(),
            steps: 1,
            guidance: Default::default(),
            width: 3,
            height: 3,
        },
        detectors: vec![Detector {
            name: "colour".to_owned(),
            kind: "colour".to_owned(),
            settings: Default::default(),
            weights: None,
            calibration: Some(calibration),
        }],
        alignment: Some(Scorer { name: "colour".to_owned(), digest: data }),
        frechet: None,
        arms,
        worst,
        not_tested: Vec::new(),
        report: Layout { blur: false, rows: 0 },
    }
}
