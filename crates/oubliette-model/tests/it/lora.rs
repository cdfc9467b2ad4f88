//! Adapters of PEFT and of diffusers: read as their makers read them, and written so that they read the same.

use oubliette_model::families::StableDiffusion;
use oubliette_model::lora::Lora;
use serde_json::Value;

use crate::golden::{self, Tensors};

const LAYOUTS: [&str; 4] = ["peft", "diffusers", "diffusers-alpha", "diffusers-2023"];

fn prompts() -> Vec<String> {
    let asked: Value = golden::json("of-tiny-sd1/training.json");
    let prompts = asked["prompts"].as_array().unwrap();
    prompts.iter().take(2).map(|prompt| prompt.as_str().unwrap().to_owned()).collect()
}

fn expect(sd: &StableDiffusion, golden: &Tensors, name: &str, lora: &Lora) {
    let weights = lora.merge(&sd.weights);
    let context = sd.encode_prompts(&weights, &prompts()).unwrap();
    let t = golden.ints::<1>("t").float();
    golden.expect(name, sd.predict(&weights, golden.floats("x"), t, context));
}

#[test]
fn adapters_of_every_layout_give_their_makers_output() {
    let golden = Tensors::open("lora/expected.safetensors");
    let sd = golden::load(&golden::path("tiny-sd1"));
    for name in LAYOUTS {
        let lora = Lora::read(&golden::path(&format!("lora/{name}")), &sd.weights).unwrap();
        expect(&sd, &golden, name, &lora);
    }
}

#[test]
fn what_is_written_reads_the_same() {
    let golden = Tensors::open("lora/expected.safetensors");
    let sd = golden::load(&golden::path("tiny-sd1"));
    let folder = tempfile::tempdir().unwrap();
    for name in LAYOUTS {
        let lora = Lora::read(&golden::path(&format!("lora/{name}")), &sd.weights).unwrap();
        let (peft, diffusers) =
            (folder.path().join(format!("{name}-p")), folder.path().join(format!("{name}-d")));
        lora.write_peft(&peft, &sd.weights).unwrap();
        lora.write_diffusers(&diffusers, &sd.weights, None).unwrap();
        assert_eq!(Lora::read(&peft, &sd.weights).unwrap().pairs(), lora.pairs());
        expect(&sd, &golden, name, &Lora::read(&peft, &sd.weights).unwrap());
        expect(&sd, &golden, name, &Lora::read(&diffusers, &sd.weights).unwrap());
    }
}

#[test]
fn a_pickled_adapter_is_named_and_not_opened() {
    let sd = golden::load(&golden::path("tiny-sd1"));
    for (name, config) in [("pytorch_lora_weights.bin", None), ("adapter_model.bin", Some("{}"))] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), "pickle").unwrap();
        if let Some(config) = config {
            std::fs::write(folder.path().join("adapter_config.json"), config).unwrap();
        }
        let refused = Lora::read(folder.path(), &sd.weights).unwrap_err().to_string();
        assert!(refused.contains(name) && refused.contains("safe_serialization"), "{refused}");
    }
}

#[test]
fn an_adapter_of_another_model_is_refused() {
    let sd2 = golden::load(&golden::path("tiny-sd2"));
    for name in LAYOUTS {
        let refused = Lora::read(&golden::path(&format!("lora/{name}")), &sd2.weights)
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("use the adapter with the model that it was trained for"),
            "{refused}"
        );
    }
}
