//! Recipes and concepts that are refused, each with file, line, thing and remedy.

use std::path::Path;

use oubliette_evidence::document::Document;
use oubliette_evidence::{Concept, Recipe};

const AUDIT: &str = r#"schema = 1
task = "audit"
seed = 7
concept = "concepts/lion.toml"
[subjects]
original = "models/sd"
unlearned = "models/sd-without-lion"
[sampling]
steps = 25
guidance = 4.0
[samples]
per_arm = 40
looks = 2
[[attack]]
name = "direct"
[[attack]]
name = "finetune"
steps = [50, 200]
[controls]
positive = { generate = 64, steps = 200, learning_rate = 1e-4 }
"#;

const CONCEPT: &str = r#"schema = 1
id = "lion"
kind = "object"
names = ["lion"]
prompts = ["a {name}"]
[[detector]]
kind = "classifier"
threshold = 0.8
[claim]
tolerated = 0.05
returned = 0.30
false_alarm = 0.05
missed_return = 0.05
keep_margin = 0.05
"#;

fn recipe(text: &str) -> Result<Recipe, String> {
    Recipe::parse(&Document::new(Path::new("r.toml"), text)).map_err(|e| e.to_string())
}

fn concept(text: &str) -> Result<Concept, String> {
    Concept::parse(&Document::new(Path::new("c.toml"), text)).map_err(|e| e.to_string())
}

#[test]
fn the_examples_are_read() {
    let Recipe::Audit(audit) = recipe(AUDIT).unwrap() else { panic!() };
    assert_eq!(audit.attack[1].name, "finetune");
    assert_eq!(audit.samples.schedule(40), [20, 40]);
    assert_eq!(audit.samples.schedule(5), [3, 5]);
    assert_eq!(concept(CONCEPT).unwrap().claim.destroyed.get(), 0.5);
    let unlearn = "schema = 1\ntask = \"unlearn\"\nmodel = \"m\"\nconcept = \"c.toml\"\nout = \"o\"\n[method]\nname = \"esd\"\nvariant = \"x\"\n";
    assert!(matches!(recipe(unlearn).unwrap(), Recipe::Unlearn(r) if r.method.settings.len() == 1));
    let update = "schema = 1\ntask = \"update\"\nmodel = \"m\"\ndata = \"d\"\nout = \"o\"\n[train]\nkind = \"lora\"\n";
    assert!(matches!(recipe(update).unwrap(), Recipe::Update(_)));
    let alike = update.replace("out = \"o\"", "out = \"models/o\"\nadapter = \"loras/o\"");
    assert!(recipe(&alike).unwrap_err().contains("another last name"));
}

#[test]
fn a_bad_recipe_is_refused_where_it_is_bad() {
    for (from, to, said) in [
        ("schema = 1", "schema = 2", "r.toml:1:10: this tool reads schema 1 only"),
        ("task = \"audit\"", "task = \"dance\"", "r.toml:2:8: this file says no task"),
        ("seed = 7", "seed = 9007199254740992", "r.toml:3:8: seed 9007199254740992"),
        ("seed = 7", "sede = 7", "r.toml:3:1: unknown field `sede`"),
        ("seed = 7", "seed = 7\nseed = 8", "r.toml:4:1: duplicate key"),
        ("guidance = 4.0", "guidance = nan", "r.toml:10:12: `NaN` is not a finite number"),
        ("guidance = 4.0", "guidance = inf", "`inf` is not a finite number"),
        ("steps = 25", "steps = 0", "r.toml:8:1: a count of 0"),
        ("steps = 25", "steps = -25", "r.toml:9:9: invalid value"),
        ("looks = 2", "looks = 0", "r.toml:13:9: no schedule of looks"),
        ("looks = 2", "looks = [50, 40, 100]", "r.toml:13:9: no schedule of looks"),
        ("per_arm = 40", "per_arm = 0", "r.toml:12:11: `per_arm` is 0"),
        ("name = \"direct\"", "", "missing field `name`"),
        ("generate = 64", "generate = 64, data = \"d\"", "no source, or two"),
        ("unlearned = ", "unlearnt = ", "unknown field `unlearnt`"),
    ] {
        let text = AUDIT.replacen(from, to, 1);
        assert_ne!(text, AUDIT, "{from}");
        let message = recipe(&text).unwrap_err();
        assert!(message.contains(said), "{to}: {message}");
        assert!(message.starts_with("r.toml:") && message.contains("; "), "{message}");
    }
}

#[test]
fn a_bad_concept_is_refused_where_it_is_bad() {
    for (from, to, said) in [
        ("id = \"lion\"", "id = \"../lion\"", "c.toml:2:6: `../lion` is not a concept id"),
        ("names = [\"lion\"]", "names = []", "c.toml:4:9: a name is missing"),
        ("kind = \"object\"", "kind = \"thing\"", "c.toml:3:8: unknown variant `thing`"),
        ("a {name}", "a {style} {name}", "unknown placeholder"),
        ("prompts = [\"a {name}\"]", "prompts = []", "no prompt"),
        ("threshold = 0.8", "threshold = nan", "`NaN` is not a finite number"),
        ("threshold = 0.8", "threshold = 1979-05-27", "is a date"),
        ("[[detector]]", "[detector]", "invalid type"),
        ("tolerated = 0.05", "tolerated = 0.4", "is not below `returned`"),
        ("tolerated = 0.05", "tolerated = 1.4", "`1.4` is not a share between 0 and 1"),
        ("tolerated = 0.05", "tolerated = nan", "`NaN` is not a share between 0 and 1"),
        ("false_alarm = 0.05", "false_alarm = 0.0", "c.toml:12:15: an error rate of 0"),
        ("keep_margin = 0.05", "keep_margin = 0", "a margin of 0"),
        ("keep_margin = 0.05", "", "missing field `keep_margin`"),
    ] {
        let text = CONCEPT.replacen(from, to, 1);
        assert_ne!(text, CONCEPT, "{from}");
        let message = concept(&text).unwrap_err();
        assert!(message.contains(said), "{to}: {message}");
        assert!(message.starts_with("c.toml:") && message.contains("; "), "{message}");
    }
}

#[test]
fn what_is_no_text_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("r.toml");
    std::fs::write(&file, b"schema = 1\xff").unwrap();
    assert!(Recipe::read(&file).unwrap_err().to_string().contains("not UTF-8"));
    std::fs::write(&file, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(Recipe::read(&file).unwrap_err().to_string().contains("more than the 1048576"));
    assert!(Recipe::read(&home.path().join("none.toml")).is_err());
    assert!(Recipe::read(home.path()).is_err());
}
