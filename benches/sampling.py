"""Guided pictures with diffusers' pipeline: prompts in, 8-bit pictures out."""

import json
import os
import shutil
from pathlib import Path

import torch
from common import drawn, some, write
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

TOKENIZER = Path(__file__).parent.parent / "goldens/data/tiny-sd1/tokenizer"
PROMPTS = ["a red fox on a hill", "two cats and a guitar", "a blue car by the river", "a lion at night"]


class Sampling:
    """A whole pipeline with random weights in the geometry of the case."""

    def __init__(self, folder, settings):
        self.settings, self.mode = settings, os.environ.get("BENCH_MODE", "eager")
        self.pipeline = StableDiffusionPipeline.from_pretrained(folder / "model")
        self.pipeline.set_progress_bar_config(disable=True)
        if self.mode == "compile":
            self.pipeline.unet = torch.compile(self.pipeline.unet)
        self.latents = load_file(folder / "inputs.safetensors")["latents"]
        self.prompts = json.loads((folder / "prompts.json").read_text())

    @staticmethod
    def prepare(folder, settings):
        """A folder that both sides load."""
        torch.manual_seed(13)
        tokenizer = CLIPTokenizer.from_pretrained(TOKENIZER)
        text = CLIPTextModel(CLIPTextConfig(vocab_size=len(tokenizer), eos_token_id=2, **settings["text"]))
        pipeline = StableDiffusionPipeline(
            vae=AutoencoderKL(**settings["vae"]), text_encoder=text, tokenizer=tokenizer,
            unet=UNet2DConditionModel(**settings["unet"]), safety_checker=None, feature_extractor=None,
            scheduler=PNDMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                                    skip_prk_steps=True, steps_offset=1))
        pipeline.save_pretrained(folder / "model")
        shutil.rmtree(folder / "model/tokenizer")
        shutil.copytree(TOKENIZER, folder / "model/tokenizer")
        write(folder / "inputs.safetensors", {"latents": drawn(torch.Generator().manual_seed(14), *settings["latents"])})
        prompts = [PROMPTS[index % len(PROMPTS)] for index in range(settings["latents"][0])]
        (folder / "prompts.json").write_text(json.dumps(prompts))

    def run(self):
        """Once, all pictures in one batch."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.mode == "bf16"):
            self.pictures = self.pipeline(
                self.prompts, latents=self.latents.clone(), num_inference_steps=self.settings["steps"],
                guidance_scale=self.settings["guidance"], output_type="np").images

    def check(self):
        """Some pixels of every picture, in whole levels."""
        self.run()
        levels = torch.from_numpy((self.pictures * 255).round())
        return sum((some(picture) for picture in levels), [])
