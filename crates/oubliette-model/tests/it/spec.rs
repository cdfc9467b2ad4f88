//! The published schemas of the files beside a model's components are those of this code; `UPDATE_EXPECT=1` writes them anew.

use oubliette_model::attached::AttachedFile;
use oubliette_model::sample::{Guidance, GuidanceFile};
use schemars::{Schema, schema_for};

use crate::golden;

fn is_fresh(name: &str, schema: &Schema) {
    let file = golden::path(&format!("../../spec/schema/{name}.json"));
    let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == text, "{} is stale: run with UPDATE_EXPECT=1", file.display());
}

#[test]
fn the_schemas_are_fresh() {
    is_fresh("guide", &schema_for!(GuidanceFile));
    is_fresh("attached", &schema_for!(AttachedFile));
}

fn examples(page: &str) -> Vec<String> {
    let page = std::fs::read_to_string(golden::path(&format!("../../spec/{page}.md"))).unwrap();
    let example = |rest: &str| rest.split("```").next().unwrap().to_owned();
    page.split("```json\n").skip(1).map(example).collect()
}

#[test]
fn the_examples_of_attached_files_are_read() {
    let examples = examples("attached");
    assert_eq!(examples.len(), 2);
    for example in examples {
        assert_eq!(serde_json::from_str::<AttachedFile>(&example).unwrap().schema, 1);
    }
}

/// Every JSON example of the page is read by this code, and has nothing to complain of.
#[test]
fn the_examples_of_guides_are_read() {
    let examples = examples("guide");
    assert_eq!(examples.len(), 2);
    for example in examples {
        let file: GuidanceFile = serde_json::from_str(&example).unwrap();
        assert_eq!((file.schema, file.guidance.fault()), (1, None));
    }
    let typo = r#"{"kind": "negative", "text": "a fox", "scale": 3}"#;
    assert!(serde_json::from_str::<Guidance>(typo).is_err());
}
