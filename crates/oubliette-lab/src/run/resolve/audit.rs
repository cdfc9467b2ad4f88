//! The plan of an audit, and the examiner who can carry it out.

mod benign;
mod lens;
mod merge;
mod read;
mod subjects;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    rc::Rc,
};

use oubliette_evidence::{
    AuditPlan, Concept, Prompt,
    plan::{Arm, Detector as Planned, Layout, Role, Scorer},
    recipe::AuditRecipe,
    settings::settings,
};

use super::{base, folder, keep, source};
use crate::{
    ATTACKS, DETECTORS, Error, Result,
    alignment::{Aligner, ClipAligner},
    attacks::{Attack, Brief},
    captions,
    detectors::{Eye, calibrate},
    run::{Context, Examiner, positive::Control},
};

/// A plan with what it stands for on this machine.
pub struct ResolvedAudit {
    /// Carries the plan out.
    pub examiner: Examiner,
}

impl ResolvedAudit {
    /// The plan.
    pub fn plan(&self) -> &AuditPlan {
        &self.examiner.plan
    }
}

/// Makes the plan: reads every folder it names, and measures the detectors' errors.
///
/// # Errors
/// When a file is missing, an attack refuses its data, or a detector does not know what to keep.
pub fn audit(recipe: &AuditRecipe, context: &Context) -> Result<ResolvedAudit> {
    let document = &recipe.source;
    let file = document.beside(&recipe.concept);
    let concept = Concept::read(&file)?;
    let prompts = concept.prompts(&file)?;
    let (subjects, places) = subjects::of(recipe, context)?;
    let roles: Vec<Role> = subjects.iter().map(|subject| subject.role).collect();
    let (sampling, tokenizer) = subjects::sampling(recipe, &places)?;
    let brief = Brief {
        concept: &concept,
        prompts: &prompts,
        roles: &roles,
        samples: &recipe.samples,
        base: &base(document),
    };
    let control = recipe.controls.positive.as_ref();
    let control =
        control.map(|positive| Control::new(positive, &prompts, &sampling, places.clone()));
    let (mut arms, attacks) = arms(recipe, &brief, control)?;
    read::check(&tokenizer, &arms, recipe, (&concept, &file, &prompts))?;
    let (detectors, eyes, held_out) = detectors(&concept, &file, context)?;
    refuse_unknown(&arms, &eyes)?;
    if let (Some(first), Some((_, eye))) = (detectors.first(), eyes.first()) {
        let calibration = first.calibration.as_ref();
        benign::count(&mut arms, &attacks, eye.as_ref(), calibration, &base(document))?;
    }
    let (alignment, aligner) = alignment(recipe, context)?;
    let (frechet, lens) = lens::of(recipe, &concept, &file, context)?;
    let plan = AuditPlan {
        schema: 1,
        recipe: source(document),
        seed: recipe.seed,
        not_tested: untested(recipe),
        subjects,
        sampling,
        detectors,
        alignment,
        frechet,
        arms,
        worst: recipe.samples.worst,
        report: Layout { blur: recipe.report.blur, rows: recipe.report.rows },
        concept,
    };
    plan.check()?;
    let examiner = Examiner {
        batch: places.batch,
        subjects: Box::new(places),
        plan,
        attacks,
        eyes,
        aligner,
        lens,
        base: base(document),
        held_out,
    };
    Ok(ResolvedAudit { examiner })
}

type Attacks = BTreeMap<String, Rc<dyn Attack>>;

/// Attack arms in the recipe's order, then the positive control, then what must survive.
fn arms(
    recipe: &AuditRecipe,
    brief: &Brief<'_>,
    control: Option<Control>,
) -> Result<(Vec<Arm>, Attacks)> {
    let mut attacks: Vec<Rc<dyn Attack>> = Vec::new();
    for named in &recipe.attack {
        attacks.push(Rc::from(ATTACKS.named(named)?));
    }
    let mut behind = Attacks::new();
    let mut all = Vec::new();
    for attack in &attacks {
        for arm in attack.arms(brief)? {
            behind.insert(arm.id.clone(), Rc::clone(attack));
            all.push(arm);
        }
    }
    let keep = keep::arms(recipe, brief.concept, brief.roles)?;
    let after = keep::after(&keep, &all);
    if let Some(control) = control {
        let control: Rc<dyn Attack> = Rc::new(control);
        for arm in control.arms(brief)? {
            behind.insert(arm.id.clone(), Rc::clone(&control));
            all.push(arm);
        }
    }
    all.extend(keep);
    all.extend(after);
    let all = merge::same(all);
    refuse_twice(&all)?;
    Ok((all, behind))
}

/// Arms are known by their names, and what one of two measured would stand for both.
fn refuse_twice(arms: &[Arm]) -> Result<()> {
    let mut seen = BTreeSet::new();
    match arms.iter().find(|arm| !seen.insert(&arm.id)) {
        None => Ok(()),
        Some(arm) => Err(Error::Input {
            file: "the recipe, `[[attack]]`".to_owned(),
            thing: format!("two attacks make an arm `{}`", arm.id),
            remedy: "leave one out, or give each a `label` of its own".to_owned(),
        }),
    }
}

type Eyes = Vec<(String, Box<dyn Eye>)>;

fn detectors(
    concept: &Concept,
    file: &std::path::Path,
    context: &Context,
) -> Result<(Vec<Planned>, Eyes, Option<PathBuf>)> {
    let beside =
        |path: &std::path::Path| file.parent().unwrap_or(std::path::Path::new("")).join(path);
    let (mut planned, mut eyes, mut held_out) = (Vec::new(), Eyes::new(), None);
    for (number, spec) in concept.detector.iter().enumerate() {
        let mut filled = DETECTORS.fill(&spec.kind, spec.settings.clone())?;
        let detector = DETECTORS.build(&spec.kind, filled.clone())?;
        let model = detector.model().map(beside);
        let weights = model.as_deref().map(folder).transpose()?;
        let eye = detector.open(concept, &model.unwrap_or_default(), &context.open()?)?;
        let pictures = detector.calibration().map(beside);
        let calibration = match &pictures {
            Some(pictures) => Some(calibrate(eye.as_ref(), concept, &captions::read(pictures)?)?),
            None => None,
        };
        held_out = held_out.or(pictures);
        // Where things lie is no part of a plan; their digests are.
        for key in ["model", "calibration"] {
            filled.remove(key);
        }
        let name =
            if number == 0 { spec.kind.clone() } else { format!("{} {}", spec.kind, number + 1) };
        eyes.push((name.clone(), eye));
        planned.push(Planned {
            name,
            kind: spec.kind.clone(),
            settings: settings(&filled)?,
            weights: weights.map(|folder| folder.digest),
            calibration,
        });
    }
    Ok((planned, eyes, held_out))
}

/// What a detector cannot look for must not become a miss.
fn refuse_unknown(arms: &[Arm], eyes: &Eyes) -> Result<()> {
    let labels =
        |arm: &Arm| arm.prompts.iter().filter_map(|p: &Prompt| p.label.clone()).collect::<Vec<_>>();
    for label in arms.iter().flat_map(labels) {
        if let Some((name, _)) = eyes.iter().find(|(_, eye)| !eye.knows(&label)) {
            return Err(Error::Input {
                file: "the recipe and its concept".to_owned(),
                thing: format!("`{label}` is to be kept, but detector `{name}` has no such label"),
                remedy: "keep concepts that every detector knows".to_owned(),
            });
        }
    }
    Ok(())
}

type Scoring = (Option<Scorer>, Option<Box<dyn Aligner>>);

fn alignment(recipe: &AuditRecipe, context: &Context) -> Result<Scoring> {
    let Some(alignment) = &recipe.alignment else { return Ok((None, None)) };
    let path = recipe.source.beside(&alignment.model);
    let model = folder(&path)?;
    let clip = ClipAligner::load(&path, &context.open()?)?;
    Ok((Some(Scorer { name: model.name, digest: model.digest }), Some(Box::new(clip))))
}

fn untested(recipe: &AuditRecipe) -> Vec<String> {
    let used = |name: &str| recipe.attack.iter().any(|named| named.name == name);
    ATTACKS.names().into_iter().filter(|name| !used(name)).map(str::to_owned).collect()
}
