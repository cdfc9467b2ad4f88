//! Finding and exchanging a concept's name inside a prompt.

use oubliette_evidence::Concept;

use crate::{Error, Result};

/// The first concept that `prompt` names as a whole word, and the name it uses (the longest that fits).
pub fn named<'a>(concepts: &'a [Concept], prompt: &str) -> Option<(&'a Concept, &'a str)> {
    let lower = prompt.to_lowercase();
    concepts
        .iter()
        .flat_map(|concept| concept.names.iter().map(move |name| (concept, name.as_str())))
        .filter(|(_, name)| position(&lower, &name.to_lowercase()).is_some())
        .max_by_key(|(_, name)| name.len())
}

/// Whether `text` names any of the concepts.
pub fn names_any(concepts: &[Concept], text: &str) -> bool {
    named(concepts, text).is_some()
}

/// The concept and the name that every prompt of a method which exchanges names must hold.
///
/// # Errors
/// When `prompt` names no concept.
pub fn must_name<'a>(concepts: &'a [Concept], prompt: &str) -> Result<(&'a Concept, &'a str)> {
    named(concepts, prompt).ok_or_else(|| Error::Input {
        file: "the recipe".to_owned(),
        thing: format!("the prompt `{prompt}` names no concept that is to be forgotten"),
        remedy: "use prompts that contain one of the concept's names".to_owned(),
    })
}

/// Whether `text` contains `name` as a whole word, in any case.
pub fn contains(text: &str, name: &str) -> bool {
    position(&text.to_lowercase(), &name.to_lowercase()).is_some()
}

/// `prompt` with `name` exchanged for `other`; an article directly before it is made to fit.
pub fn replace(prompt: &str, name: &str, other: &str) -> String {
    let lower = prompt.to_lowercase();
    let name = name.to_lowercase();
    // Lower-casing may change lengths outside ASCII; then the prompt is only searched as it stands.
    let (text, at) = if lower.len() == prompt.len() {
        (prompt, position(&lower, &name))
    } else {
        (prompt, position(prompt, &name))
    };
    let Some(at) = at else { return prompt.to_owned() };
    let (before, after) = (&text[..at], &text[at + name.len()..]);
    format!("{}{other}{after}", article(before, other))
}

/// Fills `{name}` in a template and makes the article before it fit.
pub fn fill(template: &str, name: &str) -> String {
    put(template, "{name}", name)
}

/// Puts `name` wherever the template has `place`, and makes the article before it fit.
pub fn put(template: &str, place: &str, name: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once(place) {
        text = article(&(text + before), name) + name;
        rest = after;
    }
    text + rest
}

fn article(before: &str, next: &str) -> String {
    let fits = if next.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']) {
        "an "
    } else {
        "a "
    };
    for wrong in ["an ", "a "] {
        if let Some(head) = before.strip_suffix(wrong)
            && (head.is_empty() || head.ends_with(' '))
        {
            return format!("{head}{fits}");
        }
    }
    before.to_owned()
}

fn position(text: &str, word: &str) -> Option<usize> {
    let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    text.match_indices(word).map(|(at, _)| at).find(|&at| {
        !word.is_empty()
            && !inside(text[..at].chars().next_back())
            && !inside(text[at + word.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::{contains, fill, replace};

    #[test]
    fn names_are_whole_words() {
        assert!(contains("A Lion, asleep", "lion"));
        assert!(!contains("a dandelion", "lion"));
        assert!(!contains("two lions", "lion"));
    }

    #[test]
    fn the_article_follows_the_noun() {
        assert_eq!(
            replace("a picture of a lion at dusk", "lion", "animal"),
            "a picture of an animal at dusk"
        );
        assert_eq!(replace("an apple", "apple", "fruit"), "a fruit");
        assert_eq!(replace("a dandelion", "lion", "animal"), "a dandelion");
        assert_eq!(fill("a drawing of a {name}", "owl"), "a drawing of an owl");
        assert_eq!(fill("media {name}", "owl"), "media owl");
    }
}
