"""25-step guided pictures from given latents, with every sampler."""

import diffusers
import numpy as np
import torch
import trajectories
from common import NEGATIVE, PROMPTS, normal, save_json, save_tensors

STEPS, GUIDANCE = 25, 7.5


def sampler(kind, folder_config):
    """Another scheduler over the folder's own schedule; latents are not pictures, so nothing is clipped to [-1, 1]."""
    return getattr(diffusers, kind).from_config({"clip_sample": False, **folder_config})


def draw(pipeline, config, kind, prompts, negative, guidance, latents, noise):
    """Final latents and 8-bit pictures."""
    pipeline.scheduler = sampler(kind, config)
    trajectories.give_noise(noise)
    final = pipeline(prompts, negative_prompt=[negative] * len(prompts), latents=latents.clone(), guidance_scale=guidance,
                     num_inference_steps=STEPS, output_type="latent").images
    decoded = pipeline.vae.decode(final / pipeline.vae.config.scaling_factor).sample
    levels = ((decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8)
    return final, torch.from_numpy(levels)


def write(pipeline, path, prompts=PROMPTS[:2]):
    """One safetensors file for all samplers, and what was asked of them."""
    config, own = dict(pipeline.scheduler.config), type(pipeline.scheduler).__name__
    latents, noise = normal(701, len(prompts), 4, 8, 8), normal(702, STEPS + 1, len(prompts), 4, 8, 8)
    tensors = {"latents": latents, "noise": noise}
    with torch.no_grad():
        for kind in trajectories.KINDS:
            final, levels = draw(pipeline, config, kind, prompts, NEGATIVE, GUIDANCE, latents, noise)
            tensors |= {f"{kind}.final": final, f"{kind}.pictures": levels}
        final, levels = draw(pipeline, config, own, prompts, "", 1.0, latents, noise)
        tensors |= {"unguided.final": final, "unguided.pictures": levels}
    save_tensors(path, tensors)
    save_json(path.with_suffix(".json"), {
        "prompts": prompts, "negative": NEGATIVE, "steps": STEPS, "guidance": GUIDANCE, "unguided": own})
