"""Safe latent guidance (arXiv 2211.05105, equations 3 to 8): the direction in f64 over random predictions, call by call,
with the paper's four sets of numbers; and whole samplings by diffusers' own pipeline.

The formulas are written out here; diffusers' function for them must agree with every call.
"""

import diffusers
import torch
from common import NEGATIVE, PROMPTS, normal, save_json, save_tensors
from diffusers.pipelines.deprecated.stable_diffusion_safe import pipeline_stable_diffusion_safe as release

KEYS = ("warmup", "scale", "threshold", "momentum_scale", "momentum_beta")
STRENGTHS = {"weak": (15, 200.0, 0.0, 0.0, 0.0), "medium": (10, 1000.0, 0.01, 0.3, 0.4),
             "strong": (7, 2000.0, 0.025, 0.5, 0.7), "max": (0, 5000.0, 1.0, 0.5, 0.7)}
CALLS, SHAPE = 18, (2, 2, 3, 3)
# Whole samplings: few steps, so the warm-up is shorter than the published ones.
STEPS, GUIDANCE, SAMPLED = 8, 4.0, (2, 2000.0, 0.025, 0.5, 0.7)


def predictions():
    """(calls, unconditional or prompt or text, pictures, channels, height, width); the three differ by 0.0001 to 2."""
    middle = normal(2001, CALLS, 1, *SHAPE)
    reach = 10 ** (normal(2002, CALLS, 3, *SHAPE) - 2).clamp(-4, 0.3)
    return (middle + reach * normal(2003, CALLS, 3, *SHAPE)).float()


def directions(predicted, warmup, scale, threshold, momentum_scale, momentum_beta):
    """What the guidance scale multiplies in every call."""
    velocity = torch.zeros(SHAPE, dtype=torch.float64)
    for call, (without, prompt, text) in enumerate(predicted.double()):
        mu = (scale * (prompt - text).abs()).clamp(max=1.0)
        mu[prompt - text >= threshold] = 0.0
        away = mu * (text - without) + momentum_scale * velocity
        old, velocity = velocity, momentum_beta * velocity + (1 - momentum_beta) * away
        direction = prompt - without - (away if call >= warmup else 0.0)
        theirs, momentum = release.StableDiffusionPipelineSafe.perform_safety_guidance(
            None, True, old, prompt - without, [prompt, without, text], call, scale, warmup, threshold, momentum_scale,
            momentum_beta)
        assert torch.allclose(direction, theirs, rtol=0, atol=1e-12)
        assert torch.allclose(velocity, momentum, rtol=0, atol=1e-12)
        yield direction


def sampled(pipeline, scheduler):
    """Final latents of two pictures that are led away from a text, by diffusers' pipeline."""
    parts = {name: getattr(pipeline, name) for name in ("vae", "text_encoder", "tokenizer", "unet")}
    config = dict(pipeline.scheduler.config, clip_sample=False)
    safe = release.StableDiffusionPipelineSafe(
        **parts, scheduler=getattr(diffusers, scheduler).from_config(config), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False)
    safe.set_progress_bar_config(disable=True)
    safe.safety_concept = NEGATIVE
    seen = []
    numbers = dict(zip(("warmup_steps", "guidance_scale", "threshold", "momentum_scale", "mom_beta"), SAMPLED))
    safe(PROMPTS[:2], latents=normal(2004, 2, 4, 8, 8), num_inference_steps=STEPS, guidance_scale=GUIDANCE, eta=0.0,
         height=16, width=16, output_type="np", callback=lambda step, time, latents: seen.append(latents.clone()),
         **{f"sld_{name}": value for name, value in numbers.items()})
    return seen[-1]


def write(pipeline, path):
    """Predictions, directions and samplings, and what they were made with."""
    predicted = predictions()
    tensors = {"predictions": predicted, "latents": normal(2004, 2, 4, 8, 8)}
    for name, numbers in STRENGTHS.items():
        tensors[f"directions.{name}"] = torch.stack(list(directions(predicted, *numbers)))
    for scheduler in ("DDIMScheduler", "PNDMScheduler"):
        tensors[f"sampled.{scheduler}"] = sampled(pipeline, scheduler)
    save_tensors(path, tensors)
    save_json(path.with_suffix(".json"), {
        "strengths": {name: dict(zip(KEYS, numbers)) for name, numbers in STRENGTHS.items()},
        "sampled": {"prompts": PROMPTS[:2], "text": NEGATIVE, "steps": STEPS, "guidance": GUIDANCE,
                    "numbers": dict(zip(KEYS, SAMPLED))}})
