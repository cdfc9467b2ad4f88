"""UNet cases on diffusers' `UNet2DConditionModel`: a forward, a training step, a step of ESD-x."""

import copy
import os

import torch
import torch.nn.functional as F
from common import drawn, some, write
from diffusers import DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file

LEARNING_RATE = 1e-5
GUIDANCE, NEGATIVE_GUIDANCE = 3.0, 1.0


def prepare(folder, settings):
    """Random weights in a diffusers folder, and inputs."""
    torch.manual_seed(11)
    UNet2DConditionModel(**settings["unet"]).save_pretrained(folder / "unet")
    generator, batch = torch.Generator().manual_seed(12), settings["latents"][0]
    shape = (batch, settings["tokens"], settings["unet"]["cross_attention_dim"])
    write(folder / "inputs.safetensors", {
        "x": drawn(generator, *settings["latents"]), "noise": drawn(generator, *settings["latents"]),
        "t": torch.randint(0, 1000, (batch,), generator=generator).float(),
        "context": drawn(generator, *shape), "empty": drawn(generator, *shape)})


class Network:
    """A UNet in the mode of `BENCH_MODE`: eager, bf16 or compile."""

    prepare = staticmethod(prepare)

    def __init__(self, folder, settings):
        self.settings, self.mode = settings, os.environ.get("BENCH_MODE", "eager")
        self.unet = UNet2DConditionModel.from_pretrained(folder / "unet")
        self.unet.eval()
        self.predict = torch.compile(self.unet) if self.mode == "compile" else self.unet
        for name, tensor in load_file(folder / "inputs.safetensors").items():
            setattr(self, name, tensor)

    def forward(self, x, t, context, unet=None):
        """The model's output."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.mode == "bf16"):
            return (unet or self.predict)(x, t, context).sample.float()

    def train(self):
        """AdamW over the weights that the case lets move."""
        only = self.settings.get("trainable", "all")
        for name, weight in self.unet.named_parameters():
            weight.requires_grad_(only == "all" or f".{only}." in name)
        moving = [weight for weight in self.unet.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(moving, lr=LEARNING_RATE, weight_decay=0.01)

    def descend(self, loss):
        """Backward and update."""
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()


class Forward(Network):
    """One forward without gradients."""

    def run(self):
        """Once."""
        with torch.no_grad():
            self.out = self.forward(self.x, self.t, self.context)

    def check(self):
        """The output."""
        self.run()
        return some(self.out)


class Step(Network):
    """Noise-prediction loss, backward, AdamW."""

    def __init__(self, folder, settings):
        super().__init__(folder, settings)
        self.train()

    def run(self):
        """Once."""
        return self.descend(F.mse_loss(self.forward(self.x, self.t, self.context), self.noise))

    def check(self):
        """Losses of three steps."""
        return [self.run() for _ in range(3)]


class Esd(Network):
    """A step as the paper's loop writes it: a fresh partial trajectory, three predictions, one update (arXiv 2303.07345)."""

    def __init__(self, folder, settings):
        super().__init__(folder, settings)
        self.teacher = copy.deepcopy(self.unet).requires_grad_(False)
        self.train()
        self.scheduler = DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
            set_alpha_to_one=False, steps_offset=1)

    def trajectory(self):
        """The first steps of 50 under the concept, guided."""
        self.scheduler.set_timesteps(50)
        x, both = self.noise, torch.cat([self.empty, self.context])
        for t in self.scheduler.timesteps[: self.settings["trajectory"]]:
            nothing, concept = self.forward(torch.cat([x, x]), t, both).chunk(2)
            x = self.scheduler.step(nothing + GUIDANCE * (concept - nothing), t, x).prev_sample
        return x

    def run(self):
        """Once."""
        with torch.no_grad():
            x = self.trajectory()
            concept = self.forward(x, self.t, self.context, self.teacher)
            nothing = self.forward(x, self.t, self.empty, self.teacher)
        target = nothing - NEGATIVE_GUIDANCE * (concept - nothing)
        return self.descend(F.mse_loss(self.forward(x, self.t, self.context), target))

    def check(self):
        """Losses of two steps."""
        return [self.run() for _ in range(2)]
