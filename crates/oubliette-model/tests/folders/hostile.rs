//! Files that mean harm: each is refused with its name, what is wrong and what to do, and the
//! reader neither panics nor writes.

use std::fs;
use std::path::Path;

use oubliette_model::families::StableDiffusion;
use serde_json::{Map, Value, json};

use crate::support::{bytes_of, copy_folder, edit, options, refused, released};

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";
const VAE: &str = "vae/diffusion_pytorch_model.safetensors";

/// Rewrites the header of a safetensors file, keeping the numbers.
fn edit_header(path: &Path, change: impl FnOnce(&mut Map<String, Value>)) {
    let bytes = fs::read(path).unwrap();
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let mut map: Map<String, Value> = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    change(&mut map);
    write_file(path, &Value::Object(map).to_string(), &bytes[8 + length..]);
}

fn write_file(path: &Path, header: &str, numbers: &[u8]) {
    let length = (header.len() as u64).to_le_bytes();
    fs::write(path, [&length[..], header.as_bytes(), numbers].concat()).unwrap();
}

/// Overwrites the first bytes of a tensor.
fn poke(path: &Path, tensor: &str, bytes: &[u8]) {
    let (start, _) = bytes_of(path, tensor);
    let mut all = fs::read(path).unwrap();
    all[start..start + bytes.len()].copy_from_slice(bytes);
    fs::write(path, all).unwrap();
}

#[test]
fn weight_files() {
    refused(&[UNET, "bytes long", "again"], |m| fs::write(m.join(UNET), "abc").unwrap());
    refused(&[UNET, "header describes", "again"], |m| {
        let bytes = fs::read(m.join(UNET)).unwrap();
        fs::write(m.join(UNET), &bytes[..bytes.len() - 10]).unwrap();
    });
    refused(&[UNET, "header describes"], |m| {
        let bytes = fs::read(m.join(UNET)).unwrap();
        fs::write(m.join(UNET), [bytes, vec![0; 10]].concat()).unwrap();
    });
    refused(&[UNET, "claims a header of 18446744073709551615 bytes"], |m| {
        fs::write(m.join(UNET), [0xff; 64]).unwrap();
    });
    refused(&[UNET, "not valid JSON"], |m| write_file(&m.join(UNET), "{\"a\":", &[]));
    refused(&[UNET, "not valid JSON"], |m| write_file(&m.join(UNET), &"[".repeat(60_000), &[]));
    refused(&[UNET, "`x` is there twice"], |m| {
        let entry = r#"{"dtype":"F16","shape":[1],"data_offsets":[0,2]}"#;
        write_file(&m.join(UNET), &format!("{{\"x\":{entry},\"x\":{entry}}}"), &[0; 2]);
    });
    refused(&[UNET, "__metadata__"], |m| {
        edit_header(&m.join(UNET), |map| {
            map.insert("__metadata__".into(), json!({"a": 1}));
        });
    });
}

#[test]
fn tensors() {
    let entry = |key: &'static str, value: Value| {
        move |m: &Path| {
            edit_header(&m.join(UNET), |map| map["conv_in.bias"][key] = value);
        }
    };
    refused(&[UNET, "conv_in.bias", "number format"], entry("dtype", json!("F7")));
    refused(&[UNET, "conv_in.bias", "does not fit its offsets"], entry("shape", json!([3])));
    refused(&[UNET, "conv_in.bias", "malformed shape"], entry("shape", json!([-8])));
    refused(&[UNET, "conv_in.bias", "does not fit"], entry("shape", json!([u64::MAX, u64::MAX])));
    refused(&[UNET, "conv_in.bias", "ends before"], entry("data_offsets", json!([16, 0])));
    refused(&[UNET, "overlaps another or leaves a gap"], entry("data_offsets", json!([2, 18])));
    refused(&[UNET, "conv_in.bias", "unknown keys"], entry("sparse", json!(true)));
    refused(&[UNET, "conv_in.bias", "NaN"], |m| {
        poke(&m.join(UNET), "conv_in.bias", &0x7e00_u16.to_le_bytes());
    });
    refused(&[VAE, "quant_conv.bias", "infinity"], |m| {
        poke(&m.join(VAE), "quant_conv.bias", &0x7c00_u16.to_le_bytes());
    });
    refused(&[UNET, "conv_in.bias", "is missing", "config.json"], |m| {
        edit_header(&m.join(UNET), |map| {
            let entry = map.remove("conv_in.bias").unwrap();
            map.insert("conv_in.bios".into(), entry);
        });
    });
    refused(&[UNET, "surprise", "not known"], |m| {
        edit_header(&m.join(UNET), |map| {
            map.insert(
                "surprise".into(),
                json!({"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}),
            );
        });
    });
    refused(
        &[UNET, "conv_in.weight", "has the shape [8, 4, 3, 3]", "asks for [8, 4, 5, 5]"],
        |m| {
            edit(&m.join("unet/config.json"), |map| {
                map.insert("conv_in_kernel".into(), json!(5));
            });
        },
    );
}

#[test]
fn names_that_a_terminal_would_obey() {
    let called = |name: String| {
        move |m: &Path| {
            edit_header(&m.join(UNET), |map| {
                map.insert(name, json!({"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}));
            });
        }
    };
    refused(&[UNET, "`a\u{fffd}\u{fffd}[31mred`", "not known"], called("a\n\x1b[31mred".into()));
    let long = format!("`{}…`", "x".repeat(200));
    refused(&[UNET, &long, "not known"], called("x".repeat(5_000_000)));
    refused(&["text_encoder/config.json", "hidden_act", "xx…"], |m| {
        edit(&m.join("text_encoder/config.json"), |map| {
            map["hidden_act"] = json!("x".repeat(100_000));
        });
    });
}

#[test]
fn configurations() {
    let unet = |key: &'static str, value: Value| {
        move |m: &Path| {
            edit(&m.join("unet/config.json"), |map| {
                map.insert(key.to_owned(), value);
            });
        }
    };
    let file = "unet/config.json";
    refused(&[file, "in_channels", "999999999"], unet("in_channels", json!(999_999_999)));
    refused(&[file, "layers_per_block", "1e+20"], unet("layers_per_block", json!(1e20)));
    refused(&[file, "block_out_channels"], unet("block_out_channels", json!(vec![8; 1000])));
    refused(&[file, "block_out_channels"], unet("block_out_channels", json!([])));
    refused(&[file, "norm_num_groups", "divides"], unet("norm_num_groups", json!(7)));
    refused(&[file, "attention_head_dim", "heads"], unet("attention_head_dim", json!(3)));
    refused(
        &[file, "attention_head_dim", "3 values for 2"],
        unet("attention_head_dim", json!([2, 2, 2])),
    );
    refused(
        &[file, "addition_embed_type", "text_time"],
        unet("addition_embed_type", json!("text_time")),
    );
    refused(
        &[file, "down_block_types", "AttnDownBlock2D"],
        unet("down_block_types", json!(["AttnDownBlock2D", "DownBlock2D"])),
    );
    refused(&[file, "brand_new", "not known"], unet("brand_new", json!(1)));
    refused(&[file, "_class_name", "UNet3D"], unet("_class_name", json!("UNet3D")));
    refused(&[file, "cross_attention_dim", "32"], unet("cross_attention_dim", json!(64)));
    refused(&[file, "`sample_size` is there twice"], |m| {
        fs::write(m.join(file), r#"{"sample_size": 8, "sample_size": 9}"#).unwrap();
    });
    refused(&[file, "larger than"], |m| fs::write(m.join(file), vec![b' '; 17 << 20]).unwrap());
    refused(&["text_encoder/config.json", "hidden_act", "tanh"], |m| {
        edit(&m.join("text_encoder/config.json"), |map| map["hidden_act"] = json!("tanh"));
    });
    refused(&["vae/config.json", "scaling_factor"], |m| {
        edit(&m.join("vae/config.json"), |map| {
            map.insert("scaling_factor".into(), json!("0.18"));
        });
    });
}

#[test]
fn folders() {
    refused(&["model_index.json"], |m| fs::remove_file(m.join("model_index.json")).unwrap());
    refused(&["model_index.json", "unet", "UNet2DConditionModel"], |m| {
        edit(&m.join("model_index.json"), |map| {
            map["unet"] = json!(["diffusers", "SD3Transformer2DModel"])
        });
    });
    refused(&["vae"], |m| fs::remove_dir_all(m.join("vae")).unwrap());
    refused(&["scheduler_config.json"], |m| {
        fs::remove_dir_all(m.join("scheduler"))
            .and_then(|()| fs::create_dir(m.join("scheduler")))
            .unwrap()
    });
    refused(&["vae", "diffusion_pytorch_model.safetensors", "again"], |m| {
        fs::remove_file(m.join(VAE)).unwrap()
    });
    refused(&["diffusion_pytorch_model.bin", "pickle", "convert"], |m| {
        fs::rename(m.join(UNET), m.join("unet/diffusion_pytorch_model.bin")).unwrap();
    });
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder() {
    use std::os::unix::fs::symlink;
    let temp = tempfile::tempdir().unwrap();
    for name in
        [UNET, "unet/config.json", "tokenizer/vocab.json", "scheduler/scheduler_config.json"]
    {
        refused(&["leads out of the folder"], |m| {
            let outside = temp.path().join("outside");
            fs::rename(m.join(name), &outside).unwrap();
            symlink(&outside, m.join(name)).unwrap();
        });
    }
    refused(&["leads out of the folder"], |m| {
        let outside = temp.path().join("folder");
        fs::rename(m.join("vae"), &outside).unwrap();
        symlink(&outside, m.join("vae")).unwrap();
    });
}

#[cfg(unix)]
#[test]
fn links_out_of_a_cache() {
    use std::os::unix::fs::symlink;
    let temp = tempfile::tempdir().unwrap();
    let repository = temp.path().join("models--tiny--random");
    let snapshot = repository.join("snapshots").join("0123abcd");
    copy_folder(&released("of-2022"), &snapshot);
    fs::create_dir(repository.join("blobs")).unwrap();
    let config = snapshot.join("unet/config.json");
    fs::rename(&config, repository.join("blobs/config")).unwrap();
    symlink("../../../blobs/config", &config).unwrap();
    StableDiffusion::load(&snapshot, &options()).unwrap();
    fs::rename(repository.join("blobs/config"), temp.path().join("config")).unwrap();
    fs::remove_file(&config).unwrap();
    symlink("../../../../config", &config).unwrap();
    let text = StableDiffusion::load(&snapshot, &options()).map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("leads out of the folder"), "{text}");
}

#[test]
fn shards() {
    let spoil = |words: &[&str], change: &dyn Fn(&mut Map<String, Value>)| {
        let temp = tempfile::tempdir().unwrap();
        copy_folder(&released("sharded"), temp.path());
        edit(&temp.path().join("unet/diffusion_pytorch_model.safetensors.index.json"), |map| {
            change(map["weight_map"].as_object_mut().unwrap());
        });
        let text =
            StableDiffusion::load(temp.path(), &options()).map(|_| ()).unwrap_err().to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{words:?} not in: {text}");
    };
    spoil(&["index.json", "nowhere", "no file has it"], &|map| {
        let file = map["conv_in.bias"].clone();
        map.insert("nowhere".into(), file);
    });
    spoil(&["conv_in.bias", "index does not say so"], &|map| {
        map.remove("conv_in.bias");
    });
    for path in ["../../vae/config.safetensors", "/etc/x.safetensors", "a\\b.safetensors", "..", ""]
    {
        let words: &[&str] =
            if path.ends_with("safetensors") { &["could lead elsewhere"] } else { &[] };
        spoil(words, &|map| {
            map.insert("conv_in.bias".into(), json!(path));
        });
    }
    spoil(&["pickle"], &|map| {
        map.insert("conv_in.bias".into(), json!("diffusion_pytorch_model.bin"));
    });
    spoil(&["weight_map"], &|map| {
        map.insert("conv_in.bias".into(), json!(3));
    });
}
