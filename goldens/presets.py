"""What whole methods descend, in f64, on a noise-predicting and on a v-predicting model: the losses of either side as the paper
adds them up, and the one gradient that is made of them.

Each side has noised pictures of its own, so that a loss on the wrong side shows. The concept is "red fox", its superclass "dog",
its neighbour "cat"; the student has moved as in `objectives.py`. Gradients are those of the few weights that are seen, as far as the
method trains them; products of gradients are over these.
"""

from dataclasses import dataclass, field
from typing import Callable

import torch
from common import save_json, save_tensors
from erasure import restricted
from networks import encode
from objectives import NAME, Scene, square
from updates import ETA, combined, dot, plus

BLOCK = "down_blocks.0.attentions.0.transformer_blocks.0"
SEEN = [f"{BLOCK}.attn1.to_out.0.bias", f"{BLOCK}.attn2.to_k.weight", f"{BLOCK}.attn2.to_out.0.bias",
        f"{BLOCK}.attn2.to_q.weight", f"{BLOCK}.attn2.to_v.weight", "conv_out.bias", "down_blocks.0.resnets.0.conv1.bias",
        "down_blocks.0.resnets.0.norm1.weight", "time_embedding.linear_1.bias"]
TIMES = {"retain": [310, 560], "relearn": [60, 890]}
FOX, CAT, DOG, KEPT = ("a red fox",) * 2, ("a cat",) * 2, ("a dog",) * 2, ("a cat", "a dog")
BARE, NOTHING = (NAME,) * 2, ("",) * 2
PHOTO_FOX, PHOTO_DOG = ("a photo of a red fox",) * 2, ("a photo of a dog",) * 2


class Side:
    """Two noised pictures, and the texts that they are shown under."""

    def __init__(self, scene, noised, texts):
        self.scene, self.texts = scene, texts
        self.t, self.x, self.target = noised

    def say(self, texts):
        """The conditions of two texts, or of those of this side."""
        with torch.no_grad():
            return self.scene.text(encode(self.scene.pipeline, list(texts or self.texts)))[0]

    def own(self, texts=None):
        """The student's prediction."""
        return self.scene.student(self.x, self.t, self.say(texts)).sample

    def old(self, texts=None):
        """The original's, a constant."""
        with torch.no_grad():
            return self.scene.original(self.x, self.t, self.say(texts)).sample


def noised(side):
    """The diffusion loss."""
    return square(side.own(), side.target)


def guided(side):
    """The diffusion loss of a guided prediction, as SalUn's release has it."""
    return square((1 + 7.5) * side.own() - 7.5 * side.own(NOTHING), side.target)


def reversed(eta, start=NOTHING):
    """ESD: guidance away from the concept, by the original."""
    return lambda side: square(side.own(), side.old(start) - eta * (side.old() - side.old(NOTHING)))


def matched(texts):
    """The student's own prediction under other texts, as a constant."""
    return lambda side: square(side.own(), side.own(texts).detach())


def held(side, texts=None):
    """Where the original was."""
    return square(side.own(texts), side.old(texts))


def ascended(bound):
    """The negative of the diffusion loss; above the bound divided by its own value."""
    def loss(side):
        value = noised(side)
        return -value / (value.detach() if value > bound else 1.0)
    return loss


def elastic(side, weights):
    """Half of F (theta - theta*)^2; F is the mean square of the gradients of the diffusion loss at theta*, picture by picture."""
    was = dict(side.scene.original.named_parameters())
    fisher = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for row in range(2):
        only = slice(row, row + 1)
        found = side.scene.original(side.x[only], side.t[only], side.say(None)[only]).sample
        slopes = torch.autograd.grad(square(found, side.target[only]), [was[name] for name in weights])
        for name, slope in zip(weights, slopes):
            fisher[name] += slope ** 2 / 2
    return 0.5 * sum((fisher[name] * (weight - was[name].detach()) ** 2).sum() for name, weight in weights.items())


@dataclass
class Part:
    """A loss of one side: which pictures, what texts they are drawn for and shown under."""

    loss: Callable
    drawn: tuple = FOX
    under: tuple = None
    pictures: str = None
    negative: str = None


@dataclass
class Preset:
    """A method with settings, what it trains, and what it descends."""

    method: str
    forget: Part
    retain: Part = None
    relearn: Part = None
    moves: Callable = lambda name: True
    settings: dict = field(default_factory=dict)
    survey: Callable = None
    joined: Callable = lambda forget, retain=None, relearn=None: plus(forget, retain, 1) if retain else forget


def each(texts):
    """Texts without repetition."""
    return list(dict.fromkeys(texts))


def cross(name):
    """Cross-attention."""
    return ".attn2." in name


def inputs(name):
    """Its keys and values."""
    return name.endswith(("attn2.to_k.weight", "attn2.to_v.weight"))


def theorem(forget, retain):
    """The restricted gradient."""
    assert dot(forget, retain) < 0, "they conflict"
    names = range(len(forget))
    return list(restricted(dict(zip(names, forget)), dict(zip(names, retain))).values())


def turned(forget, retain, relearn):
    """GEM's step: the relearning loss must not fall, so the memory is the negative of its gradient."""
    assert dot(plus(forget, retain, 1), relearn) > 0, "it would fall"
    return dict(combined(forget, retain, [-x for x in relearn]))["gem"]


def presets(scene):
    """Name of each preset with all that it is, from the papers and their releases."""
    diffusion = noised(Side(scene, scene.noised(2001, [120, 740]), FOX)).item()
    below, above = round(1.03 * diffusion, 4), round(0.97 * diffusion, 4)
    # ESD, arXiv 2303.07345, equation 7; the release of 2025 starts at the concept, and its norms stay.
    yield "esd", Preset("esd", Part(reversed(1.0), BARE), moves=cross)
    still = (".attn2.", "norm1.", "norm2.", "norm3.", "norm_out.", ".norm.")
    yield "esd.2025", Preset(
        "esd", Part(reversed(2.0, BARE), BARE), settings={"release": "diffusers", "variant": "u"},
        moves=lambda name: not any(part in name for part in still))
    # Concept ablation, arXiv 2303.13516, equations 4 and 5: pictures of the anchor under the concept's prompt.
    yield "ca", Preset("ca", Part(matched(DOG), DOG, FOX), moves=inputs)
    yield "ca.noise", Preset("ca", Part(noised, DOG, FOX), moves=inputs, settings={"variant": "noise"})
    # SDD, arXiv 2307.05977.
    yield "sdd", Preset("sdd", Part(matched(NOTHING), BARE), moves=cross)
    # SalUn, arXiv 2310.12508: random labels, and the rest at half.
    yield "salun", Preset("salun", Part(matched(CAT)), Part(lambda side: 0.5 * noised(side), KEPT), survey=guided)
    # Sculpting Memory, arXiv 2504.09039; its release loses the distillation.
    aligned = lambda side: 0.25 * noised(side)  # noqa: E731
    pulled = Part(matched(PHOTO_DOG), PHOTO_FOX)
    yield "sculpting", Preset(
        "sculpting", pulled, Part(lambda side: aligned(side) + 0.25 * held(side), PHOTO_DOG, negative=NAME),
        moves=cross, survey=noised)
    yield "sculpting.release", Preset(
        "sculpting", pulled, Part(aligned, PHOTO_DOG, negative=NAME), moves=cross, settings={"distil": 0.0}, survey=noised)
    # AdvAnchor, arXiv 2501.00054: the shifted concept by the original; the blank prompt stays, on the same pictures.
    yield "advanchor", Preset(
        "advanchor", Part(lambda side: square(side.own(), scene.anchored())),
        Part(lambda side: 10.0 * held(side, DOG), pictures="forget"), moves=cross)
    # EraseDiff, arXiv 2401.05779: the retain loss, and the forget loss lambda times, or by their conflict.
    away, stays = Part(matched(CAT)), Part(noised, KEPT)
    others = lambda name: not cross(name)  # noqa: E731
    yield "erasediff", Preset("erasediff", away, stays, moves=others)
    yield "erasediff.lambda", Preset(
        "erasediff", away, stays, moves=others, settings={"lambda": 0.7},
        joined=lambda forget, retain: plus(retain, forget, 0.7))
    yield "erasediff.adaptive", Preset(
        "erasediff", away, stays, moves=others, settings={"eta": ETA},
        joined=lambda forget, retain: dict(combined(forget, retain, forget))["bilevel"])
    # Scissorhands, arXiv 2401.06187, in a step that looks back.
    yield "scissorhands", Preset(
        "scissorhands", Part(lambda side: 0.1 * matched(CAT)(side)), stays, Part(noised), settings={"every": 1}, joined=turned)
    # Selective Amnesia, arXiv 2305.10120: other pictures under the concept's prompt, replay, and elastic weights.
    weights = {name: weight for name, weight in scene.student.named_parameters() if name in SEEN}
    yield "sa", Preset(
        "sa", Part(noised, DOG, FOX), Part(lambda side: 0.8 * noised(side) + 1e4 * elastic(side, weights), KEPT),
        settings={"lambda": 1e4, "replay": 0.8, "survey": 1})
    # Restricted gradient, arXiv 2412.07808: ascent below and above its bound.
    for name, bound in (("rg", below), ("rg.truncated", above)):
        yield name, Preset(
            "rg", Part(ascended(bound)), stays, joined=theorem,
            settings={"alpha": 1.6, "truncate": bound, "uniform": True, "pictures": 2})
    # Forget-Me-Not, arXiv 2303.17591, and MACE's adapters, arXiv 2403.06135: the norm of attention to the name, and its square.
    looks = lambda side: sum((a ** 2).sum() for a in scene.looked())  # noqa: E731
    yield "fmn", Preset("fmn", Part(lambda side: looks(side).sqrt()), moves=cross)
    yield "mace", Preset("mace", Part(looks), moves=inputs)
    # Meta-unlearning, arXiv 2410.12777, and ResAlign, arXiv 2507.16302: what their wrappers are put around.
    yield "meta", Preset("meta", Part(reversed(3.0), BARE), Part(lambda side: 0.1 * noised(side), KEPT), Part(noised))
    for name, bound in (("resalign", below), ("resalign.truncated", above)):
        yield name, Preset(
            "resalign", Part(ascended(bound)), Part(lambda side: 1.6 * held(side), KEPT), Part(noised, KEPT),
            settings={"truncate": bound})


def descended(scene, batches, preset):
    """Losses and texts of every side, the weights that move, and the gradient that is made of all sides."""
    named = dict(scene.student.named_parameters())
    names = [name for name in SEEN if preset.moves(name)]
    sides, slopes = {}, {}
    for at in ("forget", "retain", "relearn"):
        if (part := getattr(preset, at)) is None:
            continue
        side = Side(scene, batches[part.pictures or at], part.under or part.drawn)
        loss = part.loss(side)
        found = torch.autograd.grad(loss, [named[name] for name in names], allow_unused=True)
        slopes[at] = [torch.zeros_like(named[name]) if g is None else g for name, g in zip(names, found)]
        sides[at] = {"loss": loss.item()}
        if part.pictures is None:
            sides[at] |= {"drawn": each(part.drawn), "under": each(side.texts)}
        if part.negative:
            sides[at]["negative"] = part.negative
    if preset.joined is not turned:
        slopes.pop("relearn", None)
    said = {"method": preset.method, "settings": preset.settings, "sides": sides}
    if preset.survey:
        said["survey"] = preset.survey(Side(scene, batches["forget"], preset.forget.drawn)).item()
    return said, dict(zip(names, preset.joined(**slopes)))


def write(pipeline, path):
    """Two more batches, and every preset."""
    scene = Scene(pipeline)
    batches = {"forget": (scene.t, scene.x, scene.target)}
    batches |= {side: scene.noised(seed, TIMES[side]) for side, seed in (("retain", 2017), ("relearn", 2021))}
    tensors = {f"batch.{side}/{part}": batches[side][place] for side in TIMES for place, part in ((1, "x"), (2, "target"))}
    said = {}
    for name, preset in presets(scene):
        said[name], step = descended(scene, batches, preset)
        tensors |= {f"{name}/{place}": gradient for place, gradient in step.items()}
    save_tensors(path, {name: tensor.float() for name, tensor in tensors.items()})
    save_json(path.with_suffix(".json"), {"presets": said, "seen": SEEN, "times": TIMES})
