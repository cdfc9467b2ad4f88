"""Reference masks: which places of two small weights may move after a sequence of gradients.

Saliency: arXiv 2310.12508, the largest sums over both weights together. Dynamic: arXiv 2504.09039, each
weight by itself, exchanges counted with the warm-up. SelFT: arXiv 2511.07970, the largest products of a weight and its summed
gradient. Trimming: arXiv 2401.06187, the largest products of a weight and its summed sizes of gradients, drawn anew where they
lie in the part that may be reset.
"""

import numpy as np
from common import save_json

SHAPES = {"a": (5, 6), "b": (17,)}
RESET = "b"
SHARE, WARM_UP, STEPS, INTERVAL, TURNOVER, UNTIL = 0.4, 3, 20, 4, 0.4, 0.8


def gradients():
    """One dictionary a step; in f32, so that sums are compared and not roundings."""
    draw = np.random.default_rng(3001)
    once = lambda: {name: draw.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}  # noqa: E731
    return [once() for _ in range(STEPS)]


def saliency(steps):
    """Places of the largest sums of the first steps."""
    sums = {name: sum(step[name] for step in steps[:WARM_UP]) for name in SHAPES}
    sizes = np.sort(np.abs(np.concatenate([s.ravel() for s in sums.values()])))[::-1]
    least = sizes[max(1, int(SHARE * sizes.size)) - 1]
    return {name: (np.abs(s) >= least).astype(int).ravel().tolist() for name, s in sums.items()}


def weights():
    """What the gradients are taken at, of either sign and of very different sizes."""
    draw = np.random.default_rng(3002)
    return {name: (draw.standard_normal(shape) ** 3).astype(np.float32) for name, shape in SHAPES.items()}


def largest(scores):
    """1 at the places of the largest scores over all weights together."""
    sizes = np.sort(np.concatenate([score.ravel() for score in scores.values()]))[::-1]
    least = sizes[max(1, int(SHARE * sizes.size)) - 1]
    return {name: (score >= least).astype(int).ravel().tolist() for name, score in scores.items()}


def selft(steps):
    """Places that may move: signs cancel in the sum."""
    return largest({name: np.abs(sum(step[name] for step in steps[:WARM_UP]) * w) for name, w in weights().items()})


def trim(steps):
    """Places that are drawn anew: nothing cancels, and only one of the weights may be reset."""
    sums = {name: sum(np.abs(step[name]) for step in steps[:WARM_UP]) for name in SHAPES}
    chosen = largest({name: np.abs(sums[name] * w) for name, w in weights().items()})
    return {RESET: chosen[RESET]}


def dynamic(steps):
    """The mask after the warm-up and after every exchange."""
    zeros = lambda: {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}  # noqa: E731
    masks, seen, sums = {}, {}, zeros()
    for done, step in enumerate(steps, start=1):
        for name in SHAPES:
            sums[name] = sums[name] + step[name]
        if done == WARM_UP:
            for name, s in sums.items():
                least = np.sort(np.abs(s).ravel())[::-1][max(1, int(SHARE * s.size)) - 1]
                masks[name] = (np.abs(s) >= least).astype(int).ravel()
        elif done > WARM_UP and done % INTERVAL == 0 and done < UNTIL * STEPS:
            share = TURNOVER * 0.5 * (1 + np.cos(np.pi * done / STEPS))
            for name, s in sums.items():
                exchange(masks[name], np.abs(s).ravel(), share)
        else:
            continue
        seen[str(done)] = {name: mask.tolist() for name, mask in masks.items()}
        sums = zeros()
    return seen


def exchange(mask, sizes, share):
    """The least of the movable for the largest of the others, in place."""
    on, off = np.flatnonzero(mask == 1), np.flatnonzero(mask == 0)
    n = max(1, int(share * on.size))
    mask[on[np.argsort(sizes[on])[:n]]] = 0
    mask[off[np.argsort(-sizes[off])[:n]]] = 1


def write(path):
    """Gradients and masks in one file."""
    steps = gradients()
    listed = [{name: [float(x) for x in g.ravel()] for name, g in step.items()} for step in steps]
    save_json(path, {
        "gradients": listed, "shapes": {name: list(shape) for name, shape in SHAPES.items()},
        "share": SHARE, "warm_up": WARM_UP, "interval": INTERVAL, "turnover": TURNOVER, "until": UNTIL,
        "weights": {name: [float(x) for x in w.ravel()] for name, w in weights().items()},
        "saliency": saliency(steps), "dynamic": dynamic(steps), "selft": selft(steps), "trim": trim(steps)})
