"""A training step of a small language model of the Llama kind, written plainly: next-token loss, backward, AdamW."""

import os

import torch
import torch.nn.functional as F
from common import drawn, write
from safetensors.torch import load_file

LEARNING_RATE, EPS, BASE = 1e-5, 1e-6, 10000.0


def prepare(folder, settings):
    """Random weights of unit gain, tokens, and the angles of the rotary embedding."""
    generator, width, vocabulary = torch.Generator().manual_seed(13), settings["width"], settings["vocabulary"]
    dim = width // settings["heads"]
    narrow, inner = dim * settings["key_heads"], settings["inner"]
    shapes = {"embed.weight": (vocabulary, width), "norm.weight": (width,), "head.weight": (vocabulary, width)}
    for layer in range(settings["layers"]):
        shapes |= {f"layers.{layer}.{name}": shape for name, shape in {
            "norm1.weight": (width,), "q.weight": (width, width), "k.weight": (narrow, width), "v.weight": (narrow, width),
            "o.weight": (width, width), "norm2.weight": (width,), "gate_up.weight": (2 * inner, width),
            "down.weight": (width, inner)}.items()}
    weights = {name: drawn(generator, *shape) / shape[-1] ** 0.5 if len(shape) > 1 else torch.ones(shape)
               for name, shape in shapes.items()}
    write(folder / "weights.safetensors", weights)
    batch, tokens = settings["batch"], settings["tokens"]
    ids = torch.randint(0, vocabulary, (batch, tokens + 1), generator=generator)
    angles = torch.arange(tokens)[:, None] * BASE ** (-torch.arange(0, dim, 2) / dim)
    write(folder / "inputs.safetensors", {
        "ids": ids[:, :-1], "targets": ids[:, 1:].flatten(), "cos": angles.cos(), "sin": angles.sin()})


def turned(x, cos, sin):
    """Rotary embedding with the pairs that transformers makes; x (batch, heads, tokens, dim)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class Gpt:
    """The model in the mode of `BENCH_MODE`: eager, bf16 or compile."""

    prepare = staticmethod(prepare)

    def __init__(self, folder, settings):
        self.settings, self.mode = settings, os.environ.get("BENCH_MODE", "eager")
        self.weights = {name: weight.requires_grad_() for name, weight in load_file(folder / "weights.safetensors").items()}
        for name, tensor in load_file(folder / "inputs.safetensors").items():
            setattr(self, name, tensor)
        self.loss = torch.compile(self.plain) if self.mode == "compile" else self.plain
        self.optimizer = torch.optim.AdamW(self.weights.values(), lr=LEARNING_RATE, weight_decay=0.01)

    def block(self, x, layer):
        """Attention with grouped queries, then a gated unit."""
        weight = lambda name: self.weights[f"layers.{layer}.{name}.weight"]  # noqa: E731
        heads, width = self.settings["heads"], x.shape[-1:]
        split = lambda y: y.unflatten(-1, (-1, width[0] // heads)).transpose(1, 2)  # noqa: E731
        h = F.rms_norm(x, width, weight("norm1"), EPS)
        q, k, v = (split(F.linear(h, weight(name))) for name in "qkv")
        q, k = turned(q, self.cos, self.sin), turned(k, self.cos, self.sin)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + F.linear(seen.transpose(1, 2).flatten(2), weight("o"))
        gate, up = F.linear(F.rms_norm(x, width, weight("norm2"), EPS), weight("gate_up")).chunk(2, dim=-1)
        return x + F.linear(F.silu(gate) * up, weight("down"))

    def plain(self):
        """The mean next-token loss."""
        x = F.embedding(self.ids, self.weights["embed.weight"])
        for layer in range(self.settings["layers"]):
            x = self.block(x, layer)
        x = F.rms_norm(x, x.shape[-1:], self.weights["norm.weight"], EPS)
        return F.cross_entropy(F.linear(x, self.weights["head.weight"]).flatten(0, 1).float(), self.targets)

    def run(self):
        """Once."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.mode == "bf16"):
            loss = self.loss()
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()

    def check(self):
        """Losses of three steps."""
        return [self.run() for _ in range(3)]
