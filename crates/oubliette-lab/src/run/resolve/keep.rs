//! Keep arms: whether the concept's neighbours, its superclass and unrelated concepts survived.

use std::path::{Path, PathBuf};

use oubliette_evidence::{
    Concept, Prompt,
    harmless::short,
    plan::{Arm, ArmKind, Role, Standing, group},
    recipe::AuditRecipe,
};

use crate::{Error, Result, attacks::OWN_PROMPTS, wording};

/// One arm for every group that has members and for every other concept, on all subjects but the never-exposed one.
///
/// # Errors
/// When the file of another concept cannot be read.
pub(super) fn arms(recipe: &AuditRecipe, concept: &Concept, roles: &[Role]) -> Result<Vec<Arm>> {
    refuse_related(recipe, concept)?;
    let templates = wording::templates(concept, &recipe.keep.prompts);
    let forgotten = read(recipe, concept, &recipe.keep.forgotten)?;
    let gone = |name: &&String| forgotten.iter().any(|(_, other)| other.names.contains(name));
    let left = |names: &[String]| names.iter().filter(|n| !gone(n)).cloned().collect::<Vec<_>>();
    let groups = [
        (group::NEIGHBOURS, left(&concept.keep)),
        (group::SUPERCLASS, concept.superclass.iter().cloned().collect()),
        (group::UNRELATED, left(&recipe.keep.unrelated)),
    ];
    let asked = |(group, names): (&str, Vec<String>)| Arm {
        prompts: names.iter().flat_map(|name| prompts(&templates, name)).collect(),
        ..arm(recipe, roles, group.to_owned(), group)
    };
    let filled = groups.into_iter().filter(|(_, names)| !names.is_empty());
    let mut arms: Vec<Arm> = filled.map(asked).collect();
    for (file, other) in read(recipe, concept, &recipe.keep.concepts)? {
        let gone = forgotten.iter().any(|(_, one)| one.id == other.id);
        let arm = arm(
            recipe,
            roles,
            format!("other/{}", other.id),
            if gone { group::FORGOTTEN } else { group::OTHER },
        );
        arms.push(asking(recipe, arm, &file, other)?);
    }
    Ok(arms)
}

/// What is to be forgotten is not kept, and what stands among the neighbours is not counted again.
fn refuse_related(recipe: &AuditRecipe, concept: &Concept) -> Result<()> {
    for (at, name) in recipe.keep.unrelated.iter().enumerate() {
        let what = match (concept.is_called(name), concept.keeps(name)) {
            (true, _) => "is a name of the concept that is to be forgotten",
            (false, true) => "is a neighbour in the concept's own `keep`",
            (false, false) => continue,
        };
        let (place, thing) = (format!("keep.unrelated.{at}"), format!("`{}` {what}", short(name)));
        return Err(recipe.source.error(&place, thing, "take it out of `unrelated`").into());
    }
    Ok(())
}

/// The arm that asks for another concept, which was read from `file`, with the draws of that concept's own audit.
fn asking(recipe: &AuditRecipe, arm: Arm, file: &Path, other: Concept) -> Result<Arm> {
    let label = Some(label(&other));
    let prompt = |prompt| Prompt { label: label.clone(), ..prompt };
    Ok(Arm {
        stream: OWN_PROMPTS.to_owned(),
        prompts: other.prompts(file)?.into_iter().map(prompt).collect(),
        looks: recipe.samples.schedule(recipe.samples.per_arm),
        standing: Standing::Exploratory,
        concept: Some(other.id),
        ..arm
    })
}

/// Other concepts than the audit's own, with their files.
fn read(recipe: &AuditRecipe, own: &Concept, files: &[PathBuf]) -> Result<Vec<(PathBuf, Concept)>> {
    let mut all = Vec::<(PathBuf, Concept)>::new();
    for file in files {
        let file = recipe.source.beside(file);
        let concept = Concept::read(&file)?;
        if concept.id == own.id || all.iter().any(|(_, other)| other.id == concept.id) {
            return Err(Error::Input {
                file: format!("`{}`", file.display()),
                thing: format!(
                    "`keep` names the concept `{}` twice, or it is the audit's own",
                    concept.id
                ),
                remedy: "name every other concept once".to_owned(),
            });
        }
        all.push((file, concept));
    }
    Ok(all)
}

/// What a detector knows a concept by: the label of its own detector, or its first name.
fn label(concept: &Concept) -> String {
    let own =
        concept.detector.first().and_then(|detector| detector.settings.get("label")?.as_str());
    own.or(concept.names.first().map(String::as_str)).unwrap_or(&concept.id).to_owned()
}

/// A keep arm that has no prompts yet.
fn arm(recipe: &AuditRecipe, roles: &[Role], name: String, group: &str) -> Arm {
    Arm {
        id: format!("keep/{name}"),
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
        concept: None,
        stream: format!("keep/{name}"),
        prompts: Vec::new(),
        subjects: roles.iter().copied().filter(|&role| role != Role::NeverExposed).collect(),
        looks: recipe.samples.schedule(recipe.samples.keep),
    }
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
        .flat_map(|of| {
            let decides = keep.iter().filter(|keep| keep.standing == Standing::Deciding);
            decides.map(move |keep| again(of, keep))
        })
        .collect()
}

fn prompts(templates: &[String], name: &str) -> Vec<Prompt> {
    let one = |template: &String| Prompt {
        label: Some(name.to_owned()),
        ..Prompt::new(wording::fill(template, name))
    };
    templates.iter().map(one).collect()
}
