//! Help, lists, cards, the JSON object and the exit codes of plain use.
use crate::scene::Scene;

/// Every verb that the program's help lists.
fn verbs() -> Vec<String> {
    let help = Scene::empty().run(&["--help"]);
    let listed = help.out.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let named = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    // Words that go on in the next line stand further in; `help` is clap's own.
    let verbs = named.filter(|name| !["", "help"].contains(name)).map(str::to_owned);
    let verbs: Vec<String> = verbs.collect();
    assert!(verbs.len() > 10, "{help:?}");
    verbs
}

#[test]
fn every_help_has_examples() {
    let scene = Scene::empty();
    for verb in verbs() {
        let ended = scene.run(&[verb.as_str(), "--help"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.out.contains("Examples:"), "{verb} has no examples:\n{}", ended.out);
        assert!(ended.out.contains(&format!("  oubliette {verb}")), "{verb}:\n{}", ended.out);
    }
}

#[test]
fn the_help_names_every_exit_code() {
    let ended = Scene::empty().run(&["--help"]);
    assert_eq!(ended.code, Some(0));
    for word in ["0 held", "1 broken", "4 integrity", "70 a bug", "75 try again"] {
        assert!(ended.out.contains(word), "`{word}` is missing:\n{}", ended.out);
    }
}

#[test]
fn wrong_usage_is_exit_2_in_words_and_in_json() {
    let scene = Scene::empty();
    for arguments in [&["lst"][..], &["list", "methds"], &["generate", "--steps", "many"], &[]] {
        let ended = scene.run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(!ended.err.is_empty() && ended.out.is_empty(), "{ended:?}");
    }
    let object = scene.run(&["list", "methds", "--json"]).json();
    assert_eq!(object["schema_version"], 1);
    assert_eq!(object["exit_code"], 2);
    assert_eq!(object["error"]["code"], "usage");
}

#[test]
fn lists_and_cards_agree() {
    let scene = Scene::empty();
    let listed = scene.run(&["list", "--json"]).json();
    let entries = listed["result"]["entries"].as_array().unwrap();
    for expected in ["esd", "uce", "direct", "finetune", "classifier", "clip"] {
        assert!(entries.iter().any(|entry| entry["name"] == expected), "{expected} is not listed");
    }
    for entry in entries {
        let name = entry["name"].as_str().unwrap();
        let shown = scene.run(&["show", name]);
        assert_eq!(shown.code, Some(0), "{name}: {shown:?}");
        assert!(shown.out.contains(entry["what"].as_str().unwrap()), "{name}: {}", shown.out);
        assert!(shown.out.contains("source"), "{name} cites nothing:\n{}", shown.out);
    }
}

#[test]
fn a_name_that_is_not_listed_is_refused_with_the_names_there_are() {
    let ended = Scene::empty().run(&["show", "esdd", "--json"]);
    assert_eq!(ended.code, Some(2));
    let object = ended.json();
    assert_eq!(object["error"]["code"], "unknown-name");
    let message = object["error"]["message"].as_str().unwrap();
    assert!(message.contains("`esdd`") && message.contains("finetune"), "{message}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::Stdio;
    let scene = Scene::empty();
    let mut child =
        scene.command(&["list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_prompt_that_the_model_does_not_read_to_its_end_is_warned_of() {
    let scene = Scene::with_model();
    let ask = |prompt: &str| {
        let model = ["generate", "--model", "model", "--steps", "1", "--out", "x.png"];
        scene.run(&[&model[..], &["--prompt", prompt]].concat())
    };
    let ended = ask(&"a ".repeat(80));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (warned, option) = ("warning: the model reads the first", "of `--prompt` and not the last");
    assert!(ended.err.contains(warned) && ended.err.contains(option), "{ended:?}");
    assert!(!ask("a fox").err.contains("warning"));
}

#[test]
fn an_update_says_how_many_pictures_it_was_shown() {
    let scene = crate::bench::bench();
    scene.write("pictures/more.png", crate::forge::png(20));
    let ended = scene.run(&["update", "update.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("trained on: 3; 1 more has no caption"), "{ended:?}");
    let result = scene.run(&["update", "update.toml", "--json"]).json()["result"].clone();
    assert_eq!((&result["pictures"], &result["left_out"]), (&3.into(), &1.into()));
}
