//! Keep arms: whether the concept's neighbours, its superclass and unrelated concepts survived.

use oubliette_evidence::{
    Concept, Prompt,
    concept::Prompts,
    plan::{Arm, ArmKind, Role, Standing},
    recipe::AuditRecipe,
};

use crate::wording;

/// Templates for concepts whose prompts come from a file.
const USUAL: &[&str] = &["a {name}", "a picture of a {name}"];

/// One arm for every group that has members, on all subjects but the never-exposed one.
pub(super) fn arms(recipe: &AuditRecipe, concept: &Concept, roles: &[Role]) -> Vec<Arm> {
    let templates = templates(recipe, concept);
    let superclass: Vec<String> = concept.superclass.iter().cloned().collect();
    let groups = [
        ("neighbours", &concept.keep),
        ("superclass", &superclass),
        ("unrelated", &recipe.keep.unrelated),
    ];
    let subjects: Vec<Role> =
        roles.iter().copied().filter(|&role| role != Role::NeverExposed).collect();
    let looks = recipe.samples.schedule(recipe.samples.keep);
    let arm = |(group, names): (&str, &Vec<String>)| Arm {
        id: format!("keep/{group}"),
        kind: ArmKind::Keep,
        attack: group.to_owned(),
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
        stream: format!("keep/{group}"),
        prompts: names.iter().flat_map(|name| prompts(&templates, name)).collect(),
        subjects: subjects.clone(),
        looks: looks.clone(),
    };
    groups.into_iter().filter(|(_, names)| !names.is_empty()).map(arm).collect()
}

/// The keep arms again, on the models that the last arm of every trained series made: an update that
/// destroys a model has not shown that it stays forgotten.
pub(super) fn after(keep: &[Arm], attacks: &[Arm]) -> Vec<Arm> {
    let last = |arm: &&Arm| {
        let series = attacks.iter().filter(|other| other.series == arm.series);
        arm.trained && series.map(|other| other.steps).max() == Some(arm.steps)
    };
    let again = |of: &Arm, keep: &Arm| Arm {
        id: format!("{} after {}", keep.id, of.id),
        after: Some(of.id.clone()),
        trained: true,
        runs: of.runs,
        series: of.series.clone(),
        steps: of.steps,
        baseline: Some(keep.id.clone()),
        subjects: keep.subjects.iter().copied().filter(|role| of.subjects.contains(role)).collect(),
        ..keep.clone()
    };
    attacks
        .iter()
        .filter(last)
        .flat_map(|of| keep.iter().map(move |keep| again(of, keep)))
        .collect()
}

fn templates(recipe: &AuditRecipe, concept: &Concept) -> Vec<String> {
    let usual = || USUAL.iter().map(|template| (*template).to_owned()).collect();
    match (&recipe.keep.prompts, &concept.prompts) {
        (given, _) if !given.is_empty() => given.clone(),
        (_, Prompts::Templates(templates)) => {
            let named: Vec<String> =
                templates.iter().filter(|t| t.contains("{name}")).cloned().collect();
            if named.is_empty() { usual() } else { named }
        }
        (_, Prompts::Csv(_)) => usual(),
    }
}

fn prompts(templates: &[String], name: &str) -> Vec<Prompt> {
    let one = |template: &String| Prompt {
        label: Some(name.to_owned()),
        ..Prompt::new(wording::fill(template, name))
    };
    templates.iter().map(one).collect()
}
