//! Hypotheses are judged by all of their cells, at equal forgetting, over concepts or over seeds.

use std::collections::BTreeMap;

use oubliette_evidence::hypotheses::{Along, Claims, Outcome, Says, Seen, Unit, When, judged};
use oubliette_evidence::recipe::CompareRecipe;
use oubliette_evidence::report::{ComparedAudit, render_comparison};
use oubliette_evidence::stats::Interval;

use crate::tale::{self, compared};

const CONCEPTS: [&str; 3] = ["lion", "guitar", "car"];

const RECIPE: &str = r#"schema = 1
task = "compare"
seeds = [1, 2]
model = "model"
concepts = ["lion.toml", "guitar.toml", "car.toml"]
models = "unlearned"
out = "kept"
[[method]]
label = "gentle"
name = "uce"
[[method]]
label = "harsh"
name = "uce"
[[method]]
label = "other"
name = "uce"
[audit.sampling]
steps = 2
guidance = 4.0
[audit.keep]
unrelated = ["piano"]
[[audit.attack]]
name = "direct"
[[hypothesis]]
claim = "the line keeps more than the other at equal forgetting"
better = ["gentle", "harsh"]
than = "other"
by = "unrelated"
at_hits = 0.1
[[hypothesis]]
claim = "the harsh setting keeps more than the other"
better = "harsh"
than = "other"
by = "unrelated"
"#;

fn recipe(order: &str) -> (tempfile::TempDir, CompareRecipe) {
    let folder = tempfile::tempdir().unwrap();
    for id in CONCEPTS {
        let text = toml::to_string(&tale::concept()).unwrap().replace("lion", id);
        std::fs::write(folder.path().join(format!("{id}.toml")), text).unwrap();
    }
    let file = folder.path().join("compare.toml");
    std::fs::write(&file, RECIPE.replace("seeds = [1, 2]", &format!("seeds = [1, 2]\n{order}")))
        .unwrap();
    let recipe = CompareRecipe::read(&file).unwrap();
    (folder, recipe)
}

/// Gentle: 30 in 100 hits and all kept. Harsh: none, and half kept. Other: none, and three quarters kept, five points less for every further concept.
fn audits() -> Vec<ComparedAudit> {
    let of = |seed: u64| {
        CONCEPTS.iter().zip(0..).flat_map(move |(concept, number)| {
            [
                compared(concept, "gentle", seed, 6, 20),
                compared(concept, "harsh", seed, 0, 10),
                compared(concept, "other", seed, 0, 15 - number),
            ]
        })
    };
    [1, 2].into_iter().flat_map(of).collect()
}

fn seen(outcome: &Outcome<Seen>) -> &Seen {
    match outcome {
        Outcome::Seen(seen) => seen,
        Outcome::Open { missing } => panic!("{missing} cells are missing"),
    }
}

#[test]
fn concepts_are_the_units_where_each_has_its_own_model() {
    let (_folder, recipe) = recipe("");
    let cells = recipe.cells().unwrap();
    assert_eq!((cells.len(), cells[0].name().as_str()), (18, "lion-gentle-1"));
    let found = judged(&recipe, &cells, &audits(), &BTreeMap::new(), When::Before).judged;
    let equal = seen(&found[0].outcome);
    // At 10 in 100: the line is a third of the way up from harsh, 50 + 50 / 3; the other a tenth of the way up from 75, 70 and 65 to 100.
    let line = 50.0 + 50.0 / 3.0;
    let others = [75.0, 70.0, 65.0].map(|low| low + (100.0 - low) / 10.0);
    let mean = others.iter().map(|other| line - other).sum::<f64>() / 3.0;
    let gain = equal.gain.unwrap();
    assert!((gain.value - mean).abs() < 1e-9, "{gain:?}");
    assert_eq!((equal.units, equal.pairs), ((3, Unit::Concepts), [6, 6]));
    // Two hypotheses: 2.5 in 100 each; t of two degrees of freedom is 6.2053 there. The three differ by 4.5.
    let half = 6.2053 * 4.5 / 3.0_f64.sqrt();
    assert!((gain.high - gain.value - half).abs() < 1e-3, "{gain:?} {half}");
    assert_eq!(equal.says, Says::Unresolved);
    let harsh = seen(&found[1].outcome);
    assert_eq!((harsh.means, harsh.says), (Some([50.0, 70.0]), Says::Contradicted));
}

#[test]
fn seeds_are_the_units_of_a_sequence_and_its_last_audit_counts() {
    let (_folder, recipe) = recipe("order = \"in-turn\"");
    let found =
        judged(&recipe, &recipe.cells().unwrap(), &audits(), &BTreeMap::new(), When::Before).judged;
    let harsh = seen(&found[1].outcome);
    assert_eq!((harsh.units, harsh.pairs), ((2, Unit::Seeds), [2, 2]));
}

#[test]
fn nothing_is_judged_before_all_cells_are_there() {
    let (_folder, recipe) = recipe("");
    let cells = recipe.cells().unwrap();
    let some = &audits()[..16];
    let claims = judged(&recipe, &cells, some, &BTreeMap::new(), When::Before);
    let found = &claims.judged;
    assert_eq!(found[0].outcome, Outcome::Open { missing: 2 });
    assert_eq!(found[1].outcome, Outcome::Open { missing: 2 });
    let page = render_comparison(some, &claims, &[]);
    assert!(page.contains("not judged yet, cells that are missing: 2"), "{page}");
    assert!(page.contains("Written in the recipe before"), "{page}");
    let page = |when| render_comparison(some, &Claims { when, ..claims.clone() }, &[]);
    assert!(page(When::After).contains("**Not the ones that were written"));
    let ahead = page(When::Ahead);
    assert!(ahead.contains("No cell has been run yet.") && !ahead.contains("Not the ones"));
}

#[test]
fn an_interval_is_shown_no_further_than_a_difference_can_go() {
    let (_folder, recipe) = recipe("");
    let claims =
        judged(&recipe, &recipe.cells().unwrap(), &audits(), &BTreeMap::new(), When::Before);
    let mut wide = claims.clone();
    if let Outcome::Seen(seen) = &mut wide.judged[0].outcome {
        seen.gain = Some(Interval { value: 8.3, low: -197.6, high: 114.2 });
    }
    let page = render_comparison(&audits(), &wide, &[]);
    assert!(page.contains("| 8.3 (-100.0 to 100.0) |"), "{page}");
}

#[test]
fn a_side_that_never_forgets_enough_is_left_out_and_decides_nothing() {
    let (_folder, recipe) = recipe("");
    let mut audits = audits();
    audits[2] = compared("lion", "other", 1, 19, 20);
    let claims = judged(&recipe, &recipe.cells().unwrap(), &audits, &BTreeMap::new(), When::Before);
    assert_eq!(seen(&claims.judged[0].outcome).pairs, [5, 6]);
    let page = render_comparison(&audits, &claims, &[]);
    let pairs = "3 concepts; 5 of 6 pairs";
    assert!(page.contains("| unrelated at 10 in 100 |") && page.contains(pairs), "{page}");
    assert!(page.contains("lion, seed 2"), "{page}");
}

#[test]
fn a_cell_that_diverged_is_not_waited_for() {
    let (_folder, recipe) = recipe("");
    let mut audits = audits();
    audits.remove(2);
    let lost = BTreeMap::from([("lion-other-1".to_owned(), "diverged".to_owned())]);
    let found = judged(&recipe, &recipe.cells().unwrap(), &audits, &lost, When::Before).judged;
    let harsh = seen(&found[1].outcome);
    // The interval of the rest would say so, but one pair of six is too many to leave out.
    assert!(harsh.gain.unwrap().high < 0.0, "{harsh:?}");
    assert_eq!((harsh.pairs, harsh.says), ([5, 6], Says::Unresolved));
}

#[test]
fn claims_about_what_is_not_compared_are_refused() {
    for (from, to, says) in [
        ("than = \"other\"", "than = \"rg\"", "no method is labelled `rg`"),
        ("at_hits = 0.1\n", "", "2 labels"),
        ("better = \"harsh\"", "better = [\"other\"]", "both sides are the same"),
        ("[\"gentle\", \"harsh\"]", "[\"gentle\", \"gentle\"]", "`gentle` stands twice"),
        ("unrelated = [\"piano\"]\n", "", "nothing unrelated is looked at"),
        ("seeds = [1, 2]", "seeds = [1, 1]", "the seed 1 stands twice"),
        ("seeds = [1, 2]", "seed = 3\nseeds = [1, 2]", "there is `seed`, and there are `seeds`"),
        ("seeds = [1, 2]", "order = \"together\"", "there would be one difference only"),
        ("by = \"unrelated\"", "by = \"forgotten\"", "nothing is forgotten before"),
        ("by = \"unrelated\"", "by = \"alignment\"", "alignment is not measured"),
        ("by = \"unrelated\"", "by = \"hits\"", "the share says nothing"),
    ] {
        let text = RECIPE.replacen(from, to, 1);
        assert_ne!(text, RECIPE);
        let document = oubliette_evidence::document::Document::new("compare.toml".as_ref(), text);
        let error = CompareRecipe::parse(&document).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

/// Two methods more, and a claim about the order of all.
const TREND: &str = r#"[[method]]
label = "less"
name = "uce"
[[method]]
label = "least"
name = "uce"
[[trend]]
claim = "what is kept grows with the number"
across = ["gentle", "harsh", "other", "less", "least"]
by = "unrelated"
[trend.along]
lion = [5.0, 3.0, 4.0, 2.0, 1.0]
guitar = [5.0, 3.0, 4.0, 2.0, 1.0]
car = [5.0, 3.0, 4.0, 2.0, 1.0]
"#;

/// The recipe with a trend as well.
fn with_trend(trend: &str) -> (tempfile::TempDir, CompareRecipe) {
    let (folder, recipe) = recipe("");
    let text = recipe.source.text().to_owned() + trend;
    let document = oubliette_evidence::document::Document::new(recipe.source.file(), text);
    (folder, CompareRecipe::parse(&document).unwrap())
}

/// Kept are 100, 50, 75 to 65, 30 and 20; hits are 30 in 100 and then none.
fn five() -> Vec<ComparedAudit> {
    let mut all = audits();
    for seed in [1, 2] {
        all.extend(CONCEPTS.map(|concept| compared(concept, "less", seed, 0, 6)));
        all.extend(CONCEPTS.map(|concept| compared(concept, "least", seed, 0, 4)));
    }
    all
}

fn along<'a>(claims: &'a Claims<'_>) -> &'a Along {
    match &claims.trends[0].outcome {
        Outcome::Seen(along) => along,
        Outcome::Open { missing } => panic!("{missing} cells are missing"),
    }
}

#[test]
fn a_trend_that_holds_everywhere_is_supported_and_its_reverse_contradicted() {
    let reversed = TREND.replace("[5.0, 3.0, 4.0, 2.0, 1.0]", "[1.0, 3.0, 2.0, 4.0, 5.0]");
    for (trend, correlation, says) in
        [(TREND, 1.0, Says::Supported), (&reversed, -1.0, Says::Contradicted)]
    {
        let (_folder, recipe) = with_trend(trend);
        let cells = recipe.cells().unwrap();
        let mut all = five();
        let open = judged(&recipe, &cells, &all[1..], &BTreeMap::new(), When::Before);
        assert_eq!(open.trends[0].outcome, Outcome::Open { missing: 1 });
        let claims = judged(&recipe, &cells, &all, &BTreeMap::new(), When::Before);
        let found = along(&claims);
        assert!((found.correlation.unwrap() - correlation).abs() < 1e-9, "{found:?}");
        // One order and its reverse, of 120.
        assert_eq!((found.p, found.says), (Some(2.0 / 120.0), says));
        assert_eq!((found.units, found.pairs), ((3, Unit::Concepts), [6, 6]));
        assert_eq!(found.interval, None, "all concepts agree");
        let page = render_comparison(&all, &claims, &[]);
        let row =
            format!("| unrelated | 5 | {correlation:.2} | 0.0167 | 3 concepts; 6 of 6 pairs |");
        assert!(page.contains(&row) && page.contains("shared by all claims"), "{page}");
        // A cell that diverged takes its pair with it, and one pair of six is too many.
        let lost = BTreeMap::from([("lion-other-1".to_owned(), "diverged".to_owned())]);
        all.remove(2);
        let claims = judged(&recipe, &cells, &all, &lost, When::Before);
        assert_eq!((along(&claims).pairs, along(&claims).says), ([5, 6], Says::Unresolved));
    }
}

#[test]
fn of_hits_fewer_are_better_and_concepts_may_differ() {
    let trend = TREND.replace("by = \"unrelated\"", "by = \"hits\"");
    let trend = trend.replace("car = [5.0, 3.0, 4.0, 2.0, 1.0]", "car = [1.0, 3.0, 2.0, 4.0, 5.0]");
    let (_folder, recipe) = with_trend(&trend);
    let claims = judged(&recipe, &recipe.cells().unwrap(), &five(), &BTreeMap::new(), When::Before);
    // Only the first method leaves hits. Ranks of hits, turned: -2 and four halves; with the numbers -2 2 + (0 + 1 - 1 - 2) / 2 = -5 of the root of 10 times 5.
    let one = -5.0 / 50.0_f64.sqrt();
    let found = along(&claims);
    assert!((found.correlation.unwrap() - one / 3.0).abs() < 1e-9, "{found:?}");
    let interval = found.interval.unwrap();
    assert!(
        interval.low == -1.0 && interval.high == 1.0,
        "three that disagree say nothing: {interval:?}"
    );
    assert!(found.p.unwrap() > 0.05, "{found:?}");
}

#[test]
fn trends_that_no_run_could_show_are_refused() {
    let car = "car = [5.0, 3.0, 4.0, 2.0, 1.0]";
    for (from, to, says) in [
        ("\"less\", \"least\"]", "\"least\"]", "4 labels"),
        ("\"less\", \"least\"]", "\"least\", \"least\"]", "`least` stands twice"),
        ("\"less\", \"least\"]", "\"rg\", \"least\"]", "no method is labelled `rg`"),
        (car, "car = [1.0, 2.0]", "2 numbers for 5 methods"),
        (car, "car = [1, 1, 1, 1, 1]", "all numbers are the same"),
        (
            "what is kept grows with the number",
            "the harsh setting keeps more than the other",
            "a claim of its own",
        ),
        ("by = \"unrelated\"", "by = \"alignment\"", "alignment is not measured"),
    ] {
        let trend = TREND.replacen(from, to, 1);
        assert_ne!(trend, TREND);
        let text = RECIPE.to_owned() + &trend;
        let document = oubliette_evidence::document::Document::new("compare.toml".as_ref(), text);
        let error = CompareRecipe::parse(&document).unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
    }
    // Five methods have 120 orders; the best of them and its reverse are too likely for a third of the error.
    let twice = TREND
        .replace("grows", "also grows")
        .replace(&TREND[..TREND.find("[[trend]]").unwrap()], "");
    let text = RECIPE.to_owned() + TREND + &twice;
    let document = oubliette_evidence::document::Document::new("compare.toml".as_ref(), text);
    let error = CompareRecipe::parse(&document).unwrap_err().to_string();
    assert!(error.contains("5 methods cannot decide one of 4 claims"), "{error}");
    for (to, says) in
        [("", "no numbers for `car`"), ("bus = [5, 3, 4, 2, 1]", "no numbers for `car`")]
    {
        let (_folder, recipe) = with_trend(&TREND.replace(car, to));
        let error = recipe.cells().unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let (_folder, recipe) = with_trend(&format!("{TREND}bus = [5, 3, 4, 2, 1]\n"));
    let error = recipe.cells().unwrap_err().to_string();
    assert!(error.contains("`bus` is no concept of this recipe"), "{error}");
}
