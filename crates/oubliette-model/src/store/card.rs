//! Adds a fenced section to a model card (`README.md`) and leaves every other byte alone.

/// A section of a model card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardSection {
    /// The heading.
    pub title: String,
    /// Markdown, without the heading.
    pub body: String,
}

impl CardSection {
    /// The fence's name: the title in small letters with hyphens.
    fn fence(&self) -> String {
        let word = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        self.title.chars().map(word).collect()
    }

    /// The card with this section at its end. Where an earlier section of the same title stands,
    /// the body is put below it, inside the same fence: a card loses nothing.
    pub fn added_to(&self, card: &str) -> String {
        let (fence, body) = (self.fence(), self.body.trim_end());
        let end = format!("<!-- oubliette:end {fence} -->");
        if let Some(place) = card.rfind(&end) {
            let (before, after) = card.split_at(place);
            return format!("{before}\n{body}\n{after}");
        }
        let gap = match card {
            "" => "",
            card if card.ends_with("\n\n") => "",
            card if card.ends_with('\n') => "\n",
            _ => "\n\n",
        };
        let title = &self.title;
        format!("{card}{gap}<!-- oubliette:begin {fence} -->\n## {title}\n\n{body}\n{end}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::CardSection;

    #[test]
    fn a_card_loses_nothing() {
        let section =
            |body: &str| CardSection { title: "Concept removal".into(), body: body.into() };
        let card = "---\nlicense: mit\n---\n# Model";
        let once = section("first").added_to(card);
        assert!(once.starts_with(card));
        let twice = section("second").added_to(&once);
        assert!(twice.starts_with(card));
        assert_eq!(twice.matches("## Concept removal").count(), 1);
        assert!(twice.find("first").unwrap() < twice.find("second").unwrap());
        assert!(twice.ends_with("second\n<!-- oubliette:end concept-removal -->\n"));
    }
}
