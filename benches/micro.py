"""One operator at a time, as diffusers and PyTorch compute it."""

import torch
import torch.nn.functional as F
from common import drawn, some, write
from safetensors.torch import load_file


class Micro:
    """An operator with its inputs."""

    def __init__(self, folder, settings):
        self.settings = settings
        self.inputs = load_file(folder / "inputs.safetensors")
        self.leaves = [name for name in self.inputs if name not in ("g", "targets")]
        if settings["op"] == "adamw":
            self.weight = torch.nn.Parameter(self.inputs["w"])
            self.optimizer = torch.optim.AdamW([self.weight], lr=1e-3, weight_decay=0.01, fused=True)

    @staticmethod
    def prepare(folder, settings):
        """Random inputs of the shapes in the case."""
        generator = torch.Generator().manual_seed(7)
        tensors = {}
        for name, shape in settings["shapes"].items():
            if name == "targets":
                tensors[name] = torch.randint(0, settings["shapes"]["x"][1], shape, generator=generator)
            else:
                scale = shape[1:] and torch.tensor(shape[1:]).prod().item() ** -0.5 if name in ("kernel", "weight") else 1
                tensors[name] = drawn(generator, *shape) * scale
        write(folder / "inputs.safetensors", tensors)

    def forward(self, at):
        """The operator on tensors by name."""
        op, x = self.settings["op"], at.get("x")
        if op == "conv2d":
            return F.conv2d(x, at["kernel"], at.get("bias"), self.settings["stride"], self.settings["padding"])
        if op == "group-norm":
            return F.silu(F.group_norm(x, self.settings["groups"], at["gamma"], at["bias"], 1e-5))
        if op == "upsample":
            return F.interpolate(x, scale_factor=2.0, mode="nearest")
        if op == "linear":
            return F.linear(x, at["weight"], at.get("bias"))
        if op == "layer-norm":
            return F.layer_norm(x, x.shape[-1:], at["gamma"], at["bias"], 1e-5)
        if op == "rms-norm":
            return F.rms_norm(x, x.shape[-1:], at["gamma"], 1e-5)
        if op == "swiglu":
            gate, value = x.chunk(2, dim=-1)
            return F.silu(gate) * value
        if op == "geglu":
            value, gate = x.chunk(2, dim=-1)
            return value * F.gelu(gate)
        if op == "cross-entropy":
            return F.cross_entropy(x, at["targets"])
        heads = self.settings["heads"]
        q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (x, at["k"], at["v"]))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.settings.get("causal", False))
        return mixed.transpose(1, 2).flatten(2)

    def once(self):
        """Output and gradients by name."""
        if self.settings["op"] == "adamw":
            self.weight.grad = self.inputs["g"]
            self.optimizer.step()
            return self.weight, {}
        if not self.settings["backward"]:
            with torch.no_grad():
                return self.forward(self.inputs), {}
        at = {name: tensor.detach().requires_grad_(name in self.leaves) for name, tensor in self.inputs.items()}
        out = self.forward(at)
        (out * at["g"] if "g" in at else out).sum().backward()
        return out, {name: at[name].grad for name in self.leaves}

    def run(self):
        """Once."""
        self.once()

    def check(self):
        """x's gradient first, the others by name."""
        out, gradients = self.once()
        names = sorted(gradients, key=lambda name: (name != "x", name))
        return sum((some(gradients[name]) for name in names), some(out))
