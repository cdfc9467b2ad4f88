//! The fold of events: order does not matter, nothing counts twice, a torn end is left out.

use std::path::Path;

use oubliette_evidence::Event;
use oubliette_evidence::evidence::{Evidence, Log};
use proptest::prelude::*;

use crate::tale;

fn lines() -> String {
    let events = tale::run(&tale::plan(), &|cell, _, i| cell.run == 0 && i % 3 == 0);
    events.iter().map(|event| event.to_line().unwrap()).collect()
}

fn parse(bytes: &[u8]) -> oubliette_evidence::Result<Log> {
    Log::parse(Path::new("events.jsonl"), bytes)
}

#[test]
fn a_torn_last_line_is_left_out() {
    let text = lines();
    let whole = parse(text.as_bytes()).unwrap();
    assert!(!whole.torn && whole.evidence.finished());
    for cut in 1..400 {
        let bytes = &text.as_bytes()[..text.len() - cut];
        let log = parse(bytes).unwrap();
        assert_eq!(log.torn, log.intact < bytes.len() as u64);
        assert!(!log.evidence.finished());
    }
}

#[test]
fn a_repeated_or_late_event_is_refused() {
    let text = lines();
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    let joined = |parts: &[&[&str]]| parts.concat().concat();
    let n = all.len();
    for bad in [
        joined(&[&all[..n - 1], &all[3..4], &all[n - 1..]]), // twice
        joined(&[&all, &all[3..4]]),                         // after the end
        joined(&[&all[1..]]),                                // without a beginning
        joined(&[&all[..2], &all[..1], &all[2..]]),          // two beginnings
        text.replacen("\"index\":3", "\"index\":4", 1),      // contradicts another
        text.replacen(":true", ": true", 1),                 // not canonical
        text.replacen("\"hit\":true", "\"hit\":true,\"x\":1", 1),
        text.replacen("\"hit\":true", "\"hit\":true,\"hit\":true", 1),
        text.replacen("0.9", "NaN", 1),
        text.replacen("0.9", "1.9", 1),
        text.replacen("0.9", "1e999", 1),
        text.replacen("\n", "\n\n", 1),
        text.replacen("\n", "\r\n", 1),
        text.replace("\n", "\r"),
    ] {
        assert!(parse(bad.as_bytes()).is_err());
    }
}

#[test]
fn a_refusal_names_the_line_and_what_can_be_done() {
    let said = |text: &str| {
        let file = Path::new("runs/a/events.jsonl");
        Log::parse(file, text.as_bytes()).unwrap_err().to_string()
    };
    let text = lines();
    for (bad, place) in [
        (text.replace("\n", "\r\n"), "line 1 of runs/a/events.jsonl: its end is"),
        (text.replace("\n", "\r"), "line 1 of runs/a/events.jsonl: its end is"),
        (text.replacen("\n{", "\n {", 1), "line 2 of runs/a/events.jsonl: no event: not in"),
    ] {
        let said = said(&bad);
        assert!(said.starts_with(place) && said.contains("or remove `runs/a`"), "{said}");
        assert_eq!(said.matches("restore the file").count(), 1, "{said}");
    }
}

#[test]
fn the_file_of_the_evidence_reads_back() {
    let evidence = parse(lines().as_bytes()).unwrap().evidence;
    let text = evidence.to_text().unwrap();
    let back = Evidence::from_text(Path::new("evidence.json"), &text).unwrap();
    assert_eq!(back, evidence);
    assert_eq!(back.digest().unwrap(), evidence.digest().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any prefix and then the rest, as after a crash, is the same evidence; and so is any order.
    #[test]
    fn any_prefix_and_the_rest_is_the_whole(cut in 0usize..60_000, turn in 1usize..400) {
        let text = lines();
        let whole = parse(text.as_bytes()).unwrap().evidence;
        let cut = cut.min(text.len());
        let log = parse(&text.as_bytes()[..cut]).unwrap();
        let (mut evidence, rest) = (log.evidence, &text[log.intact as usize..]);
        for line in rest.lines() {
            evidence.push(Event::from_line(Path::new("x"), line).unwrap()).unwrap();
        }
        prop_assert_eq!(&evidence, &whole);

        let mut all: Vec<&str> = text.split_inclusive('\n').collect();
        let end = all.len() - 1;
        all[1..end].rotate_left(turn % (end - 1));
        prop_assert_eq!(parse(all.concat().as_bytes()).unwrap().evidence, whole);
    }
}
