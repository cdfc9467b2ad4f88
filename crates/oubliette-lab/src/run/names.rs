//! Whether the model's tokenizer can read what is to be forgotten, looked at before anything is trained.

use oubliette_evidence::{Concept, Prompt};
use oubliette_model::tokenizer::ClipTokenizer;

use crate::{Error, Result, wording};

/// Tokens of one word beyond which the model cannot be said to know it: it sees letters.
const PIECES: usize = 6;

/// Refuses names that are nothing to the tokenizer, or letters only, or that it never gets to see in the prompts.
///
/// # Errors
/// For the first such name.
pub(super) fn check(
    tokenizer: &ClipTokenizer,
    concepts: &[Concept],
    prompts: &[Prompt],
) -> Result<()> {
    for concept in concepts {
        for name in &concept.names {
            let refuse = |thing: String, remedy: &str| Error::Input {
                file: format!("concept `{}`", concept.id),
                thing,
                remedy: remedy.to_owned(),
            };
            let read = tokenizer.encode(name)?;
            let tokens = read.used - 2 + read.dropped;
            let unknown = read.ids[1..read.used - 1].iter().all(|id| *id == tokenizer.eos());
            if tokens == 0 || unknown {
                let thing = format!("the model's tokenizer makes nothing of the name `{name}`");
                return Err(refuse(
                    thing,
                    "give a name in the script that the model was trained on",
                ));
            }
            let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
            if tokens > PIECES * words.count().max(1) {
                let thing = format!(
                    "the model's tokenizer splits the name `{name}` into {tokens} pieces, so the model hardly knows it as a word"
                );
                return Err(refuse(
                    thing,
                    "give the name that captions use for it, or one word for each part of it",
                ));
            }
            let mut naming =
                prompts.iter().filter(|one| wording::contains(&one.text, name)).peekable();
            let Some(first) = naming.peek().map(|one| one.text.clone()) else { continue };
            let mut seen = false;
            for prompt in naming {
                seen = seen || !tokenizer.positions(&prompt.text, name)?.is_empty();
            }
            if !seen {
                let thing = format!(
                    "no prompt shows the model the whole name `{name}`: `{first}` is cut off before it or reads it otherwise"
                );
                return Err(refuse(
                    thing,
                    "use prompts in which the name comes within the first 75 tokens",
                ));
            }
        }
    }
    Ok(())
}
