"""Whole unlearning jobs as the papers' released loops do them, on diffusers: `go` trains to the next checkpoint and saves it.

The variant `paper` keeps the loops of the releases: ESD a fresh partial sampling and two predictions of the frozen model each step
(rohitgandikota/erasing, `esd_sd.py`), concept ablation and restricted gradient pictures drawn to files by the pipeline, read and encoded
again each step, prompts too (nupurkmr9/concept-ablation, `diffusers/train.py`; reds-lab/Restricted_gradient_diversity_unlearning,
`nsfw_RGD.py`, without its pause of 0.1 s a step). The variant `same-savings` has every saving that our program has;
`kept-latents` has latents that are never decoded and `solver` ten steps of DPM-Solver++ alone, and `twin` no saving, but other luck where a loop draws what ours does not.

What is no part of the loop is the same on either side: DDIM, rates, batches, counts, prompts, Adam without decay or clipping, no augmentation.
With `draws`, a file of random numbers that our program drew, they are used wherever a loop draws what our program draws too.
"""

import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from common import drawn, write
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, StableDiffusionPipeline
from diffusers.utils import logging as diffusers_logging
from PIL import Image
from safetensors.torch import load_file
from transformers.utils import logging as transformers_logging

diffusers_logging.disable_progress_bar()
transformers_logging.disable_progress_bar()

RELEASED_BATCH = {"ca": 4, "rg": 8}  # pictures that the release's script draws at once
OUR_BATCH = 8
TWIN = 1000  # added to the seed of a twin
SOURCES = {"anchor": "source", "prompts": "source", "retain": "retain_source"}  # what our program calls them


class Texts:
    """Conditions of prompts, encoded when they are asked for, or once."""

    def __init__(self, pipeline, cached):
        self.pipeline, self.known = pipeline, {} if cached else None

    def encode(self, prompts):
        """(batch, tokens, width)."""
        tokenizer = self.pipeline.tokenizer
        ids = tokenizer(prompts, padding="max_length", truncation=True, max_length=tokenizer.model_max_length, return_tensors="pt").input_ids
        with torch.no_grad():
            return self.pipeline.text_encoder(ids)[0]

    def __call__(self, prompts):
        if self.known is None:
            return self.encode(prompts)
        for prompt in prompts:
            if prompt not in self.known:
                self.known[prompt] = self.encode([prompt])
        return torch.cat([self.known[prompt] for prompt in prompts])


def esd_loss(student, x, t, condition, target):
    """Mean square between the student under the concept and the reversed guidance."""
    return F.mse_loss(student(x, t, condition).sample, target)


def esd_target(frozen, x, t, concept, empty, eta, together):
    """Concept - eta (concept - empty), by the frozen model: one forward for both, or one for each."""
    with torch.no_grad():
        if together:
            under, nothing = frozen(torch.cat([x, x]), torch.cat([t.expand(len(x))] * 2), torch.cat([concept, empty])).sample.chunk(2)
        else:
            under, nothing = frozen(x, t, concept).sample, frozen(x, t, empty).sample
    return under - eta * (under - nothing)


def ca_loss(student, x, t, named, anchored):
    """Mean square between the student under the concept and the student, as a constant, under the anchor."""
    own = student(x, t, named).sample
    with torch.no_grad():
        target = student(x, t, anchored).sample
    return F.mse_loss(own, target)


def noise_loss(student, x, t, condition, noise):
    """The diffusion loss."""
    return F.mse_loss(student(x, t, condition).sample, noise)


def truncated(loss, bound):
    """The loss, divided by its own value above the bound."""
    return loss / loss.detach() if loss.item() > bound else loss


def restricted(forget, retain, alpha):
    """Both gradients as flat vectors, each without what works against the other, added."""
    onto = lambda grad, other: grad - min(0.0, (torch.dot(grad, other) / torch.norm(other) ** 2).item()) * other  # noqa: E731
    return onto(forget, retain) + alpha * onto(retain, forget)


class Job:
    """One training, taken from checkpoint to checkpoint."""

    def __init__(self, folder, settings):
        self.folder, self.set, variant = Path(folder), settings, settings["variant"]
        self.saving = variant == "same-savings"
        self.keeps_latents, self.solves = self.saving or variant == "kept-latents", self.saving or variant == "solver"
        self.done, self.left, self.pipeline = 0, list(settings["checkpoints"]), None
        self.levels, self.pictures = [], {}
        self.draws = load_file(settings["draws"]) if "draws" in settings else None

    @staticmethod
    def prepare(folder, settings):
        """Latents, noise and times for the check of parity."""
        generator, shape = torch.Generator().manual_seed(21), settings["latents"]
        write(folder / "inputs.safetensors", {
            "x": drawn(generator, *shape), "noise": drawn(generator, *shape),
            "t": torch.randint(0, 1000, shape[:1], generator=generator).float()})

    def load(self):
        """The model, what may move, and the optimiser; part of the first checkpoint's time, as it is of our program's."""
        random.seed(self.set["seed"])
        torch.manual_seed(self.set["seed"] + (TWIN if self.set["variant"] == "twin" else 0))
        self.pipeline = StableDiffusionPipeline.from_pretrained(self.set["model"])
        self.pipeline.set_progress_bar_config(disable=True)
        config = self.pipeline.scheduler.config
        self.pipeline.scheduler = DDIMScheduler.from_config(config, clip_sample=False, set_alpha_to_one=False)
        if self.solves and "solver_steps" in self.set:  # only the picture counts
            self.pipeline.scheduler = DPMSolverMultistepScheduler.from_config(config)
        self.noising = DDPMScheduler.from_config(config)
        self.texts = Texts(self.pipeline, self.saving)
        for part in (self.pipeline.text_encoder, self.pipeline.vae, self.pipeline.unet):
            part.requires_grad_(False)
        self.student = self.pipeline.unet
        if self.set["method"] == "esd":  # draws with the model as it was
            self.student = type(self.student).from_pretrained(self.set["model"], subfolder="unet").requires_grad_(False)
        self.moving = [w for name, w in self.student.named_parameters() if self.moves(name)]
        for weight in self.moving:
            weight.requires_grad_(True)
        self.optimizer = torch.optim.Adam(self.moving, lr=self.set["learning_rate"])

    def moves(self, name):
        """Whether a weight is trained: ESD-x, keys and values, or all."""
        if self.set["method"] == "esd":
            return "attn2" in name
        return self.set["method"] == "rg" or "attn2.to_k" in name or "attn2.to_v" in name

    def run(self):
        """To the next checkpoint, saved as a UNet folder; the model's other parts do not change."""
        if self.pipeline is None:
            self.load()
        until = self.left.pop(0)
        step = getattr(self, self.set["method"])
        while self.done < until:
            step()
            self.done += 1
        self.student.save_pretrained(self.folder / f"{until}/unet")

    def descend(self, loss):
        """Backward and update."""
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    # ESD

    def esd(self):
        """A step on latents of one level of a sampling by the frozen model."""
        steps, batch = self.set["sampling_steps"], self.set["batch"]
        call = random.randrange(steps) if self.draws is None else self.draws["source.call"][self.done].item()
        if not self.saving:
            self.prompt = random.choice(self.set["prompts"])
            x = self.walk(call)[-1]
        else:
            if self.done % self.set["pairs"] == 0:
                self.prompt = random.choice(self.set["prompts"])
                self.levels = self.walk(steps - 1)
            x = self.levels[call]
        t = self.pipeline.scheduler.timesteps[call]
        concept, empty = self.texts([self.prompt] * batch), self.texts([""] * batch)
        target = esd_target(self.pipeline.unet, x, t, concept, empty, self.set["eta"], self.saving)
        self.descend(esd_loss(self.student, x, t, concept, target))

    def walk(self, calls):
        """Latents at the first levels of a guided sampling, noisiest first."""
        scheduler, batch = self.pipeline.scheduler, self.set["batch"]
        scheduler.set_timesteps(self.set["sampling_steps"])
        both = torch.cat([self.texts([""] * batch), self.texts([self.prompt] * batch)])
        levels = [self.beginning(batch)]
        with torch.no_grad():
            for t in scheduler.timesteps[:calls]:
                nothing, concept = self.pipeline.unet(torch.cat([levels[-1]] * 2), t, both).sample.chunk(2)
                guided = nothing + self.set["guidance"] * (concept - nothing)
                levels.append(scheduler.step(guided, t, levels[-1]).prev_sample)
        return levels

    def beginning(self, batch):
        """Noise: our program's, where it begins a sampling at the same step."""
        sampling, later = divmod(self.done, self.set["pairs"])
        return torch.randn(self.shape(batch)) if self.draws is None or later else self.draws["source.initial"][sampling]

    def shape(self, batch):
        """Of latents."""
        config = self.pipeline.unet.config
        return batch, config.in_channels, config.sample_size, config.sample_size

    # Concept ablation

    def ca(self):
        """A step on noised pictures of the anchor."""
        x, t, _, rows = self.noised("anchor")
        named, anchored = self.texts([self.set["prompts"][row] for row in rows]), self.texts([self.set["anchor"][row] for row in rows])
        self.descend(ca_loss(self.student, x, t, named, anchored))

    # Restricted gradient

    def rg(self):
        """A step up on the concept and down on the rest, without conflict."""
        forget = self.gradient("prompts", lambda loss: -truncated(loss, self.set["truncate"]))
        retain = self.gradient("retain", lambda loss: loss)
        whole, at = restricted(forget, retain, self.set["alpha"]), 0
        for weight in self.moving:
            weight.grad = whole[at:at + weight.numel()].view_as(weight)
            at += weight.numel()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def gradient(self, side, of):
        """The flat gradient of one side's diffusion loss."""
        x, t, noise, rows = self.noised(side)
        of(noise_loss(self.student, x, t, self.texts([self.set[side][row] for row in rows]), noise)).backward()
        flat = torch.cat([weight.grad.flatten() for weight in self.moving])
        self.optimizer.zero_grad(set_to_none=True)
        return flat

    # Pictures that the model draws before the first step

    def noised(self, side):
        """Latents of some pictures with the noise of random times, their times, the noise, and the rows of their prompts."""
        if side not in self.pictures:
            self.pictures[side] = self.draw(side)
        given = None if self.draws is None else [self.draws[f"{SOURCES[side]}.{what}"][self.done] for what in ("rows", "times", "noise")]
        every, batch = self.pictures[side], self.set["batch"]
        chosen = [every[row] for row in given[0]] if given else random.choices(every, k=batch)
        latents = torch.cat([picture if self.keeps_latents else self.read(picture) for picture, _ in chosen])
        if not self.keeps_latents:
            with torch.no_grad():
                latents = self.pipeline.vae.encode(latents).latent_dist.sample() * self.pipeline.vae.config.scaling_factor
        noise = given[2] if given else torch.randn_like(latents)
        t = given[1] if given else torch.randint(0, self.noising.config.num_train_timesteps, (batch,))
        return self.noising.add_noise(latents, noise, t), t, noise, [row for _, row in chosen]

    def draw(self, side):
        """Equally many pictures of every prompt of a side: files as the releases keep them, or latents."""
        texts = self.set[side]
        repeats = max(1, -(-self.set["pictures"] // len(texts)))
        rows = [row for row in range(len(texts)) for _ in range(repeats)]
        if self.draws is not None and self.set["method"] == "rg":  # our program draws scenes of all in turn
            rows = [number % len(texts) for number in range(len(rows))]
        size, made = OUR_BATCH if self.saving else RELEASED_BATCH[self.set["method"]], []
        for start in range(0, len(rows), size):
            some = rows[start:start + size]
            noise = None if self.draws is None else self.draws[f"{SOURCES[side]}.initial"][start:start + size]
            pictures = self.sample([texts[row] for row in some], noise)
            for number, (picture, row) in enumerate(zip(pictures, some)):
                if not self.keeps_latents:
                    path = self.folder / f"pictures/{side}-{start + number}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    picture.save(path)
                    picture = path
                made.append((picture, row))
        return made

    def sample(self, prompts, noise):
        """One batch, from given noise or some of its own: pictures, or their latents as rows."""
        steps = self.set["solver_steps" if self.solves else "sampling_steps"]
        more = {"num_inference_steps": steps, "guidance_scale": self.set["guidance"], "latents": noise}
        if not self.keeps_latents:
            return self.pipeline(prompts, **more).images
        empty = self.texts([""] * len(prompts))
        latents = self.pipeline(
            prompt_embeds=self.texts(prompts), negative_prompt_embeds=empty, output_type="latent", **more).images
        return latents.split(1)

    @staticmethod
    def read(path):
        """A picture as the encoder takes it, (1, 3, height, width)."""
        values = np.asarray(Image.open(path).convert("RGB"), dtype=np.float32) / 127.5 - 1.0
        return torch.from_numpy(values).permute(2, 0, 1)[None]

    def check(self):
        """The loss of either method on given latents, times and noise, before any step: ESD, ablation, ascent, descent."""
        self.load()
        for name, tensor in load_file(self.folder / "inputs.safetensors").items():
            setattr(self, name, tensor)
        rows = range(len(self.t))
        take = lambda texts: self.texts([texts[row % len(texts)] for row in rows])  # noqa: E731
        concept, empty, anchored, unet = take(self.set["prompts"]), take([""]), take(self.set["anchor"]), self.pipeline.unet
        target = esd_target(unet, self.x, self.t, concept, empty, self.set["eta"], self.saving)
        ascent = -truncated(noise_loss(unet, self.x, self.t, concept, self.noise), self.set["truncate"])
        descent = noise_loss(unet, self.x, self.t, anchored, self.noise)
        losses = [esd_loss(unet, self.x, self.t, concept, target), ca_loss(unet, self.x, self.t, concept, anchored), ascent, descent]
        self.pipeline = None
        return [loss.item() for loss in losses]
