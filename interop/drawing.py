"""diffusers' side of a picture: the same latents, the same noise, the same settings."""

import copy

import diffusers
import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from diffusers.schedulers import scheduling_ddpm, scheduling_euler_ancestral_discrete
from peft import PeftModel
from transformers import CLIPTokenizer

STEPS, GUIDANCE = 25, 7.5
PROMPT, NEGATIVE = "a red fox on a hill", "a blue car"
SAMPLERS = {
    "ddim": "DDIMScheduler", "ddpm": "DDPMScheduler", "dpm-solver++": "DPMSolverMultistepScheduler",
    "euler": "EulerDiscreteScheduler", "euler-ancestral": "EulerAncestralDiscreteScheduler", "pndm": "PNDMScheduler"}


def open_pipeline(folder):
    """A folder as a user opens it."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def tokenizer(folder):
    """transformers' own reading."""
    return CLIPTokenizer.from_pretrained(folder / "tokenizer")


def with_lora(source, adapter):
    """The source with an adapter laid over it, as a user does."""
    pipeline = open_pipeline(source)
    pipeline.load_lora_weights(adapter)
    return pipeline


def adapted(source, folder):
    """The source with the adapter, read from either format."""
    one, other = with_lora(source, folder / "diffusers"), open_pipeline(source)
    other.unet = PeftModel.from_pretrained(copy.deepcopy(other.unet), folder / "peft").merge_and_unload()
    return {"diffusers": one, "peft": other}


def draw(pipeline, sampler, given, negative=NEGATIVE):
    """One picture in whole levels."""
    settings = {"clip_sample": False, **pipeline.scheduler.config}
    pipeline.scheduler = getattr(diffusers, SAMPLERS[sampler]).from_config(settings)
    noise = iter(given["step_noise"][0])
    for module in (scheduling_ddpm, scheduling_euler_ancestral_discrete):
        module.randn_tensor = lambda *_, **__: next(noise).unsqueeze(0)
    with torch.no_grad():
        picture = pipeline(PROMPT, negative_prompt=negative, latents=given["latents"].clone(), output_type="np",
                           num_inference_steps=STEPS, guidance_scale=GUIDANCE).images[0]
    return (picture * 255).round().astype(np.uint8)
