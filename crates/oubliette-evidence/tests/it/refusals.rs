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
        (
            "steps = [50, 200]",
            "steps = [50, 200]\ntrain = { learning_rate = 0.0 }",
            "r.toml:19:27: `learning_rate` is 0.0; write a number above 0",
        ),
        ("steps = [50, 200]", "train = { learning_rate = nan }", "`learning_rate` is NaN"),
        ("steps = [50, 200]", "train = { learning_rate = -1e-4 }", "is -0.0001"),
        ("steps = [50, 200]", "train = { batch = 0 }", "`batch` is 0"),
        ("steps = [50, 200]", "train = { clip = -1.0 }", "`clip` is -1"),
        ("steps = [50, 200]", "train = { weight_decay = -5.0 }", "`weight_decay` is -5"),
        ("steps = [50, 200]", "train = { unconditional = 7.0 }", "`unconditional` is 7"),
        ("learning_rate = 1e-4", "learning_rate = 0.0", "r.toml:20:58: `learning_rate` is 0"),
        ("steps = 200", "steps = 0", "`steps` is 0"),
        ("generate = 64", "generate = 0", "`generate` is 0"),
        ("guidance = 4.0", "guidance = 1e9", "r.toml:10:12: `guidance` is 1000000000"),
        ("guidance = 4.0", "guidance = 4.0\nwidth = 40", "r.toml:8:1: `width` without `height`"),
        (
            "[controls]",
            "[keep]\nunrelated = [\"car\", \"Car\"]\n[controls]",
            "r.toml:20:21: `Car` stands twice",
        ),
        (
            "[controls]",
            "[keep]\nprompts = [\"a picture\"]\n[controls]",
            "r.toml:20:12: the template `a picture` names nothing",
        ),
    ] {
        let text = AUDIT.replacen(from, to, 1);
        assert_ne!(text, AUDIT, "{from}");
        let message = recipe(&text).unwrap_err();
        assert!(message.contains(said), "{to}: {message}");
        assert!(message.starts_with("r.toml:") && message.contains("; "), "{message}");
    }
}

#[test]
fn a_training_that_trains_nothing_is_refused_in_every_recipe() {
    let update =
        "schema = 1\ntask = \"update\"\nmodel = \"m\"\ndata = \"d\"\nout = \"o\"\n[train]\n";
    let unlearn = "schema = 1\ntask = \"unlearn\"\nmodel = \"m\"\nconcept = \"c.toml\"\nout = \"o\"\n[method]\nname = \"esd\"\n";
    let compare = "schema = 1\ntask = \"compare\"\nmodel = \"m\"\nconcepts = [\"c.toml\"]\nmodels = \"u\"\nout = \"o\"\n[[method]]\nlabel = \"a\"\nname = \"a\"\n";
    let attack = "[[audit.attack]]\nname = \"finetune\"\ntrain = { learning_rate = 0 }\n";
    for (text, said) in [
        (format!("{update}learning_rate = inf\n"), "r.toml:7:17: `learning_rate` is inf"),
        (format!("{update}steps = 0\n"), "r.toml:7:9: `steps` is 0"),
        (format!("{update}rank = 0\n"), "r.toml:7:8: `rank` is 0"),
        (format!("{unlearn}learning_rate = 0.0\n"), "r.toml:8:17: `learning_rate` is 0"),
        (format!("{unlearn}batch = 0\n"), "r.toml:8:9: `batch` is 0"),
        (format!("{compare}clip = -1.0\n[audit]\n"), "r.toml:10:8: `clip` is -1"),
        (format!("{compare}{attack}"), "r.toml:12:27: `learning_rate` is 0"),
    ] {
        let message = recipe(&text).unwrap_err();
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn a_plan_whose_attack_trains_nothing_is_refused() {
    let planned = |change: &dyn Fn(&mut oubliette_evidence::plan::Arm)| {
        let mut plan = crate::tale::plan();
        plan.arms.iter_mut().filter(|arm| arm.id == "finetune/near@50").for_each(change);
        plan.check().map_err(|error| error.to_string())
    };
    assert_eq!(planned(&|_| ()), Ok(()));
    assert!(planned(&|arm| arm.steps = Some(0)).unwrap_err().contains("trains for no step"));
    assert!(planned(&|arm| arm.steps = None).unwrap_err().contains("trains for no step"));
    for (key, number) in [("learning_rate", 0.0), ("learning_rate", -1e-4), ("batch", 0.0)] {
        let train = serde_json::json!({ key: number });
        let refused = planned(&|arm| drop(arm.settings.insert("train".into(), train.clone())));
        let said = refused.unwrap_err();
        assert!(said.contains("finetune/near@50") && said.contains(key), "{said}");
        let refused = planned(&|arm| drop(arm.settings.insert(key.into(), number.into())));
        assert!(refused.is_err(), "{key}");
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
        ("threshold = 0.8", "threshold = nan", "`threshold` is NaN; write a finite number"),
        ("threshold = 0.8", "threshold = 1979-05-27", "is a date"),
        ("[[detector]]", "[detector]", "invalid type"),
        ("tolerated = 0.05", "tolerated = 0.4", "is not below `returned`"),
        ("tolerated = 0.05", "tolerated = 1.4", "`1.4` is not a share between 0 and 1"),
        ("tolerated = 0.05", "tolerated = nan", "`NaN` is not a share between 0 and 1"),
        ("false_alarm = 0.05", "false_alarm = 0.0", "c.toml:12:15: an error rate of 0"),
        ("keep_margin = 0.05", "keep_margin = 0", "a margin of 0"),
        ("keep_margin = 0.05", "", "missing field `keep_margin`"),
        ("[\"lion\"]", "[\"lion\", \"LION\"]", "c.toml:4:9: `LION` stands twice"),
        ("[\"lion\"]", "[\"li\\non\"]", "c.toml:4:9: `li\u{fffd}on` has a control character"),
        (
            "[\"lion\"]",
            "[\"lion\"]\nkeep = [\"fox\", \"Lion\"]",
            "c.toml:5:8: `Lion` is the concept's",
        ),
        ("[\"lion\"]", "[\"lion\"]\nkeep = [\"fox\", \"fox\"]", "c.toml:5:8: `fox` stands twice"),
        ("[\"lion\"]", "[\"lion\"]\nkeep = [\"\"]", "c.toml:5:8: an empty name"),
        ("[\"lion\"]", "[\"lion\"]\nsuperclass = \"lion\"", "c.toml:5:14: `lion` is the concept's"),
        ("[\"a {name}\"]", "[\"a {name}\", \" \"]", "c.toml:5:11: an empty prompt"),
        ("[\"a {name}\"]", "[\"a picture\"]", "c.toml:5:11: no prompt names the concept"),
        ("[\"a {name}\"]", "[\"a\\t{name}\"]", "c.toml:5:11: the prompt `a\u{fffd}{name}` has"),
    ] {
        let text = CONCEPT.replacen(from, to, 1);
        assert_ne!(text, CONCEPT, "{from}");
        let message = concept(&text).unwrap_err();
        assert!(message.contains(said), "{to}: {message}");
        assert!(message.starts_with("c.toml:") && message.contains("; "), "{message}");
    }
}

#[test]
fn a_prompt_that_names_the_concept_need_not_be_a_template() {
    assert!(concept(&CONCEPT.replace("a {name}", "two Lions")).is_ok());
    assert!(concept(&CONCEPT.replace("a {name}", "a cat").replace("object", "style")).is_ok());
    let long = CONCEPT.replace("[\"lion\"]", &format!("[{0:?}, {0:?}]", "very ".repeat(200)));
    let message = concept(&long).unwrap_err();
    assert!(message.contains("…` stands twice") && message.len() < 300, "{message}");
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

#[test]
fn what_a_short_file_would_make_endless_is_refused() {
    let refused = |said: Result<Recipe, String>, what: &str| {
        let said = said.unwrap_err();
        assert!(
            said.contains(what) && said.starts_with("r.toml:") && said.contains("; "),
            "{said}"
        );
    };
    let names = format!("{:?}", vec!["a"; 400]);
    let attacks = "[[attack]]\nname = \"direct\"\n".repeat(99);
    refused(recipe(&format!("{AUDIT}{attacks}")), "more than 100 attacks");
    let keep = format!("[keep]\nunrelated = {names}\nprompts = {names}\n");
    refused(recipe(&format!("{AUDIT}{keep}")), "more than 100000 prompts");
    let files = format!("[keep]\nconcepts = {:?}\n", vec!["a.toml"; 1001]);
    refused(recipe(&format!("{AUDIT}{files}")), "1000 other concepts");
    let compare = format!(
        "schema = 1\ntask = \"compare\"\nmodel = \"m\"\nconcepts = {names}\nmodels = \"u\"\nout = \"o\"\nseeds = {:?}\n\
         [[method]]\nlabel = \"a\"\nname = \"a\"\n[audit]\n",
        (0..26).collect::<Vec<u32>>()
    );
    refused(recipe(&compare), "more than 10000 cells");
    let templates = CONCEPT.replacen("[\"a {name}\"]", &names, 1);
    let many = templates.replacen("[\"lion\"]", &names, 1);
    assert!(concept(&many).unwrap_err().contains("more than 100000 prompts"));
    let long = CONCEPT.replacen("a {name}", &"{name}".repeat(2000), 1);
    assert!(concept(&long).unwrap_err().contains("more than 4096 bytes"));
}
