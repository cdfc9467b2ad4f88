//! Scenes for a retain set that is more than one sentence: activities, places, times and moods around a name.

use std::collections::BTreeSet;

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, wording};

const BARE: &str = "a {name}";

/// Which words of every list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pool {
    /// The first ones, which are trained on.
    Trained,
    /// The last ones, which are left for tests.
    Tests,
}

/// What diverse scenes are made of. The first part of every list is trained on, the rest is left for tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Words {
    /// Where the name and a word of each list stand: `{name}`, `{mood}`, `{activity}`, `{place}`, `{time}`.
    pub sentence: String,
    /// For `{mood}`.
    pub moods: Vec<String>,
    /// For `{activity}`.
    pub activities: Vec<String>,
    /// For `{place}`.
    pub places: Vec<String>,
    /// For `{time}`.
    pub times: Vec<String>,
    /// The share of every list that is left for tests.
    pub held_back: f64,
}

impl Default for Words {
    fn default() -> Self {
        let list = |words: [&str; 8]| words.map(str::to_owned).to_vec();
        Self {
            sentence: "a {mood} picture of a {name} {activity} {place} {time}".to_owned(),
            moods: list([
                "calm", "lively", "dreamy", "plain", "bright", "gloomy", "playful", "solemn",
            ]),
            activities: list([
                "standing still",
                "seen from the side",
                "in motion",
                "seen from above",
                "close up",
                "among others",
                "far away",
                "half hidden",
            ]),
            places: list([
                "in a garden",
                "on a street",
                "by the sea",
                "in a room",
                "on a hill",
                "in a market",
                "under a bridge",
                "in a forest",
            ]),
            times: list([
                "at dawn",
                "at noon",
                "at dusk",
                "at night",
                "in spring",
                "in summer",
                "in autumn",
                "in winter",
            ]),
            held_back: 0.5,
        }
    }
}

impl Words {
    /// Refuses words that name what is to be forgotten: they would stand in the scenes without it.
    ///
    /// # Errors
    /// The first such word.
    pub(super) fn check(&self, concepts: &[Concept]) -> Result<()> {
        let mut all =
            [&self.moods, &self.activities, &self.places, &self.times].into_iter().flatten();
        match all.find(|word| wording::names_any(concepts, word)) {
            None => Ok(()),
            Some(word) => Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: format!(
                    "`words` has `{word}`, which names a concept that is to be forgotten"
                ),
                remedy: "take it out of its list".to_owned(),
            }),
        }
    }

    /// `count` scenes around `names`, each name in turn.
    ///
    /// # Errors
    /// When the sentence has no place for a name, or one for a list of which no word is left.
    pub(super) fn scenes(&self, names: &[String], count: usize) -> Result<Vec<String>> {
        self.made(Pool::Trained, names, count)
    }

    /// At most `count` different scenes of the words that are left for tests alone, with `{name}` where a name belongs.
    ///
    /// # Errors
    /// As [`Words::scenes`]; and when nothing is left.
    pub(super) fn held_back_scenes(&self, count: usize) -> Result<Vec<String>> {
        let scenes = self.made(Pool::Tests, &["{name}".to_owned()], count)?;
        if !self.lists().iter().any(|(word, _)| self.sentence.contains(word)) {
            return Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: format!(
                    "`words` leaves no scenes for tests: `{}` holds no word of a list",
                    self.sentence
                ),
                remedy: "put `{mood}`, `{activity}`, `{place}` or `{time}` into `sentence`"
                    .to_owned(),
            });
        }
        let mut seen = BTreeSet::new();
        Ok(scenes.into_iter().filter(|scene| seen.insert(scene.clone())).collect())
    }

    fn lists(&self) -> [(&'static str, &Vec<String>); 4] {
        [
            ("{mood}", &self.moods),
            ("{activity}", &self.activities),
            ("{place}", &self.places),
            ("{time}", &self.times),
        ]
    }

    fn made(&self, pool: Pool, names: &[String], count: usize) -> Result<Vec<String>> {
        let lists = self.lists();
        let unknown = lists
            .iter()
            .fold(self.sentence.replace("{name}", ""), |left, (word, _)| left.replace(word, ""));
        if unknown.contains(['{', '}']) || !(0.0..1.0).contains(&self.held_back) {
            return Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: format!("`words` has the sentence `{}` and holds back {}", self.sentence, self.held_back),
                remedy: "use `{name}`, `{mood}`, `{activity}`, `{place}` and `{time}` alone, and a share from 0 to below 1".to_owned(),
            });
        }
        let used = lists.map(|(word, list)| (word, self.of(pool, list)));
        let empty =
            used.iter().find(|(word, list)| self.sentence.contains(word) && list.is_empty());
        let missing = if self.sentence.contains("{name}") {
            empty.map(|(word, _)| *word)
        } else {
            Some("{name}")
        };
        if let Some(word) = missing {
            let (does, remedy) = match pool {
                Pool::Trained => ("makes no scenes", "words into the lists that it names"),
                Pool::Tests => (
                    "leaves no scenes for tests",
                    "more words into the lists that it names, or hold back a larger share",
                ),
            };
            return Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: format!("`words` {does}: nothing for `{word}`"),
                remedy: format!("put `{{name}}` into `sentence`, and {remedy}"),
            });
        }
        let standing = used.into_iter().filter(|(word, _)| self.sentence.contains(word));
        let standing: Vec<_> = standing.collect();
        let scene = |number: usize| {
            let (mut sentence, mut left) = (self.sentence.clone(), number / names.len());
            // The digits of a mixed-radix counter over names and lists, each moved on by all before it: no scene comes twice before
            // all were there, and few are spread over all words.
            let mut moved = number % names.len();
            for (word, list) in &standing {
                moved += left % list.len();
                left /= list.len();
                sentence = wording::put(&sentence, word, &list[moved % list.len()]);
            }
            wording::fill(&sentence, &names[number % names.len()])
        };
        Ok((0..if names.is_empty() { 0 } else { count }).map(scene).collect())
    }

    fn of<'a>(&self, pool: Pool, list: &'a [String]) -> &'a [String] {
        let held_back = (list.len() as f64 * self.held_back).floor() as usize;
        let (trained, tests) = list.split_at(list.len() - held_back);
        match pool {
            Pool::Trained => trained,
            Pool::Tests => tests,
        }
    }
}

/// `count` bare names, each in turn.
pub(super) fn bare(names: &[String], count: usize) -> Vec<String> {
    names.iter().cycle().take(count).map(|name| wording::fill(BARE, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn scenes_differ_and_leave_half_of_every_list_for_tests() {
        let words = Words::default();
        let all = words.scenes(&names(&["lion"]), 800).unwrap();
        let distinct = all.iter().collect::<BTreeSet<_>>().len();
        assert_eq!(distinct, 4 * 4 * 4 * 4);
        let lists = [words.moods, words.activities, words.places, words.times];
        for held_back in lists.iter().flat_map(|list| &list[4..]) {
            assert!(!all.iter().any(|scene| scene.contains(held_back)), "{held_back}");
        }
        assert!(all.iter().all(|scene| scene.contains("lion")));
    }

    #[test]
    fn no_scene_comes_twice_before_all_were_there() {
        let animals = names(&["ant", "bee", "cat", "dog", "eel", "fox"]);
        let all = Words::default().scenes(&animals, 800).unwrap();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 800);
        let own = r#"sentence = "a {mood} style {name} on {place}"
moods = ["noto", "ink", "oil"]
places = ["white", "grey", "pink", "blue", "green", "yellow"]
held_back = 0.0"#;
        let words: Words = toml::from_str(own).unwrap();
        let few = words.scenes(&animals, 24).unwrap();
        assert_eq!(few.iter().collect::<BTreeSet<_>>().len(), 24);
        for word in words.moods.iter().chain(&words.places) {
            let with = few.iter().filter(|scene| scene.contains(word));
            let named =
                animals.iter().filter(|name| with.clone().any(|scene| scene.contains(*name)));
            assert!(named.count() >= 3, "{word}: {few:?}");
        }
    }

    #[test]
    fn words_may_be_ones_own() {
        let own = r#"sentence = "a {mood} style {name}"
moods = ["noto", "ink"]
held_back = 0.0"#;
        let words: Words = toml::from_str(own).unwrap();
        let scenes = words.scenes(&names(&["ant", "car"]), 4).unwrap();
        assert_eq!(
            scenes,
            ["a noto style ant", "an ink style car", "an ink style ant", "a noto style car"]
        );
    }

    #[test]
    fn what_is_held_back_makes_scenes_that_are_never_trained_on() {
        let words = Words::default();
        let trained = words.scenes(&names(&["{name}"]), 800).unwrap();
        let tests = words.held_back_scenes(800).unwrap();
        assert_eq!(tests.len(), 4 * 4 * 4 * 4);
        assert!(tests.iter().all(|scene| scene.contains("a {name}") && !trained.contains(scene)));
        for word in words.moods[..4].iter().chain(&words.times[..4]) {
            assert!(!tests.iter().any(|scene| scene.contains(word)), "{word}");
        }
        assert_eq!(words.held_back_scenes(5).unwrap().len(), 5);
        for (own, says) in [
            ("held_back = 0.0", "leaves no scenes for tests: nothing for `{mood}`"),
            ("times = [\"at dawn\"]", "nothing for `{time}`"),
            ("sentence = \"a {name}\"", "holds no word of a list"),
        ] {
            let words: Words = toml::from_str(own).unwrap();
            let error = words.held_back_scenes(2).unwrap_err().to_string();
            assert!(error.contains(says), "{says}: {error}");
        }
    }

    #[test]
    fn a_sentence_that_says_nothing_is_refused() {
        for (own, says) in [
            ("sentence = \"a {mood} picture\"", "nothing for `{name}`"),
            ("moods = []", "nothing for `{mood}`"),
            ("sentence = \"a {colour} {name}\"", "{colour}"),
            ("held_back = 1.0", "holds back 1"),
            ("held_back = nan", "holds back NaN"),
        ] {
            let words: Words = toml::from_str(own).unwrap();
            let error = words.scenes(&names(&["ant"]), 2).unwrap_err().to_string();
            assert!(error.contains(says), "{says}: {error}");
        }
    }

    #[test]
    fn uniform_is_the_bare_name() {
        assert_eq!(bare(&names(&["ant", "bee"]), 3), ["an ant", "a bee", "an ant"]);
        assert!(bare(&[], 3).is_empty());
    }
}
