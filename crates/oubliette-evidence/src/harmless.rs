//! Words of strangers as they may be shown: nothing in them that a terminal obeys, or that breaks or turns around what is read.

/// Whether a character does something instead of being seen: control characters, separators of lines and paragraphs, and those that turn the order of
/// what is read.
pub fn is_obeyed(c: char) -> bool {
    let breaks = matches!(c, '\u{2028}' | '\u{2029}');
    let marks = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}');
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || breaks || marks || turns
}

/// A text as one line.
pub fn line(text: &str) -> String {
    text.chars().map(|c| if is_obeyed(c) { '\u{fffd}' } else { c }).collect()
}

/// What is shown of a text in a message about it.
const SHORT: usize = 80;

/// The beginning of a text as one line, for messages about it.
pub fn short(text: &str) -> String {
    let shown = match text.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    };
    line(&shown)
}

/// A text of several lines: line ends and tabs stay.
pub fn page(text: &str) -> String {
    let stays = |c: char| matches!(c, '\n' | '\t') || !is_obeyed(c);
    let text = text.replace("\r\n", "\n");
    text.chars().map(|c| if stays(c) { c } else { '\u{fffd}' }).collect()
}

/// JSON of the same value, in which such characters are written as escapes; between values there are line ends only.
pub fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c != '\n' && is_obeyed(c) {
            true => safe += &format!("\\u{:04x}", u32::from(c)),
            false => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    const HARM: &str =
        "a\n\tb\r\u{1b}[2J\u{7f}\u{9b}1m\u{61c}\u{200e}\u{200f}\u{202e}\u{2066}\u{2028}\u{2029}é";

    #[test]
    fn what_a_terminal_would_obey_is_replaced() {
        let rest = "\u{fffd}\u{fffd}[2J\u{fffd}\u{fffd}1m\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}é";
        assert_eq!(line(HARM), format!("a\u{fffd}\u{fffd}b{rest}"));
        assert_eq!(page(HARM), format!("a\n\tb{rest}"));
        assert_eq!(page("a\r\nb"), "a\nb");
        assert_eq!(short("a\nb"), "a\u{fffd}b");
        assert_eq!(short(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
        assert_eq!(line("größer, 日本語, לב, 🦊"), "größer, 日本語, לב, 🦊");
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({ HARM: [HARM, 1] });
        let text = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.contains(|c: char| c != '\n' && is_obeyed(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
