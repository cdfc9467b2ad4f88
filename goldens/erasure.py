"""Reference values of two ways to forget, in f64: ESD's loss and gradient, UCE's closed form.

ESD: arXiv 2303.07345, equation 7. UCE: arXiv 2308.14761, equation 7, one embedding a concept (its last subject token).
"""

import copy

import torch
from common import normal, save_json, save_tensors
from networks import encode

CONCEPT, SUPERCLASS = "a red fox", "a dog"
ERASE, KEEP = [("fox", "dog"), ("guitar", "")], ["cat", "blue car"]
ETA, LAMBDA = 1.0, 0.5


def esd(pipeline):
    """Loss and the gradients of every cross-attention weight at one noised latent batch."""
    student, teacher = copy.deepcopy(pipeline.unet).double(), copy.deepcopy(pipeline.unet).double()
    x, t = normal(1001, 2, 4, 8, 8).double(), torch.tensor([120, 740])
    text = copy.deepcopy(pipeline.text_encoder).double()
    # The student has moved a little, as after some steps: at the start its own part of the loss would be hidden.
    with torch.no_grad():
        for index, (name, weight) in enumerate(sorted(student.named_parameters())):
            if ".attn2." in name:
                weight.add_(0.02 * normal(1100 + index, *weight.shape).double())
        concept, nothing = (text(encode(pipeline, [prompt] * 2))[0] for prompt in (CONCEPT, ""))
        seen, unseen = teacher(x, t, concept).sample, teacher(x, t, nothing).sample
        target = unseen - ETA * (seen - unseen)
    loss = torch.nn.functional.mse_loss(student(x, t, concept).sample, target)
    loss.backward()
    tensors = {"esd.x": x, "esd.t": t, "esd.target": target}
    for name, weight in student.named_parameters():
        if ".attn2." in name:
            tensors |= {f"esd.student/{name}": weight.detach(), f"esd.gradient/{name}": weight.grad}
    return loss.item(), tensors


def embedding(pipeline, text_encoder, phrase):
    """Hidden state of the phrase's last token; the first pad's place for an empty phrase, which is its end-of-text."""
    ids = pipeline.tokenizer(phrase).input_ids
    place = len(ids) - 2 if phrase else 1
    return place, text_encoder(encode(pipeline, [phrase]))[0][0, place]


def uce(pipeline):
    """Every attn2 key and value weight after the edit."""
    text, unet = copy.deepcopy(pipeline.text_encoder).double(), copy.deepcopy(pipeline.unet).double()
    phrases = sorted({phrase for pair in ERASE for phrase in pair} | set(KEEP))
    with torch.no_grad():
        found = {phrase: embedding(pipeline, text, phrase) for phrase in phrases}
        vectors = {phrase: vector for phrase, (_, vector) in found.items()}
        tensors = {}
        for name, weight in unet.named_parameters():
            if name.endswith(("attn2.to_k.weight", "attn2.to_v.weight")):
                tensors[f"uce/{name}"] = closed_form(weight, vectors)
    return {phrase: place for phrase, (place, _) in found.items()}, tensors


def closed_form(weight, vectors):
    """W = (lambda W0 + sum v* c^T + sum W0 c c^T)(lambda I + sum c c^T)^-1."""
    left, right = LAMBDA * weight, LAMBDA * torch.eye(weight.shape[1], dtype=torch.float64)
    pairs = [*ERASE, *((phrase, phrase) for phrase in KEEP)]
    for phrase, guide in pairs:
        c = vectors[phrase]
        left = left + torch.outer(weight @ vectors[guide], c)
        right = right + torch.outer(c, c)
    return torch.linalg.solve(right.T, left.T).T


def write(pipeline, path):
    """One file for both."""
    loss, esd_tensors = esd(pipeline)
    places, uce_tensors = uce(pipeline)
    save_tensors(path, esd_tensors | uce_tensors)
    save_json(path.with_suffix(".json"), {
        "esd": {"concept": CONCEPT, "eta": ETA, "loss": loss},
        "uce": {"erase": ERASE, "keep": KEEP, "lambda": LAMBDA, "places": places}})
