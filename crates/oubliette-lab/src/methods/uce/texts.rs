//! Which texts are edited, and what they become.

use oubliette_evidence::{Concept, concept::Kind};

use super::Uce;
use crate::{
    editing::{usual_guide, within},
    wording,
};

impl Uce {
    /// What is erased, each with what it becomes.
    pub(super) fn texts(&self, concept: &Concept) -> Vec<(String, String)> {
        let guide = self.guide_of(concept);
        let erased = |name: &String| {
            let usual =
                self.around(concept.kind, name).into_iter().map(|text| (text, guide.clone()));
            let own = within(&self.phrases, name).into_iter().zip(within(&self.phrases, &guide));
            own.chain(usual).collect::<Vec<_>>()
        };
        concept.names.iter().flat_map(erased).collect()
    }

    /// The release's phrases around a name, where the recipe asks for them.
    fn around(&self, kind: Kind, name: &str) -> Vec<String> {
        let phrases: &[&str] = match (self.expand, kind) {
            (false, _) => &[],
            (true, Kind::Style) => &[
                "painting by {name}",
                "art by {name}",
                "artwork by {name}",
                "picture by {name}",
                "style of {name}",
            ],
            (true, _) => &[
                "image of {name}",
                "photo of {name}",
                "portrait of {name}",
                "picture of {name}",
                "painting of {name}",
            ],
        };
        phrases.iter().map(|phrase| wording::fill(phrase, name)).collect()
    }

    fn guide_of(&self, concept: &Concept) -> String {
        self.guide.clone().unwrap_or_else(|| usual_guide(concept.kind).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_holds_the_concept_and_its_guide_alike() {
        let uce = Uce {
            guide: Some("fox".to_owned()),
            phrases: vec!["a drawn {name}".to_owned()],
            ..Uce::default()
        };
        let text = "schema = 1\nid = \"lion\"\nkind = \"object\"\nnames = [\"lion\"]\nprompts = [\"a {name}\"]\n\
                    [[detector]]\nkind = \"clip\"\n[claim]\ntolerated = 0.05\nreturned = 0.3\nfalse_alarm = 0.05\n\
                    missed_return = 0.05\nkeep_margin = 0.05\n";
        let document = oubliette_evidence::document::Document::new("lion.toml".as_ref(), text);
        let concept = Concept::parse(&document).unwrap();
        let erased = uce.texts(&concept);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(erased, [pair("lion", "fox"), pair("a drawn lion", "a drawn fox")]);
    }
}
