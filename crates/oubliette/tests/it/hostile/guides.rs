//! Guides that mean harm: a model whose guide is refused draws nothing, and no audit of it begins.
use super::{Case, GENERATE, check};
use crate::scene::Scene;

const GUIDE: &str = "model/oubliette_guide.json";
const WHOLE: &str = r#"{"schema": 1, "guidance": {"kind": "safe-latent", "text": "fox", "warmup": 0, "scale": 9.0,
    "threshold": 0.1, "momentum_scale": 0.5, "momentum_beta": 0.5}}"#;

/// Writes a guide with a change of its text.
fn guide(scene: &Scene, old: &str, new: &str) {
    assert!(WHOLE.contains(old));
    scene.write(GUIDE, WHOLE.replacen(old, new, 1));
}

const GUIDES: &[Case] = &[
    Case {
        name: "a guide that is no JSON",
        harm: |scene| scene.write(GUIDE, &WHOLE[..40]),
        command: GENERATE,
        says: &["oubliette_guide.json", "JSON"],
    },
    Case {
        name: "a guide that is a list",
        harm: |scene| scene.write(GUIDE, "[]"),
        command: GENERATE,
        says: &["oubliette_guide.json", "object"],
    },
    Case {
        name: "a guide of another schema",
        harm: |scene| guide(scene, "\"schema\": 1", "\"schema\": 2"),
        command: GENERATE,
        says: &["oubliette_guide.json", "`schema` is 2"],
    },
    Case {
        name: "a guide without a schema",
        harm: |scene| guide(scene, "\"schema\": 1, ", ""),
        command: GENERATE,
        says: &["oubliette_guide.json", "`schema` is missing"],
    },
    Case {
        name: "a guide with an unknown key",
        harm: |scene| guide(scene, "\"schema\": 1", "\"schema\": 1, \"off\": true"),
        command: GENERATE,
        says: &["oubliette_guide.json", "`off`"],
    },
    Case {
        name: "a policy with an unknown key",
        harm: |scene| guide(scene, "\"warmup\": 0", "\"warmup\": 0, \"_off\": true"),
        command: GENERATE,
        says: &["oubliette_guide.json", "`_off`"],
    },
    Case {
        name: "a policy with a key twice",
        harm: |scene| guide(scene, "\"warmup\": 0", "\"warmup\": 0, \"warmup\": 999"),
        command: GENERATE,
        says: &["oubliette_guide.json", "`warmup` is there twice"],
    },
    Case {
        name: "a policy without a number",
        harm: |scene| guide(scene, "\"scale\": 9.0,", ""),
        command: GENERATE,
        says: &["oubliette_guide.json", "`scale`"],
    },
    Case {
        name: "a policy of an unknown kind",
        harm: |scene| guide(scene, "safe-latent", "benevolent"),
        command: GENERATE,
        says: &["oubliette_guide.json", "`benevolent`"],
    },
    Case {
        name: "a number that is none",
        harm: |scene| guide(scene, "9.0", "NaN"),
        command: GENERATE,
        says: &["oubliette_guide.json", "JSON"],
    },
    Case {
        name: "a number that is nothing",
        harm: |scene| guide(scene, "9.0", "null"),
        command: GENERATE,
        says: &["oubliette_guide.json", "null"],
    },
    Case {
        name: "a number beyond all numbers",
        harm: |scene| guide(scene, "9.0", "1e999"),
        command: GENERATE,
        says: &["oubliette_guide.json", "number"],
    },
    Case {
        name: "an absurd scale",
        harm: |scene| guide(scene, "9.0", "1e30"),
        command: GENERATE,
        says: &["oubliette_guide.json", "`scale`", "1000000"],
    },
    Case {
        name: "a negative warm-up",
        harm: |scene| guide(scene, "\"warmup\": 0", "\"warmup\": -1"),
        command: GENERATE,
        says: &["oubliette_guide.json", "-1"],
    },
    Case {
        name: "a warm-up that never ends",
        harm: |scene| guide(scene, "\"warmup\": 0", "\"warmup\": 4000000000"),
        command: GENERATE,
        says: &["oubliette_guide.json", "`warmup`", "1000"],
    },
    Case {
        name: "a momentum that grows",
        harm: |scene| guide(scene, "\"momentum_scale\": 0.5", "\"momentum_scale\": 40"),
        command: GENERATE,
        says: &["oubliette_guide.json", "`momentum_scale`"],
    },
    Case {
        name: "a guide away from nothing",
        harm: |scene| guide(scene, "fox", ""),
        command: GENERATE,
        says: &["oubliette_guide.json", "`text` is empty"],
    },
    Case {
        name: "a text with control characters",
        harm: |scene| guide(scene, "fox", "fox\\u001b[2J"),
        command: GENERATE,
        says: &["oubliette_guide.json", "`text`"],
    },
    Case {
        name: "a text that nothing would read to its end",
        harm: |scene| guide(scene, "fox", &"fox ".repeat(400)),
        command: GENERATE,
        says: &["oubliette_guide.json", "`text`", "shorten"],
    },
    Case {
        name: "a guide larger than any is",
        harm: |scene| guide(scene, "\"schema\"", &format!("{}\"schema\"", " ".repeat(70_000))),
        command: GENERATE,
        says: &["oubliette_guide.json", "65536"],
    },
    Case {
        name: "a folder in place of the guide",
        harm: |scene| std::fs::create_dir(scene.at(GUIDE)).unwrap(),
        command: GENERATE,
        says: &["oubliette_guide.json", "plain file"],
    },
    Case {
        name: "a pipe in place of the guide",
        harm: |scene| {
            let made = std::process::Command::new("mkfifo").arg(scene.at(GUIDE)).status().unwrap();
            assert!(made.success());
        },
        command: GENERATE,
        says: &["oubliette_guide.json", "plain file"],
    },
    Case {
        name: "a guide that lies elsewhere",
        harm: |scene| {
            scene.write("elsewhere.json", WHOLE);
            std::os::unix::fs::symlink(scene.at("elsewhere.json"), scene.at(GUIDE)).unwrap();
        },
        command: GENERATE,
        says: &["oubliette_guide.json", "link"],
    },
    Case {
        name: "a guide that lies nowhere",
        harm: |scene| std::os::unix::fs::symlink("nowhere.json", scene.at(GUIDE)).unwrap(),
        command: GENERATE,
        says: &["oubliette_guide.json"],
    },
];

/// What an audit is refused for, before it begins.
const GUIDED: &[Case] = &[Case {
    name: "an audit of a model with a broken guide",
    harm: |scene| scene.write("other/oubliette_guide.json", "{}"),
    command: &["audit", "audit.toml"],
    says: &["other/oubliette_guide.json", "schema"],
}];

#[test]
fn guides_of_model_folders() {
    let scene = Scene::with_model();
    scene.write(GUIDE, WHOLE);
    assert_eq!(scene.run(GENERATE).code, Some(0));
    check(Scene::with_model, GUIDES);
    check(crate::bench::bench, GUIDED);
}
