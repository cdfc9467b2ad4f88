//! Which concept's forgetting did what to which other one: a matrix for each method, where audits asked for other concepts or share a model.

use std::collections::BTreeSet;

use itertools::Itertools as _;

use super::comparison::{ComparedAudit, none, row, shown};
use crate::Digest;
use crate::plan::Role;
use crate::plan::group::FORGOTTEN;
use crate::verdict::{KeepFinding, Rate};

/// All matrices; nothing where no audit asked for another concept and no two looked at one model.
pub(super) fn interference(audits: &[ComparedAudit]) -> String {
    let methods = audits.iter().map(|audit| audit.method.as_str()).unique();
    let matrices = methods.map(|method| {
        let of_method: Vec<_> = audits.iter().filter(|audit| audit.method == method).collect();
        matrix(method, &of_method)
    });
    match matrices.collect::<String>() {
        none if none.is_empty() => none,
        all => format!("{HEAD}{all}"),
    }
}

const HEAD: &str = "\n## Interference\n\nHits of samples under the own prompts of the concept that a column names, by the model that the row names. \
                    **Bold**: what that model was made to forget; *italic*: what had been forgotten before, in an earlier turn.\n\n";

/// A model, as one audit or several looked at it.
struct Model<'a> {
    key: (&'a str, Digest),
    audits: Vec<&'a ComparedAudit>,
}

fn matrix(method: &str, audits: &[&ComparedAudit]) -> String {
    let models = models(audits);
    let shared = models.iter().any(|model| model.audits.len() > 1);
    if !shared && audits.iter().all(|audit| others(audit).next().is_none()) {
        return String::new();
    }
    let columns = columns(audits);
    let head: Vec<&str> = [method].into_iter().chain(columns.iter().copied()).collect();
    let line = |name: &str, entry: &dyn Fn(&str) -> String| {
        let entries = columns.iter().map(|column| entry(column));
        row(&[name.to_owned()].into_iter().chain(entries).collect::<Vec<_>>())
    };
    let mut table = row(&head) + &row(&vec!["---"; head.len()]);
    table += &line("original", &|concept| before(audits, concept));
    for model in &models {
        table += &line(model.key.0, &|concept| entry(model, concept));
    }
    table + "\n"
}

/// The models in the order in which audits looked at them.
fn models<'a>(audits: &[&'a ComparedAudit]) -> Vec<Model<'a>> {
    let mut models: Vec<Model<'_>> = Vec::new();
    for audit in audits {
        let Some(subject) = audit.plan.subject(Role::Unlearned) else { continue };
        let key = (subject.name.as_str(), subject.digest);
        match models.iter_mut().find(|model| model.key == key) {
            Some(model) => model.audits.push(audit),
            None => models.push(Model { key, audits: vec![audit] }),
        }
    }
    models
}

/// The concepts that were forgotten, then those that were only asked for.
fn columns<'a>(audits: &[&'a ComparedAudit]) -> Vec<&'a str> {
    let own = audits.iter().map(|audit| audit.concept.as_str());
    let asked = audits.iter().flat_map(|audit| others(audit).map(|(concept, _)| concept));
    let mut columns: Vec<&str> = Vec::new();
    for concept in own.chain(asked) {
        if !columns.contains(&concept) {
            columns.push(concept);
        }
    }
    columns
}

/// What an audit found of other concepts, by their ids.
fn others(audit: &ComparedAudit) -> impl Iterator<Item = (&str, &KeepFinding)> {
    audit.judgment.keeps.iter().filter_map(|found| {
        let concept = audit.plan.arm(&found.arm)?.concept.as_deref()?;
        (found.subject == Role::Unlearned).then_some((concept, found))
    })
}

/// What an audit found of its own concept, asked for in its own words.
fn own(audit: &ComparedAudit, role: Role) -> Option<Rate> {
    Some(audit.judgment.arm(&audit.plan.untrained().next()?.id, role)?.all)
}

/// The original's rate of a concept, of all seeds together: as that concept's own audit has it, else as any that asked for it.
fn before(audits: &[&ComparedAudit], concept: &str) -> String {
    let seeds: BTreeSet<Option<u64>> = audits.iter().map(|audit| audit.seed).collect();
    let rates = seeds.into_iter().filter_map(|seed| {
        let of_seed = || audits.iter().filter(move |audit| audit.seed == seed);
        let mut of_it = of_seed().filter(|audit| audit.concept == concept);
        let asked = || of_seed().find_map(|audit| other(audit, concept)).map(|f| f.original);
        of_it.find_map(|audit| own(audit, Role::Original)).or_else(asked)
    });
    let sum = |(hits, of): (u32, u32), rate: Rate| (hits + rate.hits, of + rate.of);
    match rates.fold((0, 0), sum) {
        (_, 0) => none(),
        (hits, of) => format!("{hits}/{of}"),
    }
}

fn other<'a>(audit: &'a ComparedAudit, concept: &str) -> Option<&'a KeepFinding> {
    others(audit).find(|(asked, _)| *asked == concept).map(|(_, found)| found)
}

fn entry(model: &Model<'_>, concept: &str) -> String {
    let own_audit = model.audits.iter().find(|audit| audit.concept == concept);
    if let Some(rate) = own_audit.and_then(|audit| own(audit, Role::Unlearned)) {
        return format!("**{}**", shown(rate));
    }
    match model.audits.iter().find_map(|audit| other(audit, concept)) {
        Some(found) if found.group == FORGOTTEN => format!("*{}*", shown(found.kept)),
        Some(found) => shown(found.kept),
        None => none(),
    }
}
