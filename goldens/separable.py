"""A whole run of SepME (arXiv 2402.05947), in f64: its loss, the weight on the change, Adam held within a null space, early stop.

Keys and values start as the original's. A gradient loses what it has along the embeddings of protected texts, and so does the
step that Adam makes of it. The run ends when a running mean of the loss is low enough; the bound is set between two of its values.
"""

import copy

import torch
from common import save_json, save_tensors
from networks import encode
from objectives import CONCEPT, NAME, Scene

PROTECT = ["", "cat", "dog"]
RATE, BETA, DECAY, AFTER, STEPS, ENDS = 1e-3, 0.6, 0.5, 2, 8, 5


def free(scene):
    """The projector onto what no protected text's last token sees; the empty text's is its start."""
    rows = []
    with torch.no_grad():
        for text in PROTECT:
            place = len(scene.pipeline.tokenizer(text).input_ids) - 2
            rows.append(scene.text(encode(scene.pipeline, [text]))[0][0, place])
    rows = torch.stack(rows)
    return torch.eye(rows.shape[1], dtype=rows.dtype) - torch.linalg.pinv(rows) @ rows


def run(scene):
    """Running means of the loss, and after each step how far the weights have moved."""
    scene.student = copy.deepcopy(scene.original)
    chosen = lambda named: named[0].endswith(("attn2.to_k.weight", "attn2.to_v.weight"))  # noqa: E731
    weights = dict(filter(chosen, scene.student.named_parameters()))
    start = {name: weight.detach().clone() for name, weight in weights.items()}
    count = sum(weight.numel() for weight in weights.values())
    adam, space = torch.optim.Adam(weights.values(), lr=RATE), free(scene)
    means, seen = [], []
    for _ in range(STEPS):
        loss = ((scene.own(CONCEPT) - scene.own("")) * (scene.old(CONCEPT) - scene.old(""))).mean()
        change = sum((weight - start[name]).abs().sum() for name, weight in weights.items()) / count
        scene.student.zero_grad()
        (loss + BETA * change).backward()
        before = {name: weight.detach().clone() for name, weight in weights.items()}
        for weight in weights.values():
            weight.grad = weight.grad @ space
        adam.step()
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(before[name] + (weight - before[name]) @ space)
        means.append(DECAY * means[-1] + (1 - DECAY) * loss.item() if means else loss.item())
        seen.append({name: weight.detach() - start[name] for name, weight in weights.items()})
    return means, seen


def write(pipeline, path):
    """The change of a few matrices where the run ends, and the bound that ends it there."""
    means, seen = run(Scene(pipeline))
    assert all(a > b for a, b in zip(means, means[1:])), means
    few = sorted(seen[0])[:4]
    save_tensors(path, {f"change/{name}": seen[ENDS - 1][name].float() for name in few})
    save_json(path.with_suffix(".json"), {
        "rate": RATE, "beta": BETA, "decay": DECAY, "after": AFTER, "steps": STEPS, "ends": ENDS,
        "below": (means[ENDS - 2] + means[ENDS - 1]) / 2, "concept": CONCEPT, "name": NAME})
