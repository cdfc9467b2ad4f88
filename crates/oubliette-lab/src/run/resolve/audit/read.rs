//! Whether the model gets to read what every arm asks for.

use std::{collections::BTreeSet, path::Path};

use oubliette_evidence::{
    Concept, Prompt,
    document::Document,
    plan::{Arm, ArmKind},
    recipe::AuditRecipe,
};
use oubliette_model::tokenizer::ClipTokenizer;

use crate::{Result, run::names};

/// Refuses a prompt whose name the model never sees, because the text is cut off before it; `own` is the concept with its file and its prompts.
///
/// # Errors
/// For the first such prompt, at the place of the list that it comes from.
pub(super) fn check(
    tokenizer: &ClipTokenizer,
    arms: &[Arm],
    recipe: &AuditRecipe,
    own: (&Concept, &Path, &[Prompt]),
) -> Result<()> {
    let (concept, file, prompts) = own;
    let mut known = BTreeSet::new();
    for arm in arms {
        for prompt in &arm.prompts {
            if !known.insert((&prompt.text, &prompt.label)) {
                continue;
            }
            let kept: Vec<String> = prompt.label.iter().cloned().collect();
            let names = if prompt.label.is_some() { &kept } else { &concept.names };
            let Some(thing) = names::cut_off(tokenizer, &prompt.text, names)? else { continue };
            let remedy = names::EARLIER;
            let is_own =
                prompt.label.is_none() && prompts.iter().any(|one| one.text == prompt.text);
            let error = match (is_own, arm.kind) {
                (true, _) => Document::read(file)?.error("prompts", thing, remedy),
                (false, ArmKind::Keep) => recipe.source.error("keep", thing, remedy),
                (false, _) => recipe.source.error("attack", thing, remedy),
            };
            return Err(error.into());
        }
    }
    Ok(())
}
