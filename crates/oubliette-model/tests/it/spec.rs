//! The published schema of a policy's file is that of this code; `UPDATE_EXPECT=1` writes it anew.

use oubliette_model::sample::{Guidance, GuidanceFile};
use schemars::schema_for;

use crate::golden;

#[test]
fn the_schema_of_a_guide_is_fresh() {
    let file = golden::path("../../spec/schema/guide.json");
    let text = serde_json::to_string_pretty(&schema_for!(GuidanceFile)).unwrap() + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == text, "{} is stale: run with UPDATE_EXPECT=1", file.display());
}

/// Every JSON example of the page is read by this code, and has nothing to complain of.
#[test]
fn the_examples_of_guides_are_read() {
    let page = std::fs::read_to_string(golden::path("../../spec/guide.md")).unwrap();
    let examples: Vec<&str> =
        page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let file: GuidanceFile = serde_json::from_str(example).unwrap();
        assert_eq!((file.schema, file.guidance.fault()), (1, None));
    }
    let typo = r#"{"kind": "negative", "text": "a fox", "scale": 3}"#;
    assert!(serde_json::from_str::<Guidance>(typo).is_err());
}
