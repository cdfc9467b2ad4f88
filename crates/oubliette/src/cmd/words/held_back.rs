//! Scenes of the words that a method leaves for tests, as the lists that an audit's recipe takes.
use crate::cmd::Answer;
use crate::failure::Failure;
use oubliette_evidence::recipe::UnlearnRecipe;
use oubliette_lab::run::resolve;
use serde::Serialize;
use std::path::Path;
use toml::Value;

/// The result.
#[derive(Serialize)]
struct HeldBack {
    prompts: Vec<String>,
}

/// At most so many scenes that the method of an unlearning's recipe does not train on.
///
/// # Errors
/// The recipe, or a file that it names, is refused, or its method leaves no scenes.
pub(super) fn answer(recipe: &Path, scenes: u32) -> Result<Answer, Failure> {
    let prompts = resolve::held_back_scenes(&UnlearnRecipe::read(recipe)?, scenes as usize)?;
    let one = |scene: &String| format!("  {},\n", Value::from(scene.as_str()));
    let list: String = prompts.iter().map(one).collect();
    let text = format!(
        "# Not trained on. As `paraphrases` of the attack `direct` they ask for what was forgotten, and as `prompts` below `[keep]`\n\
         # for what should have stayed.\n\
         prompts = [\n{list}]"
    );
    Ok(Answer::done(HeldBack { prompts }, text))
}
