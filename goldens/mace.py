"""Reference matrices of MACE's two closed forms, in f64 with dense inverses (arXiv 2403.06135).

Refinement: every token of a prompt but the name's own should read as it does with another name in the name's place; tokens
before the name and those behind it correspond in order, as far as both prompts go. Fusion: every token of a concept's prompts
should read as that concept's adapter has it. What is preserved counts in both. The adapters' changes are a formula.
"""

import copy

import numpy as np
import torch
from common import save_json, save_tensors
from networks import encode

TEMPLATE, CONCEPTS, PRESERVE = "a red {} on a hill", {"fox": "dog", "cat": "blue car"}, ["a blue house", "two birds"]
LAMBDA, SCALE = 0.02, 0.5


def place(tokenizer, prompt, name):
    """Where the name's tokens begin and end."""
    ids, wanted = tokenizer(prompt).input_ids, tokenizer(name).input_ids[1:-1]
    start = next(i for i in range(len(ids)) if ids[i:i + len(wanted)] == wanted)
    return start, start + len(wanted)


def around(pipeline, say, name, other):
    """Inputs and the inputs whose outputs they should have, as rows."""
    here, there = TEMPLATE.format(name), TEMPLATE.format(other)
    (start, end), (start2, end2) = place(pipeline.tokenizer, here, name), place(pipeline.tokenizer, there, other)
    with_name, without = say(here), say(there)
    behind = min(len(with_name) - end, len(without) - end2)
    assert start == start2
    return (np.concatenate([with_name[:start], with_name[end:end + behind]]),
            np.concatenate([without[:start], without[end2:end2 + behind]]))


def solve(old, inputs, outputs, weights):
    """argmin of sum of weights |W input - output|^2 + LAMBDA |W - old|^2; inputs and outputs are rows."""
    left = LAMBDA * old + (weights[:, None] * outputs).T @ inputs
    return left @ np.linalg.inv(LAMBDA * np.eye(old.shape[1]) + (weights[:, None] * inputs).T @ inputs)


def adapted(refined, number):
    """The refined matrix with the change of an adapter."""
    places = np.arange(refined.size)
    return refined + 0.1 * np.sin(1.0 + number + 0.7 * places).reshape(refined.shape)


def write(pipeline, path):
    """Two matrices, refined and fused."""
    text = copy.deepcopy(pipeline.text_encoder).double()
    say = lambda prompt: text(encode(pipeline, [prompt]))[0][0].detach().numpy()  # noqa: E731
    kept = np.concatenate([say(prompt) for prompt in PRESERVE])
    pairs = [around(pipeline, say, name, other) for name, other in CONCEPTS.items()]
    inputs, others = (np.concatenate(side) for side in zip(*pairs))
    prompts = [say(TEMPLATE.format(name)) for name in CONCEPTS]
    tensors = {}
    for name, weight in list(pipeline.unet.named_parameters()):
        if not name.endswith(("attn2.to_k.weight", "attn2.to_v.weight")) or len(tensors) == 4:
            continue
        old = weight.detach().double().numpy()
        scale = lambda count: np.concatenate([np.ones(count), np.full(len(kept), SCALE)])  # noqa: E731
        refined = solve(old, np.concatenate([inputs, kept]),
                        np.concatenate([others @ old.T, kept @ old.T]), scale(len(inputs)))
        goals = [said @ adapted(refined, number).T for number, said in enumerate(prompts)]
        fused = solve(refined, np.concatenate([*prompts, kept]), np.concatenate([*goals, kept @ old.T]),
                      scale(sum(map(len, prompts))))
        tensors |= {f"refined/{name}": torch.from_numpy(refined), f"fused/{name}": torch.from_numpy(fused)}
    save_tensors(path, tensors)
    save_json(path.with_suffix(".json"), {
        "template": TEMPLATE.format("{name}"), "concepts": CONCEPTS, "preserve": PRESERVE, "lambda": LAMBDA, "scale": SCALE})
