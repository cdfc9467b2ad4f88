//! Cases with whole networks: training steps, sampling, the size of Stable Diffusion 1.4.

use serde_json::{Value, json};

use super::cases::{Case, merge};

/// The UNet of the larger test model: two levels, cross-attention on both.
pub(super) fn emoji() -> Value {
    crossed(8, &[64, 128], 2, 4, 128)
}

/// Three levels with cross-attention on each.
fn mini() -> Value {
    crossed(32, &[64, 128, 256], 2, 4, 256)
}

/// A UNet with cross-attention on every level.
fn crossed(side: usize, channels: &[usize], layers: usize, heads: usize, context: usize) -> Value {
    let levels = channels.len();
    json!({
        "sample_size": side, "in_channels": 4, "out_channels": 4, "block_out_channels": channels,
        "layers_per_block": layers, "down_block_types": vec!["CrossAttnDownBlock2D"; levels],
        "up_block_types": vec!["CrossAttnUpBlock2D"; levels], "cross_attention_dim": context,
        "attention_head_dim": heads, "norm_num_groups": 32,
    })
}

/// `unet/config.json` of Stable Diffusion 1.4.
fn released() -> Value {
    let (down, up) = ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D");
    json!({
        "sample_size": 64, "in_channels": 4, "out_channels": 4, "block_out_channels": [320, 640, 1280, 1280],
        "layers_per_block": 2, "down_block_types": [down, down, down, "DownBlock2D"],
        "up_block_types": ["UpBlock2D", up, up, up], "cross_attention_dim": 768, "attention_head_dim": 8,
        "norm_num_groups": 32,
    })
}

/// The whole pipeline of Stable Diffusion 1.4's size, with the tokenizer of the test models.
pub(super) fn released_pipeline() -> Value {
    let text = json!({
        "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
        "max_position_embeddings": 77, "projection_dim": 768,
    });
    let vae = json!({
        "sample_size": 512, "latent_channels": 4, "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
        "down_block_types": vec!["DownEncoderBlock2D"; 4], "up_block_types": vec!["UpDecoderBlock2D"; 4],
        "norm_num_groups": 32,
    });
    json!({ "kind": "sampling", "unet": released(), "text": text, "vae": vae, "latents": [1, 4, 64, 64] })
}

fn network(
    name: &str,
    kind: &str,
    unet: Value,
    latents: [usize; 4],
    tokens: usize,
    more: &[(&str, Value)],
) -> Case {
    let mut settings = json!({ "kind": kind, "unet": unet, "latents": latents, "tokens": tokens });
    for (key, value) in more {
        settings[*key] = value.clone();
    }
    Case { name: name.to_owned(), settings, tolerance: 1e-4, warm_up: 2, repeat: 1 }
}

/// Training steps, all weights or only the cross-attention.
pub(crate) fn step() -> Vec<Case> {
    let attention: &[_] = &[("trainable", json!("attn2"))];
    let (small, large) = ([32, 4, 8, 8], [8, 4, 32, 32]);
    vec![
        network("step-emoji", "step", emoji(), small, 16, &[]),
        network("step-emoji-attn2", "step", emoji(), small, 16, attention),
        network("step-mini", "step", mini(), large, 77, &[]),
        network("step-mini-attn2", "step", mini(), large, 77, attention),
        network("forward-emoji", "forward", emoji(), small, 16, &[]),
        network("forward-mini", "forward", mini(), large, 77, &[]),
        language_model(),
    ]
}

/// A training step of a small language model: grouped queries, rotary embedding, gated units.
fn language_model() -> Case {
    let settings = json!({
        "kind": "gpt", "vocabulary": 4096, "width": 256, "layers": 4, "heads": 8, "key_heads": 4, "inner": 704, "batch": 8,
        "tokens": 256,
    });
    Case { name: "step-gpt-mini".to_owned(), settings, tolerance: 1e-4, warm_up: 2, repeat: 1 }
}

/// A whole pipeline of the larger test model's size.
pub(super) fn pipeline(kind: &str, latents: [usize; 4], more: Value) -> Value {
    let mut settings = json!({
        "kind": kind, "unet": emoji(), "latents": latents,
        "text": {
            "hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4,
            "max_position_embeddings": 16, "projection_dim": 128,
        },
        "vae": {
            "sample_size": 32, "latent_channels": 4, "block_out_channels": [32, 64, 64], "layers_per_block": 1,
            "down_block_types": vec!["DownEncoderBlock2D"; 3], "up_block_types": vec!["UpDecoderBlock2D"; 3],
            "norm_num_groups": 16,
        },
    });
    merge(&mut settings, &more);
    settings
}

/// Pictures from prompts: text encoder, guided UNet steps, VAE.
pub(crate) fn sampling() -> Vec<Case> {
    let case = |batch: usize| {
        let settings =
            pipeline("sampling", [batch, 4, 8, 8], json!({ "steps": 25, "guidance": 4.0 }));
        // Levels of 255: two levels apart is rounding.
        Case {
            name: format!("sample-emoji-{batch}"),
            settings,
            tolerance: 8e-3,
            warm_up: 1,
            repeat: 1,
        }
    };
    vec![case(1), case(8), case(32)]
}

/// The true size, with random weights.
pub(crate) fn stable_diffusion() -> Vec<Case> {
    let one = [1, 4, 64, 64];
    let esd: &[_] = &[("trainable", json!("attn2")), ("trajectory", json!(2))];
    vec![
        network("sd14-forward", "forward", released(), one, 77, &[]),
        network("sd14-esd-x-step", "esd", released(), one, 77, esd),
    ]
}
