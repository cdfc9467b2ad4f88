"""Whole unlearning jobs as the papers' released loops do them, on diffusers: `go` trains to the next checkpoint and saves it.

The variant `paper` keeps the loops of the releases: ESD a fresh partial sampling and two predictions of the frozen model each step
(rohitgandikota/erasing, `esd_sd.py`), concept ablation and restricted gradient pictures drawn to files by the pipeline, read and encoded
again each step, prompts too (nupurkmr9/concept-ablation, `diffusers/train.py`; reds-lab/Restricted_gradient_diversity_unlearning,
`nsfw_RGD.py`, without its pause of 0.1 s a step). The variant `same-savings` has every saving that our program has: pictures that no step looks at
are not drawn, those of a job that is `encoded` are encoded once, and those of others stay latents of DPM-Solver++.

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
OUR_BATCH = 32  # of pictures as small as those of the jobs
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
        self.keeps_latents = self.saving and not settings.get("encoded", False)
        self.done, self.left, self.pipeline = 0, list(settings["checkpoints"]), None
        self.levels, self.pictures, self.choices = [], {}, {}
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
        torch.manual_seed(self.set["seed"])
        self.pipeline = StableDiffusionPipeline.from_pretrained(self.set["model"])
        self.pipeline.set_progress_bar_config(disable=True)
        config = self.pipeline.scheduler.config
        self.pipeline.scheduler = DDIMScheduler.from_config(config, clip_sample=False, set_alpha_to_one=False)
        if self.keeps_latents and "solver_steps" in self.set:  # only the picture counts
            self.pipeline.scheduler = DPMSolverMultistepScheduler.from_config(config)
        self.noising = DDPMScheduler.from_config(config)
        self.texts = Texts(self.pipeline, self.saving)
        for part in (self.pipeline.text_encoder, self.pipeline.vae, self.pipeline.unet):
            part.requires_grad_(False)
        self.student = self.pipeline.unet
        if self.set["method"] == "esd" or self.saving:  # draws with the model as it was, after the first step too
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
        self.until = self.left.pop(0)
        step = getattr(self, self.set["method"])
        while self.done < self.until:
            step()
            self.done += 1
        self.student.save_pretrained(self.folder / f"{self.until}/unet")

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
        chosen = self.chosen(side, self.done)
        self.draw(side, chosen)
        latents = self.latents([self.pictures[side][number] for number in chosen], self.given(side, "encoding"))
        noise, t = self.given(side, "noise"), self.given(side, "times")
        noise = torch.randn_like(latents) if noise is None else noise
        t = torch.randint(0, self.noising.config.num_train_timesteps, (len(chosen),)) if t is None else t
        return self.noising.add_noise(latents, noise, t), t, noise, [self.row(side, number) for number in chosen]

    def given(self, side, what):
        """Random numbers of this step that our program drew, where there are such."""
        every = None if self.draws is None else self.draws.get(f"{SOURCES[side]}.{what}")
        return None if every is None else every[self.done]

    def chosen(self, side, step):
        """The numbers of the pictures that a step looks at."""
        if self.draws is not None:
            return self.draws[f"{SOURCES[side]}.rows"][step].tolist()
        choices = self.choices.setdefault(side, [])
        while len(choices) <= step:
            choices.append(random.choices(range(self.count(side)), k=self.set["batch"]))
        return choices[step]

    def count(self, side):
        """Pictures of a side: equally many of every prompt."""
        texts = len(self.set[side])
        return max(1, -(-self.set["pictures"] // texts)) * texts

    def row(self, side, number):
        """The prompt of a picture."""
        texts = len(self.set[side])
        # Our program draws the scenes of a restricted gradient in turn.
        return number % texts if self.set["method"] == "rg" else number // (self.count(side) // texts)

    def draw(self, side, chosen):
        """All pictures of a side before the first step, or those that steps look at from now on, as many as are drawn together."""
        made = self.pictures.setdefault(side, {})
        if not self.saving:
            wanted, size = (range(self.count(side)) if not made else []), RELEASED_BATCH[self.set["method"]]
        else:
            wanted, size = [number for number in dict.fromkeys(chosen) if number not in made], OUR_BATCH
            last, step = max(self.left + [self.until]), self.done + 1
            while 0 < len(wanted) < size and step < last:
                wanted += [number for number in dict.fromkeys(self.chosen(side, step)) if number not in made and number not in wanted]
                step += 1
        for start in range(0, len(wanted), size):
            some = wanted[start:start + size]
            noise = None if self.draws is None else self.draws[f"{SOURCES[side]}.initial"][list(some)]
            pictures = self.sample([self.set[side][self.row(side, number)] for number in some], noise)
            made |= dict(zip(some, self.kept(pictures, [f"{side}-{number}" for number in some])))

    def kept(self, pictures, names):
        """What becomes of pictures: latents stay as they are, distributions of latents, or files as the releases keep them."""
        if self.keeps_latents:
            return pictures
        if self.saving:
            mean, deviation = self.encode([self.pixels(picture) for picture in pictures])
            return list(zip(mean.split(1), deviation.split(1)))
        folder = self.folder / "pictures"
        folder.mkdir(parents=True, exist_ok=True)
        for picture, name in zip(pictures, names):
            picture.save(folder / f"{name}.png")
        return [folder / f"{name}.png" for name in names]

    def latents(self, pictures, unit):
        """The latents of pictures, (pictures, channels, height, width): draws where they were encoded, by `unit` noise where that is given."""
        if self.keeps_latents:
            return torch.cat(pictures)
        if self.saving:
            mean, deviation = (torch.cat(parts) for parts in zip(*pictures))
        else:
            mean, deviation = self.encode([self.pixels(Image.open(path).convert("RGB")) for path in pictures])
        unit = torch.randn_like(mean) if unit is None else unit
        return (mean + deviation * unit) * self.pipeline.vae.config.scaling_factor

    def encode(self, pixels):
        """Means and deviations of latents."""
        with torch.no_grad():
            known = self.pipeline.vae.encode(torch.cat(pixels)).latent_dist
        return known.mean, known.std

    def sample(self, prompts, noise):
        """One batch, from given noise or some of its own: pictures, or their latents as rows."""
        steps = self.set["solver_steps" if self.keeps_latents else "sampling_steps"]
        more = {"num_inference_steps": steps, "guidance_scale": self.set["guidance"], "latents": noise}
        if not self.saving:
            return self.pipeline(prompts, **more).images
        more |= {"prompt_embeds": self.texts(prompts), "negative_prompt_embeds": self.texts([""] * len(prompts))}
        made = self.pipeline(output_type="latent" if self.keeps_latents else "pil", **more).images
        return made.split(1) if self.keeps_latents else made

    @staticmethod
    def pixels(picture):
        """A picture as the encoder takes it, (1, 3, height, width)."""
        values = np.asarray(picture, dtype=np.float32) / 127.5 - 1.0
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
