//! Words that a terminal would obey: whatever foreign file they stand in, they are printed as words, and JSON stays JSON.
use crate::bench::bench;
use crate::scene::Scene;
use oubliette_evidence::harmless;

/// Clears the screen, twice, and turns around what follows; as TOML and JSON write it.
const HARM: &str = r"\u001b[2J\u009b2J\u202e";

/// A file that is changed, what of it, into what, the command that meets it, and what it says all the same.
type Case = (&'static str, &'static str, &'static str, &'static [&'static str], &'static str);

const CASES: &[Case] = &[
    ("audit.toml", "seed = 3", "\"HARM\" = 3", &["audit", "audit.toml"], "unknown field"),
    (
        "fox.toml",
        "kind = \"object\"",
        "kind = \"HARM\"",
        &["audit", "audit.toml"],
        "unknown variant",
    ),
    ("unlearn.toml", "\"esd\"", "\"HARM\"", &["unlearn", "unlearn.toml"], "no method is called"),
    ("unlearn.toml", "steps = 4", "\"HARM\" = 4", &["unlearn", "unlearn.toml"], "unknown field"),
    (
        "pictures/metadata.jsonl",
        "\"0.png\"",
        "\"HARM.png\"",
        &["update", "update.toml"],
        "which is not there",
    ),
    ("run/plan.json", "\"audit\"", "\"HARM\"", &["report", "run"], "unknown variant"),
    ("run/plan.json", "\"audit\"", "\"HARM\"", &["verify", "run"], "unknown variant"),
    ("compare.toml", "On a fox", "HARM", &["compare", "compare.toml", "--render"], "Partial"),
    (
        "compare.toml",
        "Written before.",
        "HARM",
        &["compare", "compare.toml", "--render"],
        "Partial",
    ),
];

const COMPARE: &str = r#"schema = 1
task = "compare"
model = "model"
concepts = ["fox.toml"]
models = "unlearned"
out = "kept"
title = "On a fox"
about = "Written before."
[[method]]
label = "uce"
name = "uce"
[audit.sampling]
steps = 2
guidance = 2.0
[[audit.attack]]
name = "direct"
"#;

fn scene() -> Scene {
    let scene = bench();
    scene.write("compare.toml", COMPARE);
    scene.write("run/plan.json", "{\"task\":\"audit\"}\n");
    scene.write("run/events.jsonl", "");
    scene
}

fn is_obeyed(c: char) -> bool {
    c != '\n' && harmless::is_obeyed(c)
}

#[test]
fn whatever_a_file_says_the_terminal_is_not_told() {
    for (file, from, to, command, says) in CASES {
        let scene = scene();
        scene.edit(file, |text| {
            assert!(text.contains(from), "{file}: {from}");
            text.replacen(from, &to.replace("HARM", HARM), 1)
        });
        let ended = scene.run(command);
        let said = format!("{}{}", ended.out, ended.err);
        assert!(said.contains(says) && said.contains("[2J"), "{file}, {to}: {ended:?}");
        assert!(!said.contains(is_obeyed), "{file}, {to}: {said:?}");
        let ended = scene.run(&[*command, &["--json"]].concat());
        assert!(ended.json().is_object(), "{ended:?}");
        assert!(!ended.out.contains(is_obeyed) && !ended.err.contains(is_obeyed), "{ended:?}");
    }
}

#[test]
fn a_page_is_written_without_what_a_terminal_would_obey() {
    let scene = scene();
    scene.edit("compare.toml", |text| text.replace("On a fox", HARM).replace("before.", HARM));
    assert_eq!(scene.run(&["compare", "compare.toml", "--render"]).code, Some(0));
    let page = scene.text("kept/page.md");
    assert!(page.contains("[2J") && !page.contains(is_obeyed), "{page:?}");
}
