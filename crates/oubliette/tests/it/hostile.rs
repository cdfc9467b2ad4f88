//! Input that means harm: each case ends with exit code 2 and a message that names file, thing and remedy, and nothing is written.
mod attached;
mod guides;
mod judges;
mod words;

use crate::forge::{self, Weights};
use crate::scene::Scene;
use serde_json::{Value, json};

/// One input, the command that meets it, and what the message must name.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Puts the harm into a scene that was whole.
    pub(crate) harm: fn(&Scene),
    pub(crate) command: &'static [&'static str],
    pub(crate) says: &'static [&'static str],
}

const GENERATE: &[&str] =
    &["generate", "--model", "model", "--prompt", "a fox", "--steps", "2", "--out", "fox.png"];
const UNET: &str = "model/unet/diffusion_pytorch_model.safetensors";

/// Changes a JSON file.
pub(crate) fn json_edit(scene: &Scene, name: &str, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&scene.text(name)).unwrap();
    change(&mut value);
    scene.write(name, value.to_string());
}

/// Changes the denoiser's weights.
fn unet(scene: &Scene, change: impl FnOnce(Weights) -> Weights) {
    let bytes = std::fs::read(scene.at(UNET)).unwrap();
    scene.write(UNET, change(Weights::of(&bytes)).file());
}

fn remove(scene: &Scene, name: &str) {
    let path = scene.at(name);
    if path.is_dir() {
        std::fs::remove_dir_all(path).unwrap()
    } else {
        std::fs::remove_file(path).unwrap()
    }
}

const MODELS: &[Case] = &[
    Case {
        name: "no such folder",
        harm: |scene| remove(scene, "model"),
        command: GENERATE,
        says: &["model"],
    },
    Case {
        name: "a folder that is no model",
        harm: |scene| remove(scene, "model/model_index.json"),
        command: GENERATE,
        says: &["model_index.json"],
    },
    Case {
        name: "a truncated index",
        harm: |scene| scene.edit("model/model_index.json", |text| text[..text.len() / 2].into()),
        command: GENERATE,
        says: &["model_index.json"],
    },
    Case {
        name: "an index with a key twice",
        harm: |scene| {
            scene.edit("model/model_index.json", |text| {
                text.replacen('{', "{\"unet\": [\"diffusers\", \"UNet2DConditionModel\"],", 1)
            })
        },
        command: GENERATE,
        says: &["model_index.json", "unet"],
    },
    Case {
        name: "a pipeline of another kind",
        harm: |scene| {
            json_edit(scene, "model/model_index.json", |index| {
                index["_class_name"] = "AudioLDMPipeline".into();
            })
        },
        command: GENERATE,
        says: &["model_index.json", "AudioLDMPipeline"],
    },
    Case {
        name: "a missing component",
        harm: |scene| remove(scene, "model/vae"),
        command: GENERATE,
        says: &["vae"],
    },
    Case {
        name: "a missing configuration",
        harm: |scene| remove(scene, "model/unet/config.json"),
        command: GENERATE,
        says: &["unet", "config.json"],
    },
    Case {
        name: "a configuration that is a list",
        harm: |scene| scene.write("model/unet/config.json", "[1, 2]"),
        command: GENERATE,
        says: &["unet", "config.json"],
    },
    Case {
        name: "a configuration nested beyond reason",
        harm: |scene| scene.write("model/unet/config.json", "[".repeat(200_000)),
        command: GENERATE,
        says: &["unet", "config.json"],
    },
    Case {
        name: "channels that no memory holds",
        harm: |scene| {
            json_edit(scene, "model/unet/config.json", |config| {
                config["block_out_channels"] = json!([8, 1_000_000_007_u64]);
            })
        },
        command: GENERATE,
        says: &["config.json", "block_out_channels"],
    },
    Case {
        name: "channels that are negative",
        harm: |scene| {
            json_edit(scene, "model/unet/config.json", |config| {
                config["block_out_channels"] = json!([8, -16]);
            })
        },
        command: GENERATE,
        says: &["config.json", "block_out_channels"],
    },
    Case {
        name: "groups that do not divide the channels",
        harm: |scene| {
            json_edit(scene, "model/unet/config.json", |config| {
                config["norm_num_groups"] = 7.into()
            })
        },
        command: GENERATE,
        says: &["config.json", "norm_num_groups"],
    },
    Case {
        name: "a block nobody knows",
        harm: |scene| {
            json_edit(scene, "model/unet/config.json", |config| {
                config["down_block_types"] = json!(["CrossAttnDownBlock2D", "EvilBlock2D"]);
            })
        },
        command: GENERATE,
        says: &["config.json", "EvilBlock2D"],
    },
    Case {
        name: "lists of different lengths",
        harm: |scene| {
            json_edit(scene, "model/unet/config.json", |config| {
                config["down_block_types"] = json!(["DownBlock2D"]);
            })
        },
        command: GENERATE,
        says: &["config.json", "down_block_types"],
    },
    Case {
        name: "heads of no width",
        harm: |scene| {
            json_edit(scene, "model/unet/config.json", |config| {
                config["attention_head_dim"] = 0.into()
            })
        },
        command: GENERATE,
        says: &["config.json", "attention_head_dim"],
    },
    Case {
        name: "missing weights",
        harm: |scene| remove(scene, UNET),
        command: GENERATE,
        says: &["unet", "safetensors"],
    },
    Case {
        name: "a pickle in place of the weights",
        harm: |scene| {
            remove(scene, UNET);
            scene.write("model/unet/diffusion_pytorch_model.bin", b"\x80\x02cos\nsystem\n");
        },
        command: GENERATE,
        says: &["unet", "safetensors"],
    },
    Case {
        name: "truncated weights",
        harm: |scene| {
            let bytes = std::fs::read(scene.at(UNET)).unwrap();
            scene.write(UNET, &bytes[..bytes.len() - 100]);
        },
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors"],
    },
    Case {
        name: "weights of four bytes",
        harm: |scene| scene.write(UNET, [1, 2, 3, 4]),
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors"],
    },
    Case {
        name: "a header longer than any file",
        harm: |scene| scene.write(UNET, [0xff; 64]),
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors"],
    },
    Case {
        name: "a header that is no JSON",
        harm: |scene| scene.write(UNET, forge::file("{\"a\": }", &[0; 8])),
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors"],
    },
    Case {
        name: "a header with a tensor twice",
        harm: |scene| {
            let tensor = r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
            scene.write(UNET, forge::file(&format!("{{\"a\":{tensor},\"a\":{tensor}}}"), &[0; 4]));
        },
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors"],
    },
    Case {
        name: "tensors that overlap",
        harm: |scene| {
            unet(scene, |weights| {
                let tensor = weights.first(4);
                let end = weights.header[&tensor]["data_offsets"][1].clone();
                let start = end.as_u64().unwrap() - 4;
                weights.with(&tensor, "data_offsets", json!([start, end]))
            })
        },
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors"],
    },
    Case {
        name: "a tensor that reaches behind the end",
        harm: |scene| {
            unet(scene, |weights| {
                let tensor = weights.first(4);
                weights.with(&tensor, "data_offsets", json!([0, u64::MAX]))
            })
        },
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors"],
    },
    Case {
        name: "a shape whose product overflows",
        harm: |scene| {
            unet(scene, |weights| {
                let tensor = weights.first(4);
                weights.with(&tensor, "shape", json!([1_u64 << 40, 1_u64 << 40, 3, 3]))
            })
        },
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors"],
    },
    Case {
        name: "a wrong shape",
        harm: |scene| {
            unet(scene, |weights| {
                let tensor = weights.first(4);
                let mut shape: Vec<Value> =
                    weights.header[&tensor]["shape"].as_array().unwrap().clone();
                shape.rotate_left(1);
                weights.with(&tensor, "shape", shape)
            })
        },
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors", "weight"],
    },
    Case {
        name: "a missing tensor",
        harm: |scene| {
            unet(scene, |weights| {
                let kept = weights.header.as_object().unwrap().clone();
                let gone = kept.keys().next_back().unwrap().clone();
                let start = kept[&gone]["data_offsets"][0].as_u64().unwrap() as usize;
                let mut weights = weights.without(&gone);
                weights.data.truncate(start);
                weights
            })
        },
        command: GENERATE,
        says: &["unet"],
    },
    Case {
        name: "a weight that is not a number",
        harm: |scene| {
            unet(scene, |weights| {
                let tensor = weights.first(4);
                weights.first_number(&tensor, f32::NAN.to_le_bytes())
            })
        },
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors", "weight"],
    },
    Case {
        name: "a weight that is infinite",
        harm: |scene| {
            unet(scene, |weights| {
                let tensor = weights.first(1);
                weights.first_number(&tensor, f32::NEG_INFINITY.to_le_bytes())
            })
        },
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors"],
    },
    Case {
        name: "weights that are whole numbers",
        harm: |scene| {
            unet(scene, |weights| {
                let tensor = weights.first(4);
                weights.with(&tensor, "dtype", "I32")
            })
        },
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors", "weight"],
    },
    Case {
        name: "a shard outside of the folder",
        harm: |scene| {
            std::fs::rename(scene.at(UNET), scene.at("stolen.safetensors")).unwrap();
            let bytes = std::fs::read(scene.at("stolen.safetensors")).unwrap();
            let names = Weights::of(&bytes).header;
            let map: serde_json::Map<String, Value> = names
                .as_object()
                .unwrap()
                .keys()
                .map(|name| (name.clone(), "../../stolen.safetensors".into()))
                .collect();
            let index = json!({ "metadata": {}, "weight_map": map });
            scene.write(
                "model/unet/diffusion_pytorch_model.safetensors.index.json",
                index.to_string(),
            );
        },
        command: GENERATE,
        says: &["unet", "../../stolen.safetensors"],
    },
    Case {
        name: "a shard that is not there",
        harm: |scene| {
            remove(scene, UNET);
            let index = json!({ "metadata": {}, "weight_map": { "conv_in.weight": "one-of-nine.safetensors" } });
            scene.write(
                "model/unet/diffusion_pytorch_model.safetensors.index.json",
                index.to_string(),
            );
        },
        command: GENERATE,
        says: &["one-of-nine.safetensors"],
    },
    Case {
        name: "a link that leads out",
        harm: |scene| {
            std::fs::rename(scene.at(UNET), scene.at("elsewhere.safetensors")).unwrap();
            std::os::unix::fs::symlink(scene.at("elsewhere.safetensors"), scene.at(UNET)).unwrap();
        },
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors", "link"],
    },
    Case {
        name: "a pipe in place of the weights",
        harm: |scene| {
            remove(scene, UNET);
            let made = std::process::Command::new("mkfifo").arg(scene.at(UNET)).status().unwrap();
            assert!(made.success());
        },
        command: GENERATE,
        says: &["diffusion_pytorch_model.safetensors"],
    },
    Case {
        name: "a vocabulary that is no JSON",
        harm: |scene| scene.write("model/tokenizer/vocab.json", "{\"a\": 1,"),
        command: GENERATE,
        says: &["vocab.json"],
    },
    Case {
        name: "a vocabulary larger than the embedding",
        harm: |scene| {
            json_edit(scene, "model/tokenizer/vocab.json", |vocab| {
                vocab["fox</w>"] = 4_000_000_000_u64.into();
            })
        },
        command: GENERATE,
        says: &["tokenizer"],
    },
    Case {
        name: "more added tokens than any tokenizer has",
        harm: |scene| {
            let token = |id: u32| (format!("<{id}>"), Value::from(id));
            let tokens: serde_json::Map<String, Value> = (610..20_610).map(token).collect();
            scene.write("model/tokenizer/added_tokens.json", Value::Object(tokens).to_string());
        },
        command: GENERATE,
        says: &["tokenizer", "20000 added tokens"],
    },
    Case {
        name: "an added token longer than any",
        harm: |scene| {
            let tokens = json!({ "x".repeat(10_000): 610 });
            scene.write("model/tokenizer/added_tokens.json", tokens.to_string());
        },
        command: GENERATE,
        says: &["tokenizer", "10000 bytes"],
    },
    Case {
        name: "merges that merge nothing",
        harm: |scene| scene.write("model/tokenizer/merges.txt", "#version: 0.2\na b c d\n"),
        command: GENERATE,
        says: &["merges.txt"],
    },
    Case {
        name: "a sampler nobody knows",
        harm: |scene| {
            json_edit(scene, "model/model_index.json", |index| {
                index["scheduler"][1] = "QuantumScheduler".into();
            })
        },
        command: GENERATE,
        says: &["sampler", "QuantumScheduler"],
    },
    Case {
        name: "more timesteps than memory",
        harm: |scene| {
            json_edit(scene, "model/scheduler/scheduler_config.json", |config| {
                config["num_train_timesteps"] = 9_000_000_000_000_u64.into();
            })
        },
        command: GENERATE,
        says: &["scheduler_config.json", "training timesteps"],
    },
    Case {
        name: "a scheduler with a key nobody knows",
        harm: |scene| {
            json_edit(scene, "model/scheduler/scheduler_config.json", |config| {
                config["timestep_shift"] = 3.into();
            })
        },
        command: GENERATE,
        says: &["scheduler_config.json", "timestep_shift", "not known"],
    },
    Case {
        name: "noise that runs backwards",
        harm: |scene| {
            json_edit(scene, "model/scheduler/scheduler_config.json", |config| {
                config["beta_start"] = (-0.5).into();
            })
        },
        command: GENERATE,
        says: &["scheduler_config.json", "beta"],
    },
];

/// Runs the cases; gathers all that fail before failing.
pub(crate) fn check(scene: fn() -> Scene, cases: &[Case]) {
    let mut wrong = Vec::new();
    for case in cases {
        let scene = scene();
        (case.harm)(&scene);
        let before = scene.everything();
        let ended = scene.run(case.command);
        let mut complain =
            |what: String| wrong.push(format!("{}: {what}\n    {}", case.name, ended.err));
        if ended.code != Some(2) {
            complain(format!("ended with {:?}", ended.code));
        }
        for word in case.says {
            if !ended.err.contains(word) {
                complain(format!("does not name `{word}`"));
            }
        }
        // What to do stands behind the last semicolon of a message.
        if !ended.err.contains("; ") {
            complain("gives no remedy".into());
        }
        if scene.everything() != before {
            complain("wrote something".into());
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn model_folders() {
    check(Scene::with_model, MODELS);
}
