//! Word lists from a language model: a server of one answer stands for it.
use crate::bench::bench;
use crate::scene::{Ended, Scene};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;

const WORDS: &str = r#"{"moods": ["calm", "bright", "Calm"], "activities": ["in motion", "close up"], "places": ["by the sea", "on a hill"],
    "times": ["at dawn", "at noon"]}"#;

/// Runs the program against a server that answers once, and gives what was asked.
fn asked(scene: &Scene, status: &str, body: &str, more: &[&str]) -> (Ended, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head += &line;
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        head + &String::from_utf8(body).unwrap()
    });
    let arguments =
        ["words", "--endpoint", &endpoint, "--model", "m", "--count", "2", "--out", "words.toml"];
    let mut command = scene.command(&[&arguments, more].concat());
    let ended = Ended::from(command.env("OUBLIETTE_API_KEY", "secret").output().unwrap());
    (ended, server.join().unwrap())
}

fn chat(content: &str) -> String {
    serde_json::json!({ "choices": [{ "message": { "role": "assistant", "content": content } }] })
        .to_string()
}

#[test]
fn the_words_that_a_model_gives_make_the_scenes_of_a_recipe() {
    let scene = bench();
    let (ended, request) =
        asked(&scene, "200 OK", &chat(&format!("Here:\n```json\n{WORDS}\n```")), &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(request.starts_with("POST /v1/chat/completions "), "{request}");
    assert!(request.to_lowercase().contains("authorization: bearer secret"), "{request}");
    assert!(request.contains("\"model\": \"m\""), "{request}");
    assert!(!ended.err.contains("secret") && !ended.out.contains("secret"));
    let words = scene.text("words.toml");
    assert!(words.contains("moods = [\"calm\", \"bright\"]"), "{words}");
    scene.edit("unlearn.toml", |text| {
        text.split("[method]").next().unwrap().to_owned()
            + "[method]\nname = \"rg\"\nsteps = 1\nbatch = 1\npictures = 2\nsampling_steps = 2\n"
            + &words
    });
    let ended = scene.run(&["unlearn", "unlearn.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// A recipe for `rg` with these words, and what a plan of it holds.
fn planned(scene: &Scene, words: &str) -> serde_json::Value {
    scene.edit("unlearn.toml", |text| {
        text.split("[method]").next().unwrap().to_owned()
            + "[method]\nname = \"rg\"\nbatch = 1\npictures = 2\n[method.words]\n"
            + words
    });
    let ended = scene.run(&["unlearn", "unlearn.toml", "--dry-run", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.json()["result"]["plan"].clone()
}

const LISTS: &str = "moods = [\"calm\", \"grim\"]\nplaces = [\"by the sea\", \"on a hill\"]\n";
const SENTENCE: &str = "sentence = \"a {mood} {name} {place}\"\n";

#[test]
fn words_in_a_file_stand_in_the_plan_as_those_of_a_recipe() {
    let scene = bench();
    scene.write("lists/words.toml", format!("# By hand.\n[method.words]\n{LISTS}"));
    let inline = planned(&scene, &(LISTS.to_owned() + SENTENCE));
    let filed = planned(&scene, &format!("file = \"lists/words.toml\"\n{SENTENCE}"));
    for part in ["settings", "stages"] {
        assert_eq!(inline[part], filed[part]);
    }
    assert_eq!(filed["settings"]["words"]["moods"], serde_json::json!(["calm", "grim"]));
    assert!(!filed.to_string().contains("words.toml"), "{filed}");
    // Other words are another plan, though the recipe is the same.
    scene.edit("lists/words.toml", |text| text.replace("calm", "mild"));
    let other = scene.run(&["unlearn", "unlearn.toml", "--dry-run", "--json"]).json();
    assert_eq!(other["result"]["plan"]["recipe"], filed["recipe"]);
    assert_ne!(other["result"]["plan"]["settings"], filed["settings"]);
}

#[test]
fn scenes_that_are_left_for_tests_are_printed_and_an_audit_takes_them() {
    let scene = bench();
    planned(&scene, &(LISTS.to_owned() + SENTENCE));
    let before = scene.everything();
    let ended = scene.run(&["words", "--test", "unlearn.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let printed: toml::Table = ended.out.parse().unwrap();
    let prompts = printed["prompts"].as_array().unwrap();
    assert_eq!(prompts, &[toml::Value::from("a grim {name} on a hill")]);
    let object = scene.run(&["words", "--test", "unlearn.toml", "--json"]).json();
    assert_eq!(object["result"]["prompts"][0], "a grim {name} on a hill");
    assert!(scene.everything() == before, "something was written");

    let list = toml::Value::Array(prompts.clone());
    scene.edit("audit.toml", |text| {
        text.replacen("\"direct\"", &format!("\"direct\"\nparaphrases = {list}"), 1)
            + &format!("[keep]\nprompts = {list}\n")
    });
    let ended = scene.run(&["audit", "audit.toml", "--dry-run"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for asked in ["a grim fox on a hill", "a grim cat on a hill"] {
        assert!(ended.out.contains(asked), "{asked}: {}", ended.out);
    }
}

#[test]
fn a_method_that_leaves_no_scenes_says_so() {
    let scene = bench();
    for (method, says) in [
        ("name = \"esd\"", "`esd` leaves no scenes"),
        ("name = \"rg\"\nuniform = true", "`rg` leaves no scenes"),
        ("name = \"rg\"\nwords = { held_back = 0.0 }", "nothing for `{mood}`"),
    ] {
        scene.edit("unlearn.toml", |text| {
            text.split("[method]").next().unwrap().to_owned() + "[method]\n" + method
        });
        let ended = scene.run(&["words", "--test", "unlearn.toml"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(says) && ended.err.contains("; "), "{says}: {ended:?}");
    }
    let both = scene.run(&["words", "--test", "unlearn.toml", "--out", "words.toml"]);
    assert_eq!(both.code, Some(2), "{both:?}");
}

#[test]
fn what_is_no_answer_is_refused_with_a_remedy() {
    for (status, body, more, says) in [
        ("401 Unauthorized", "{}".to_owned(), &[][..], "OUBLIETTE_API_KEY"),
        ("503 Service Unavailable", "{}".to_owned(), &[], "try again later"),
        ("200 OK", "<html>".to_owned(), &[], "chat completions"),
        ("200 OK", chat("I cannot do that."), &[], "gave no word lists"),
        (
            "200 OK",
            chat(&WORDS.replace("at noon", "at {noon}")),
            &[],
            "`times` holds what is no word",
        ),
        ("200 OK", chat(&WORDS.replace("bright", "calm")), &[], "`moods` has 1 of 2 words"),
        (
            "200 OK",
            chat(&WORDS.replace("in motion", "chasing a fox")),
            &["--concept", "fox.toml"],
            "names a concept",
        ),
    ] {
        let scene = bench();
        let (ended, _) = asked(&scene, status, &body, more);
        let code = if status.starts_with('5') { 75 } else { 2 };
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.err.contains(says), "{says}: {ended:?}");
        assert!(!ended.err.contains("secret") && !scene.at("words.toml").exists());
    }
}

#[test]
fn nobody_there_is_said() {
    let scene = Scene::empty();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://{address}/v1");
    let ended =
        scene.run(&["words", "--endpoint", &endpoint, "--model", "m", "--out", "words.toml"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("does not answer"), "{ended:?}");
}
