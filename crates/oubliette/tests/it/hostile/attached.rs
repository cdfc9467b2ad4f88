//! What is attached and means harm: a model whose attached files are refused draws nothing, and no audit of it begins.
use super::{Case, GENERATE, UNET, check};
use crate::forge::{self, Weights};
use crate::scene::Scene;
use serde_json::{Value, json};

const SAYS: &str = "model/oubliette_attached.json";
const FILE: &str = "model/oubliette_attached.safetensors";
const WHOLE: &str =
    r#"{"schema": 1, "attached": {"kind": "gated-adapters", "texts": {"fox": ["fox", "a fox"]}}}"#;

/// The first key matrix of a cross-attention, with its outputs and inputs.
fn layer(scene: &Scene) -> (String, u64, u64) {
    let unet = Weights::of(&std::fs::read(scene.at(UNET)).unwrap());
    let all = unet.header.as_object().unwrap();
    let (name, tensor) = all.iter().find(|(name, _)| name.ends_with("attn2.to_k.weight")).unwrap();
    let side = |at: usize| tensor["shape"][at].as_u64().unwrap();
    (name.strip_suffix(".weight").unwrap().to_owned(), side(0), side(1))
}

/// One adapter of rank one, which adds nothing.
fn header(scene: &Scene) -> Value {
    let (layer, outputs, inputs) = layer(scene);
    let tensor = |shape: [u64; 2], from: u64| {
        let end = from + 4 * shape[0] * shape[1];
        json!({"dtype": "F32", "shape": shape, "data_offsets": [from, end]})
    };
    json!({
        format!("{layer}.adapter.fox.down"): tensor([1, inputs], 0),
        format!("{layer}.adapter.fox.up"): tensor([outputs, 1], 4 * inputs),
    })
}

fn write(scene: &Scene, text: &str, header: &Value) {
    let (_, outputs, inputs) = layer(scene);
    scene.write(SAYS, text);
    scene
        .write(FILE, forge::file(&header.to_string(), &vec![0; (4 * (outputs + inputs)) as usize]));
}

/// Both files, with a change of what one says.
fn says(scene: &Scene, old: &str, new: &str) {
    assert!(WHOLE.contains(old));
    write(scene, &WHOLE.replacen(old, new, 1), &header(scene));
}

/// Both files, with a change of the names and shapes of the weights.
fn weights(scene: &Scene, old: &str, new: &str) {
    let text = header(scene).to_string();
    assert!(text.contains(old), "{text}");
    write(scene, WHOLE, &serde_json::from_str(&text.replace(old, new)).unwrap());
}

const ATTACHED: &[Case] = &[
    Case {
        name: "attached: no JSON",
        harm: |scene| write(scene, "{", &header(scene)),
        command: GENERATE,
        says: &["oubliette_attached.json", "JSON"],
    },
    Case {
        name: "attached: another schema",
        harm: |scene| says(scene, "\"schema\": 1", "\"schema\": 2"),
        command: GENERATE,
        says: &["oubliette_attached.json", "schema"],
    },
    Case {
        name: "attached: an unknown kind",
        harm: |scene| says(scene, "gated-adapters", "script"),
        command: GENERATE,
        says: &["oubliette_attached.json", "script"],
    },
    Case {
        name: "attached: an unknown key",
        harm: |scene| says(scene, "\"kind\"", "\"off\": 1, \"kind\""),
        command: GENERATE,
        says: &["oubliette_attached.json", "off"],
    },
    Case {
        name: "attached: erasers with an unknown key",
        harm: |scene| {
            let text = r#"{"schema": 1, "attached": {"kind": "erasers", "off": 1}}"#;
            write(scene, text, &header(scene));
        },
        command: GENERATE,
        says: &["oubliette_attached.json", "off"],
    },
    Case {
        name: "attached: an id that is a path",
        harm: |scene| says(scene, "\"fox\":", "\"../fox\":"),
        command: GENERATE,
        says: &["oubliette_attached.json", "texts"],
    },
    Case {
        name: "attached: an adapter without texts",
        harm: |scene| says(scene, "[\"fox\", \"a fox\"]", "[]"),
        command: GENERATE,
        says: &["oubliette_attached.json", "texts"],
    },
    Case {
        name: "attached: no weights",
        harm: |scene| scene.write(SAYS, WHOLE),
        command: GENERATE,
        says: &["oubliette_attached.safetensors"],
    },
    Case {
        name: "attached: weights that are cut off",
        harm: |scene| {
            scene.write(SAYS, WHOLE);
            scene.write(FILE, &b"\x40\0\0\0\0\0\0\0{"[..]);
        },
        command: GENERATE,
        says: &["oubliette_attached.safetensors"],
    },
    Case {
        name: "attached: a weight of no layer",
        harm: |scene| weights(scene, "adapter.fox.up", "adapter.cat.up"),
        command: GENERATE,
        says: &["oubliette_attached.safetensors", "adapter.cat.up", "belongs to nothing"],
    },
    Case {
        name: "attached: half of an adapter",
        harm: |scene| {
            let mut header = header(scene);
            let all = header.as_object_mut().unwrap();
            let down = all.keys().find(|name| name.ends_with("down")).unwrap().clone();
            let size = all[&down]["data_offsets"][1].as_u64().unwrap();
            all.remove(&down);
            all.values_mut().for_each(|up| {
                for at in 0..2 {
                    up["data_offsets"][at] =
                        (up["data_offsets"][at].as_u64().unwrap() - size).into();
                }
            });
            let (_, outputs, _) = layer(scene);
            scene.write(SAYS, WHOLE);
            scene.write(FILE, forge::file(&header.to_string(), &vec![0; 4 * outputs as usize]));
        },
        command: GENERATE,
        says: &["oubliette_attached.safetensors", "adapter.fox.up", "other half"],
    },
    Case {
        name: "attached: an adapter that has no weights",
        harm: |scene| says(scene, "{\"fox\":", "{\"cat\": [\"cat\"], \"fox\":"),
        command: GENERATE,
        says: &["oubliette_attached.safetensors", "`cat`"],
    },
    Case {
        name: "attached: a weight of another shape",
        harm: |scene| {
            let inputs = layer(scene).2;
            let of = |rows, columns| format!("\"shape\":[{rows},{columns}]");
            weights(scene, &of(1, inputs), &of(inputs, 1));
        },
        command: GENERATE,
        says: &["oubliette_attached.safetensors", "adapter.fox.down", "does not fit"],
    },
];

#[test]
fn what_is_attached_to_model_folders() {
    let scene = Scene::with_model();
    write(&scene, WHOLE, &header(&scene));
    let drawn = scene.run(GENERATE);
    assert_eq!(drawn.code, Some(0), "{drawn:?}");
    check(Scene::with_model, ATTACHED);
}
