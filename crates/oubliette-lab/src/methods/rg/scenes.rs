//! Scenes for a retain set that is more than one sentence: activities, places, times and moods around a name.

use crate::wording;

/// Where the name and the values of each dimension stand.
const SCENE: &str = "a {mood} picture of a {name} {activity} {place} {time}";
const BARE: &str = "a {name}";

const MOODS: [&str; 8] =
    ["calm", "lively", "dreamy", "plain", "bright", "gloomy", "playful", "solemn"];
const ACTIVITIES: [&str; 8] = [
    "standing still",
    "seen from the side",
    "in motion",
    "seen from above",
    "close up",
    "among others",
    "far away",
    "half hidden",
];
const PLACES: [&str; 8] = [
    "in a garden",
    "on a street",
    "by the sea",
    "in a room",
    "on a hill",
    "in a market",
    "under a bridge",
    "in a forest",
];
const TIMES: [&str; 8] = [
    "at dawn",
    "at noon",
    "at dusk",
    "at night",
    "in spring",
    "in summer",
    "in autumn",
    "in winter",
];

/// `count` sentences around `names`, each name in turn. Only the first half of every dimension is used: the others are for tests.
pub(super) fn scenes(names: &[String], count: usize, uniform: bool) -> Vec<String> {
    let sentence = |number: usize| {
        let name = &names[number % names.len().max(1)];
        // A mixed-radix counter over the dimensions, so that few sentences are spread over all values.
        let value = |list: &[&'static str; 8], stride: usize| list[(number / stride + number) % 4];
        let template = match uniform {
            true => BARE.to_owned(),
            false => SCENE
                .replace("{mood}", value(&MOODS, 4))
                .replace("{activity}", value(&ACTIVITIES, 16))
                .replace("{place}", value(&PLACES, 64))
                .replace("{time}", value(&TIMES, 256)),
        };
        wording::fill(&template, name)
    };
    (0..if names.is_empty() { 0 } else { count }).map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn scenes_differ_and_leave_half_of_every_dimension_for_tests() {
        let names = ["lion".to_owned()];
        let all = scenes(&names, 800, false);
        let distinct: BTreeSet<&String> = all.iter().collect();
        assert!(distinct.len() >= 200, "{}", distinct.len());
        for held_back in [&MOODS[4..], &ACTIVITIES[4..], &PLACES[4..], &TIMES[4..]].concat() {
            assert!(!all.iter().any(|scene| scene.contains(held_back)), "{held_back}");
        }
        assert!(all.iter().all(|scene| scene.contains("lion")));
    }

    #[test]
    fn uniform_is_the_bare_name() {
        let names = ["ant".to_owned(), "bee".to_owned()];
        assert_eq!(scenes(&names, 3, true), ["an ant", "a bee", "an ant"]);
    }
}
