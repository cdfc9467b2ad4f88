//! Whether the model's tokenizer can read what is to be forgotten, looked at before anything is trained.

use oubliette_evidence::{Concept, Prompt, harmless::short};
use oubliette_model::tokenizer::ClipTokenizer;

use crate::{Error, Result, wording};

/// Tokens of one word beyond which the model cannot be said to know it: it sees letters.
const PIECES: usize = 6;
/// What helps where a name is cut off.
pub(super) const EARLIER: &str = "shorten the prompt, or put the name at its beginning";

/// What is wrong with a `text` of which the model sees none of `names` that stand in it, because it is cut off before them; nothing where it sees
/// one, or `text` has none.
/// A text that is cut elsewhere is told of.
///
/// # Errors
/// A text is absurdly long.
pub(super) fn cut_off(
    tokenizer: &ClipTokenizer,
    text: &str,
    names: &[String],
) -> Result<Option<String>> {
    let read = tokenizer.encode(text)?;
    if !read.truncated() {
        return Ok(None);
    }
    let mut lost = None;
    for name in names.iter().filter(|name| wording::contains(text, name)) {
        if !tokenizer.positions(text, name)?.is_empty() {
            lost = None;
            break;
        }
        lost = lost.or(Some(name.as_str()));
    }
    if lost.is_none() {
        tracing::warn!(
            "the model reads {} tokens of the prompt `{}` and not the last {}",
            read.tokens(),
            short(text),
            read.dropped
        );
    }
    Ok(lost.map(|name| {
        let (text, name) = (short(text), short(name));
        format!(
            "the model reads {} tokens of the prompt `{text}`, and its name `{name}` comes after them",
            tokenizer.length() - 2
        )
    }))
}

/// Refuses names that are nothing to the tokenizer, or letters only, or that it never gets to see in the prompts.
///
/// # Errors
/// For the first such name.
pub(super) fn check(
    tokenizer: &ClipTokenizer,
    concepts: &[Concept],
    prompts: &[Prompt],
) -> Result<()> {
    let names: Vec<String> = concepts.iter().flat_map(|one| one.names.clone()).collect();
    for prompt in prompts {
        if let Some(thing) = cut_off(tokenizer, &prompt.text, &names)? {
            return Err(Error::Input {
                file: "the concept's `prompts`".to_owned(),
                thing,
                remedy: EARLIER.to_owned(),
            });
        }
    }
    for concept in concepts {
        for name in &concept.names {
            let refuse = |thing: String, remedy: &str| Error::Input {
                file: format!("concept `{}`", concept.id),
                thing,
                remedy: remedy.to_owned(),
            };
            let read = tokenizer.encode(name)?;
            let tokens = read.tokens() + read.dropped;
            let unknown = read.ids[1..read.used - 1].iter().all(|id| *id == tokenizer.eos());
            if tokens == 0 || unknown {
                let thing =
                    format!("the model's tokenizer makes nothing of the name `{}`", short(name));
                return Err(refuse(
                    thing,
                    "give a name in the script that the model was trained on",
                ));
            }
            let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
            if tokens > PIECES * words.count().max(1) {
                let thing = format!(
                    "the model's tokenizer splits the name `{}` into {tokens} pieces, so the model hardly knows it as a word",
                    short(name)
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
                    "no prompt shows the model the whole name `{}`: `{}` is cut off before it or reads it otherwise",
                    short(name),
                    short(&first)
                );
                return Err(refuse(thing, EARLIER));
            }
        }
    }
    Ok(())
}
