"""Outputs of the text encoder, the VAE both ways and the UNet."""

import torch
from common import PROMPTS, TIMESTEPS, normal, pixels, save_tensors


def encode(pipeline, prompts):
    """Padded token ids."""
    return pipeline.tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt").input_ids


def outputs(pipeline):
    """Inputs beside outputs; `penultimate` is before the final norm, `skipped` after it (diffusers' clip_skip=1)."""
    side = pipeline.vae.config.sample_size
    ids = encode(pipeline, PROMPTS)
    text = pipeline.text_encoder(ids, output_hidden_states=True)
    encoder = getattr(pipeline.text_encoder, "text_model", pipeline.text_encoder)
    pictures, latents = pixels(501, 2, side), normal(502, 2, 4, 8, 8)
    posterior = pipeline.vae.encode(pictures).latent_dist
    found = {
        "ids": ids, "last_hidden": text.last_hidden_state, "penultimate": text.hidden_states[-2],
        "skipped": encoder.final_layer_norm(text.hidden_states[-2]), "pooled": text.pooler_output,
        "pictures": pictures, "mean": posterior.mean, "logvar": posterior.logvar, "latents": latents,
        "decoded": pipeline.vae.decode(latents).sample,
    }
    context = text.last_hidden_state[:2]
    for t in TIMESTEPS:
        found[f"unet.{t}"] = pipeline.unet(latents, torch.tensor(t), context).sample
    wide = normal(503, 1, 4, 8, 16)
    found["wide"] = wide
    found["unet.wide"] = pipeline.unet(wide, torch.tensor(321), context[:1]).sample
    found["unet.mixed"] = pipeline.unet(latents, torch.tensor([3, 777]), context).sample
    return found


def write(pipeline, path):
    """One file."""
    with torch.no_grad():
        save_tensors(path, outputs(pipeline))
