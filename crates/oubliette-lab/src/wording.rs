//! Concepts' names in prompts: found and exchanged there, prompts made of them, and those that must stay.

use oubliette_evidence::{Concept, concept::Prompts};

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

/// Refuses a text in the concept's place that is one of its own names, with which nothing would change, and one in which a place for a
/// name is left, which is a text like any other here. `key` is what the recipe calls it.
///
/// # Errors
/// As said.
pub(crate) fn must_be_another(concepts: &[Concept], key: &str, text: &str) -> Result<()> {
    let refused = |thing: String, remedy: &str| Error::Input {
        file: "the recipe".to_owned(),
        thing,
        remedy: remedy.to_owned(),
    };
    if text.contains("{name}") {
        let thing = format!("`{key}` is `{text}`, and no name is put in there");
        return Err(refused(thing, "write what the concept shall become"));
    }
    match concepts.iter().find(|concept| concept.is_called(text)) {
        None => Ok(()),
        Some(concept) => {
            let thing =
                format!("`{key}` is `{text}`, the name of the concept `{}` itself", concept.id);
            Err(refused(thing, "name something else that it shall become"))
        }
    }
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

/// Templates with a place for a name: those that are `given`, else the concept's own, else the usual two.
pub(crate) fn templates(concept: &Concept, given: &[String]) -> Vec<String> {
    let own = match &concept.prompts {
        _ if !given.is_empty() => given,
        Prompts::Templates(own) => own,
        Prompts::Csv(_) => &[],
    };
    let named: Vec<String> = own.iter().filter(|one| one.contains("{name}")).cloned().collect();
    match named.is_empty() {
        true => ["a {name}", "a picture of a {name}"].map(str::to_owned).to_vec(),
        false => named,
    }
}

/// The concept's prompts about other `names`, by its [`templates`].
pub(crate) fn prompts_of(names: &[String], concept: &Concept, given: &[String]) -> Vec<String> {
    let templates = templates(concept, given);
    let filled = |name: &String| templates.iter().map(|t| fill(t, name)).collect::<Vec<_>>();
    names.iter().flat_map(filled).collect()
}

/// Names that must be kept beside `concept`: `chosen`, or else its neighbours and its superclass. A name of one of `concepts`, which are
/// forgotten with it, is none of them, so that concepts may be each other's neighbours.
///
/// # Errors
/// When there are none.
pub(crate) fn kept(
    concepts: &[Concept],
    concept: &Concept,
    chosen: &[String],
) -> Result<Vec<String>> {
    let usual = || concept.keep.iter().chain(&concept.superclass).cloned().collect();
    let mut kept: Vec<String> = if chosen.is_empty() { usual() } else { chosen.to_vec() };
    kept.retain(|name| !concepts.iter().any(|one| one.is_called(name)));
    if kept.is_empty() {
        return Err(Error::Input {
            file: format!("concept `{}`", concept.id),
            thing: "beside it nothing is left that must stay: the retain set is empty".to_owned(),
            remedy: "add `keep` or `superclass`, or name other things than what is to be forgotten in the method's `retain` (`protect`)"
                .to_owned(),
        });
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::{contains, fill, must_be_another, replace};
    use oubliette_evidence::{Concept, document::Document};

    #[test]
    fn a_concept_does_not_become_itself() {
        let text = "schema = 1\nid = \"lion\"\nkind = \"object\"\nnames = [\"lion\", \"Big cat\"]\nprompts = [\"a {name}\"]\n\
                    [[detector]]\nkind = \"clip\"\n[claim]\ntolerated = 0.05\nreturned = 0.3\nfalse_alarm = 0.05\n\
                    missed_return = 0.05\nkeep_margin = 0.05\n";
        let lion = [Concept::parse(&Document::new("lion.toml".as_ref(), text)).unwrap()];
        for (text, says) in
            [("Lion", "`lion` itself"), ("big cat", "itself"), ("a {name}", "no name is put in")]
        {
            let refused = must_be_another(&lion, "guide", text).unwrap_err().to_string();
            assert!(refused.contains(says) && refused.contains("`guide`"), "{refused}");
        }
        for text in ["", "fox", "lion cub"] {
            assert!(must_be_another(&lion, "guide", text).is_ok(), "{text}");
        }
    }

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
