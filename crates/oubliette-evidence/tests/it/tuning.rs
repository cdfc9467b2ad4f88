//! A search for settings: what its recipe may say, which candidates follow from it, and how one is chosen.

use std::path::Path;

use oubliette_evidence::choice::{Choice, Contender, Kept, Tally, choose};
use oubliette_evidence::document::Document;
use oubliette_evidence::recipe::TuneRecipe;
use oubliette_evidence::report::{Trial, Tuning, render_chosen, render_tuning};
use oubliette_evidence::{Recipe, Share};
use proptest::prelude::*;

const CONCEPT: &str = r#"schema = 1
id = "ID"
kind = "object"
names = ["NAME"]
prompts = ["a {name}"]
[[detector]]
kind = "classifier"
[claim]
tolerated = 0.05
returned = 0.30
false_alarm = 0.05
missed_return = 0.05
keep_margin = 0.05
"#;

const TUNE: &str = r#"schema = 1
task = "tune"
seed = 7
model = "models/sd"
concepts = ["penguin.toml", "truck.toml"]
reported = ["lion", "fire.toml"]
models = "unlearned"
out = "tuned"
[method]
name = "rece"
guide = "{id}"
[method.uce]
lambda = 0.5
[search]
rounds = [1, 2, 3]
uce.erase_scale = [1.0, 20.0]
[audit.sampling]
steps = 5
guidance = 4.0
[[audit.attack]]
name = "direct"
"#;

/// A folder with the concepts, and the recipe in it.
fn read(text: &str) -> Result<TuneRecipe, String> {
    let home = tempfile::tempdir().unwrap();
    for (id, name) in [("penguin", "penguin"), ("truck", "Fire  Engine"), ("fire", "blaze")] {
        let concept = CONCEPT.replace("ID", id).replace("NAME", name);
        std::fs::write(home.path().join(format!("{id}.toml")), concept).unwrap();
    }
    let document = Document::new(&home.path().join("tune.toml"), text);
    let recipe = TuneRecipe::parse(&document).map_err(|e| e.to_string())?;
    recipe.cells().map_err(|e| e.to_string())?;
    Ok(recipe)
}

fn swapped(from: &str, to: &str) -> String {
    assert!(TUNE.contains(from), "{from}");
    TUNE.replacen(from, to, 1)
}

#[test]
fn the_grid_is_every_combination_in_order() {
    let recipe = read(TUNE).unwrap();
    assert!((recipe.rule.hits_at_most.get() - 0.05).abs() < 1e-12);
    let candidates = recipe.candidates().unwrap();
    let words: Vec<String> = candidates.iter().map(|candidate| candidate.words()).collect();
    assert_eq!(words.len(), 6);
    assert_eq!(words[0], "rounds = 1, uce.erase_scale = 1.0");
    assert_eq!(words[1], "rounds = 1, uce.erase_scale = 20.0");
    assert_eq!(words[5], "rounds = 3, uce.erase_scale = 20.0");
    let settings = &candidates[5].method.settings;
    assert_eq!(settings["uce"]["erase_scale"].as_float(), Some(20.0));
    assert_eq!(settings["uce"]["lambda"].as_float(), Some(0.5), "what is not searched stays");
    // A quoted name is the same name, and a grid that has grown keeps its candidates.
    let grown = swapped("uce.erase_scale = [1.0, 20.0]", "\"uce.erase_scale\" = [20.0, 5.0, 1.0]");
    let grown = read(&grown).unwrap().candidates().unwrap();
    assert_eq!(grown.len(), 9);
    assert!(candidates.iter().all(|one| grown.iter().any(|other| other.label == one.label)));
}

#[test]
fn a_part_of_the_grid_is_drawn_by_the_seed() {
    let part = |seed: u64| {
        let text = swapped("[search]", "[search]\nsamples = 3")
            .replace("seed = 7", &format!("seed = {seed}"));
        let candidates = read(&text).unwrap().candidates().unwrap();
        candidates.into_iter().map(|candidate| candidate.label).collect::<Vec<_>>()
    };
    let whole = read(TUNE).unwrap().candidates().unwrap();
    let place = |label: &String| whole.iter().position(|one| one.label == *label).unwrap();
    let places: Vec<usize> = part(7).iter().map(place).collect();
    assert!(places.len() == 3 && places.is_sorted(), "{places:?}");
    assert_eq!(part(7), part(7));
    assert!((0..20).any(|seed| part(seed) != part(7)), "every seed draws the same");
}

#[test]
fn cells_are_those_of_a_comparison() {
    let home = tempfile::tempdir().unwrap();
    for id in ["penguin", "truck", "fire"] {
        let concept = CONCEPT.replace("ID", id).replace("NAME", id);
        std::fs::write(home.path().join(format!("{id}.toml")), concept).unwrap();
    }
    let recipe = TuneRecipe::parse(&Document::new(&home.path().join("tune.toml"), TUNE)).unwrap();
    let cells = recipe.cells().unwrap();
    assert_eq!(cells.len(), 12);
    assert_eq!((cells[0].concept.as_str(), cells[6].concept.as_str()), ("penguin", "truck"));
    assert_eq!(cells[6].unlearn.method.settings["guide"].as_str(), Some("truck"));
    assert_eq!(cells[0].audit.subjects.unlearned, cells[0].unlearn.out);
}

#[test]
fn what_is_no_search_is_refused() {
    for (from, to, says) in [
        ("\"lion\", \"fire.toml\"", "\"penguin\"", "`penguin` will be reported"),
        ("\"lion\", \"fire.toml\"", "\"Penguin\"", "`penguin` will be reported"),
        ("\"lion\", \"fire.toml\"", "\"penguin.toml\"", "`penguin` will be reported"),
        ("\"lion\", \"fire.toml\"", "\"fire-engine\"", "called `fire engine`, too"),
        ("\"lion\", \"fire.toml\"", "\"nowhere.toml\"", "nowhere.toml"),
        ("[\"lion\", \"fire.toml\"]", "[]", "nothing will be reported"),
        ("\"truck.toml\"", "\"penguin.toml\"", "share a name"),
        ("[\"penguin.toml\", \"truck.toml\"]", "[]", "no concept"),
        ("rounds = [1, 2, 3]", "rounds = []", "`rounds` is no list of values"),
        ("rounds = [1, 2, 3]", "rounds = 3", "`rounds` is no list of values"),
        ("rounds = [1, 2, 3]", "rounds = [1, 1]", "lists a value twice"),
        ("rounds = [1, 2, 3]", "name = [\"esd\"]", "`name` cannot be searched"),
        ("rounds = [1, 2, 3]", "\"uce.erase_scale\" = [1.0]", "`uce.erase_scale` cannot be"),
        ("rounds = [1, 2, 3]", "guide.deep = [1]", "`guide.deep` lies in a setting"),
        ("[search]", "[search]\nsamples = 0", "0 candidates of 6"),
        ("[search]", "[search]\nsamples = 7", "7 candidates of 6"),
        ("rounds = [1, 2, 3]\nuce.erase_scale = [1.0, 20.0]", "", "no combination"),
        ("[search]", "[rule]\nhits_at_most = 1.5\n[search]", "a share between 0 and 1"),
        ("[search]", "[rule]\nhits = 0.1\n[search]", "unknown field"),
        ("[audit.sampling]", "[audit.samples]\nlooks = 2\n[audit.sampling]", "may end early"),
        ("[audit.sampling]", "[audit.subjects]\n[audit.sampling]", "`subjects` of the audit"),
        ("task = \"tune\"", "task = \"compare\"", "not to tune"),
    ] {
        let refused = read(&swapped(from, to)).unwrap_err();
        assert!(refused.contains(says), "{to}: {refused}");
        assert!(refused.contains("; ") || refused.contains("os error"), "no remedy: {refused}");
    }
    let document = Document::new(Path::new("r.toml"), TUNE);
    assert!(matches!(Recipe::parse(&document), Ok(Recipe::Tune(_))));
}

/// A candidate that was asked for 40 pictures and lost net `loss` of 40.
fn seen(hits: u32, loss: u32, steps: u64) -> Option<Contender> {
    let unrelated = Kept { lost: loss, gained: 0, of: 40 };
    let tally = Tally { hits, asked: 40, unrelated, ..Tally::default() };
    Some(Contender { tally, steps })
}

fn limit() -> Share {
    Share::new(0.05).unwrap()
}

#[test]
fn the_rule_case_by_case() {
    let choose = |all: &[Option<Contender>]| choose(all, limit());
    // 2 of 40 is 5 in 100, which is enough; what keeps more without being so is not.
    assert_eq!(choose(&[seen(2, 9, 1), seen(3, 0, 1)]), Some(Choice::Met(0)));
    assert_eq!(choose(&[seen(0, 9, 1), seen(2, 8, 1)]), Some(Choice::Met(1)));
    // Equals: fewer steps, then the first.
    assert_eq!(choose(&[seen(0, 5, 9), seen(1, 5, 3), seen(2, 5, 3)]), Some(Choice::Met(1)));
    // None has forgotten enough: the fewest hits, and of those what keeps most.
    assert_eq!(choose(&[seen(9, 0, 1), seen(4, 7, 1), seen(4, 6, 1)]), Some(Choice::Unmet(2)));
    // What was refused is no number; what was not asked is none either.
    assert_eq!(choose(&[None, seen(1, 30, 1)]), Some(Choice::Met(1)));
    let unasked = Contender { tally: Tally::default(), steps: 0 };
    assert_eq!(choose(&[None, Some(unasked)]), None);
    assert_eq!(choose(&[]), None);
}

fn tally() -> impl Strategy<Value = Tally> {
    let kept = || {
        (1u32..60).prop_flat_map(|of| {
            (0..=of).prop_flat_map(move |lost| {
                (0..=of - lost).prop_map(move |gained| Kept { lost, gained, of })
            })
        })
    };
    let asked = (1u32..60).prop_flat_map(|of| (0..=of / 4, Just(of)));
    (asked, kept(), kept()).prop_map(|((hits, asked), neighbours, unrelated)| Tally {
        hits,
        asked,
        neighbours,
        unrelated,
    })
}

/// Candidates, each with what was seen on some concepts; one in five was refused.
fn candidates() -> impl Strategy<Value = Vec<Option<(Vec<Tally>, u64)>>> {
    let one = (prop::collection::vec(tally(), 1..4), 0u64..3);
    prop::collection::vec(prop::option::weighted(0.8, one), 0..8)
}

fn pooled(candidates: &[Option<(Vec<Tally>, u64)>]) -> Vec<Option<Contender>> {
    let pool = |(tallies, steps): &(Vec<Tally>, u64)| Contender {
        tally: tallies.iter().copied().sum(),
        steps: *steps,
    };
    candidates.iter().map(|one| one.as_ref().map(pool)).collect()
}

proptest! {
    #[test]
    fn none_above_the_limit_is_chosen_while_one_below_exists(all in candidates(), limit in 0.0..0.3f64) {
        let contenders = pooled(&all);
        let share = Share::new(limit).unwrap();
        let rate = |one: &Contender| f64::from(one.tally.hits) / f64::from(one.tally.asked);
        let points = |one: &Contender| {
            let kept = one.tally.kept();
            (f64::from(kept.lost) - f64::from(kept.gained)) / f64::from(kept.of)
        };
        let there = || contenders.iter().flatten();
        let enough = || there().filter(|one| rate(one) <= share.get());
        match choose(&contenders, share) {
            Some(Choice::Met(place)) => {
                let chosen = contenders[place].unwrap();
                prop_assert!(rate(&chosen) <= share.get());
                prop_assert!(enough().all(|one| points(&chosen) <= points(one) + 1e-12));
            }
            Some(Choice::Unmet(place)) => {
                prop_assert_eq!(enough().count(), 0);
                let chosen = contenders[place].unwrap();
                prop_assert!(there().all(|one| rate(&chosen) <= rate(one) + 1e-12));
            }
            None => prop_assert_eq!(there().count(), 0),
        }
    }

    #[test]
    fn the_order_of_the_concepts_does_not_matter(all in candidates(), turn in 0usize..4) {
        let mut turned = all.clone();
        for (tallies, _) in turned.iter_mut().flatten() {
            let by = turn % tallies.len();
            tallies.rotate_left(by);
        }
        prop_assert_eq!(choose(&pooled(&all), limit()), choose(&pooled(&turned), limit()));
    }

    #[test]
    fn the_order_of_the_candidates_decides_ties_only(all in candidates()) {
        let contenders = pooled(&all);
        let mut reversed = contenders.clone();
        reversed.reverse();
        let (one, other) = (choose(&contenders, limit()), choose(&reversed, limit()));
        prop_assert_eq!(one.is_some(), other.is_some());
        if let (Some(one), Some(other)) = (one, other) {
            let last = contenders.len() - 1;
            let (a, b) = (contenders[one.place()].unwrap(), reversed[other.place()].unwrap());
            prop_assert!(one.place() <= last - other.place());
            prop_assert_eq!(a.steps, b.steps);
            let net = |kept: Kept| f64::from(kept.lost) - f64::from(kept.gained);
            let (x, y) = (a.tally.kept(), b.tally.kept());
            prop_assert!((net(x) / f64::from(x.of) - net(y) / f64::from(y.of)).abs() < 1e-12);
        }
    }
}

/// A search whose candidates ended so.
fn search(trials: Vec<Trial>) -> Tuning {
    let recipe = read(TUNE).unwrap();
    let trials = recipe.candidates().unwrap().into_iter().zip(trials).collect();
    Tuning { recipe, concepts: vec!["penguin".to_owned(), "truck".to_owned()], trials }
}

fn measured(hits: u32, lost: u32) -> Trial {
    let tally = seen(hits, lost, 0).unwrap().tally;
    Trial::Measured { tally, steps: 0, seconds: Some(2.0) }
}

#[test]
fn the_page_says_what_was_chosen_and_by_which_rule() {
    let refused = Trial::Refused { concept: "truck".to_owned(), why: "it | diverged".to_owned() };
    let tuning = search(vec![refused.clone(), measured(1, 9), measured(0, 10)]);
    let page = render_tuning(&tuning);
    for part in [
        "Tuned on penguin, truck. Not looked at, because they will be reported: lion, fire.toml.",
        "direct hits of at most 5 in 100",
        "| candidate | rounds | uce.erase_scale | direct hits |",
        "| – | – | – | – | – | refused on truck: it \\| diverged |",
        // Clopper and Pearson at 0.025 a side.
        "1/40: 2.5 (0.0–13.2) | – | 22.5 (",
        "| 2.0 s | chosen |",
        "rounds = 1, uce.erase_scale = 20.0",
    ] {
        assert!(page.contains(part), "`{part}` is missing:\n{page}");
    }
    let chosen = render_chosen(&tuning).unwrap();
    assert!(chosen.contains("Chosen on penguin, truck") && !chosen.contains("NO CANDIDATE"));
    let table: toml::Table = chosen.parse().unwrap();
    let method = &table["method"][0];
    assert_eq!((method["label"].as_str(), method["rounds"].as_integer()), (Some("rece"), Some(1)));
    assert_eq!(method["uce"]["erase_scale"].as_float(), Some(20.0));

    let unmet = search(vec![measured(9, 0), measured(8, 9)]);
    assert!(render_tuning(&unmet).contains("**No candidate meets the rule.** The fewest hits has"));
    assert!(render_chosen(&unmet).unwrap().starts_with("# NO CANDIDATE MEETS THE RULE"));
    let partial = search(vec![measured(0, 0), Trial::Partial { have: 1, want: 2 }]);
    assert!(render_tuning(&partial).contains("**Partial.** Nothing is chosen yet: 1 of 2"));
    assert_eq!(render_chosen(&partial), None);
    let none = search(vec![refused]);
    assert!(render_tuning(&none).contains("every candidate was refused"));
    assert_eq!(render_chosen(&none), None);
}
