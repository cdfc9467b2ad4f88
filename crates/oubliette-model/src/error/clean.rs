//! Words of foreign files as a terminal may show them: one line, without commands to it, and no longer than is read.

use std::path::Path;

/// The most characters of a name: a key, a tensor, a setting.
const NAME: usize = 200;
/// The most characters of a reason or a remedy.
const SENTENCE: usize = 600;

/// A name.
pub(super) fn name(text: impl Into<String>) -> String {
    let text: String = text.into();
    line(&text, NAME)
}

/// A reason or a remedy.
pub(super) fn sentence(text: impl Into<String>) -> String {
    let text: String = text.into();
    line(&text, SENTENCE)
}

/// A path, whole: it has to be found again.
pub(super) fn place(path: &Path) -> String {
    line(&path.to_string_lossy(), usize::MAX)
}

/// The first `most` characters, with an ellipsis where there are more.
fn line(text: &str, most: usize) -> String {
    let mut chars = text.chars();
    let mut line: String = chars.by_ref().take(most).map(shown).collect();
    if chars.next().is_some() {
        line.push('…');
    }
    line
}

/// Terminals obey control characters; the others break a line, or turn the order of what is read around.
fn shown(c: char) -> char {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}');
    let marks = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}');
    if c.is_control() || turns || breaks || marks { '\u{fffd}' } else { c }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::error::Error;

    /// An error of every kind that names something, about `text`.
    fn errors(text: &str) -> [Error; 4] {
        let path = Path::new("model.safetensors");
        [
            Error::file(path, text, text),
            Error::config(path, text, text, text),
            Error::tensor(path, text, text, text),
            Error::setting(text, text, text),
        ]
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_said() {
        for error in errors("a\n\x1b[31mred\r\u{9b}2J\u{202e}\u{2028}z") {
            let said = error.to_string();
            let clean = "a\u{fffd}\u{fffd}[31mred\u{fffd}\u{fffd}2J\u{fffd}\u{fffd}z";
            assert!(said.contains(clean) && !said.contains(char::is_control), "{said:?}");
        }
        let said = Error::file(Path::new("a\n\x1b[2Jb"), "is odd", "rename it").to_string();
        assert_eq!(said, "`a\u{fffd}\u{fffd}[2Jb`: is odd; rename it");
    }

    #[test]
    fn what_is_endless_is_cut() {
        for error in errors(&"é".repeat(5_000_000)) {
            let said = error.to_string();
            assert!(said.chars().count() < 1500 && said.contains("é…"), "{said}");
        }
    }

    #[test]
    fn plain_words_stay_as_they_are() {
        let said = "größer als 1, 日本語, `a\\b`".repeat(5);
        for error in errors(&said) {
            assert!(error.to_string().contains(&said), "{error}");
        }
    }
}
