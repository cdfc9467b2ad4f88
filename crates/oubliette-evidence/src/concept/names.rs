//! What a concept may be called, what may survive beside it, and what its prompts have to say.

use std::collections::BTreeSet;

use super::{Concept, Kind};
use crate::harmless::{is_obeyed, short};

/// Key, thing, remedy.
type Refused = (&'static str, String, &'static str);

/// A name without what does not tell two apart.
pub(crate) fn plain(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The first name of a list that is empty, goes over a line, or stands in it twice, in any case.
pub(crate) fn unfit(names: &[String]) -> Option<(usize, String)> {
    let mut seen = BTreeSet::new();
    names.iter().enumerate().find_map(|(at, name)| {
        let thing = if name.trim().is_empty() {
            "an empty name".to_owned()
        } else if name.contains(is_obeyed) {
            format!("`{}` has a control character", short(name))
        } else if !seen.insert(plain(name)) {
            format!("`{}` stands twice", short(name))
        } else {
            return None;
        };
        Some((at, thing))
    })
}

impl Concept {
    /// Whether this is one of the concept's own names, in any case.
    pub fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|own| plain(own) == plain(name))
    }

    /// Whether this is one of its neighbours, in any case.
    pub fn keeps(&self, name: &str) -> bool {
        self.keep.iter().any(|near| plain(near) == plain(name))
    }

    /// Refuses names that are none, that stand twice, or that should be forgotten and kept at once.
    pub(super) fn check_names(&self) -> Result<(), Refused> {
        let above: Vec<String> = self.superclass.iter().cloned().collect();
        for (key, names) in [("names", &self.names), ("keep", &self.keep), ("superclass", &above)] {
            if let Some((_, thing)) = unfit(names) {
                return Err((key, thing, "write every name once, in one line"));
            }
        }
        for (key, names) in [("keep", &self.keep), ("superclass", &above)] {
            if let Some(name) = names.iter().find(|name| self.is_called(name)) {
                let thing = format!("`{}` is the concept's own name", short(name));
                return Err((key, thing, "name something else, which must survive"));
            }
        }
        Ok(())
    }

    /// Refuses prompts that ask for nothing, and those of a thing that none of them names.
    pub(super) fn check_asked(&self, templates: &[String]) -> Result<(), Refused> {
        let empty = |template: &&String| template.trim().is_empty() || template.contains(is_obeyed);
        if let Some(template) = templates.iter().find(empty) {
            let thing = match template.trim().is_empty() {
                true => "an empty prompt".to_owned(),
                false => format!("the prompt `{}` has a control character", short(template)),
            };
            return Err(("prompts", thing, "write what the picture is asked for by, in one line"));
        }
        let names: Vec<String> = self.names.iter().map(|name| plain(name)).collect();
        let named = |template: &String| {
            let text = template.to_lowercase();
            text.contains("{name}") || names.iter().any(|name| text.contains(name))
        };
        match self.kind == Kind::Object && !templates.iter().any(named) {
            true => {
                let thing = "no prompt names the concept".to_owned();
                Err(("prompts", thing, "write `{name}` where the name belongs"))
            }
            false => Ok(()),
        }
    }
}
