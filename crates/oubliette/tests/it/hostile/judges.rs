//! Judges that mean harm: no audit begins with a classifier whose files do not fit each other.
use super::{Case, check, json_edit};
use crate::bench::bench;
use crate::scene::Scene;
use serde_json::Value;

const AUDIT: &[&str] = &["audit", "audit.toml"];

/// Changes how the judge's pictures are prepared.
fn preparation(scene: &Scene, key: &str, value: impl Into<Value>) {
    json_edit(scene, "judge/preprocessor_config.json", |config| config[key] = value.into());
}

fn network(scene: &Scene, key: &str, value: impl Into<Value>) {
    json_edit(scene, "judge/config.json", |config| config[key] = value.into());
}

const JUDGES: &[Case] = &[
    Case {
        name: "pictures that are not resized",
        harm: |scene| preparation(scene, "do_resize", false),
        command: AUDIT,
        says: &["judge/preprocessor_config.json", "`size`", "any size", "32 x 32"],
    },
    Case {
        name: "pictures of another size than the network takes",
        harm: |scene| preparation(scene, "size", 64),
        command: AUDIT,
        says: &["judge/preprocessor_config.json", "`size`", "64 x 64", "32 x 32"],
    },
    Case {
        name: "pictures cut to another size",
        harm: |scene| preparation(scene, "do_center_crop", true),
        command: AUDIT,
        says: &["judge/preprocessor_config.json", "`crop_size`", "224 x 224"],
    },
    Case {
        name: "a preparation that nobody knows",
        harm: |scene| preparation(scene, "do_sharpen", 2),
        command: AUDIT,
        says: &["judge/preprocessor_config.json", "do_sharpen", "not known"],
    },
    Case {
        name: "a network of pictures in four colours",
        harm: |scene| network(scene, "num_channels", 4),
        command: AUDIT,
        says: &["judge/config.json", "num_channels"],
    },
];

#[test]
fn judges_of_pictures() {
    check(bench, JUDGES);
}
