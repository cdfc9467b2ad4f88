"""Reference values of ways to forget, in f64: ESD's and concept ablation's loss and gradient, UCE's and RECE's closed
forms, the restricted gradient.

ESD: arXiv 2303.07345, equation 7. UCE: arXiv 2308.14761, equation 7, one embedding a concept (its last subject token).
Concept ablation: arXiv 2303.13516, equation 4, the anchor's prediction by the student itself. Restricted gradient:
arXiv 2412.07808, theorem 4, on the gradients of the two losses before, turned against each other.
"""

import copy

import torch
from common import normal, save_json, save_tensors
from networks import encode

CONCEPT, SUPERCLASS = "a red fox", "a dog"
ERASE, KEEP = [("fox", "dog"), ("guitar", "")], ["cat", "blue car"]
ETA, LAMBDA, ALPHA = 1.0, 0.5, 1.6
ROUNDS, REGULARISER = 2, 0.1


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
    return loss.item(), tensors, ablation(student, text, pipeline, x, t)


def ablation(student, text, pipeline, x, t):
    """Concept ablation's loss and gradients at the same student."""
    student.zero_grad()
    with torch.no_grad():
        concept, anchor = (text(encode(pipeline, [prompt] * 2))[0] for prompt in (CONCEPT, SUPERCLASS))
        target = student(x, t, anchor).sample
    loss = torch.nn.functional.mse_loss(student(x, t, concept).sample, target)
    loss.backward()
    named = student.named_parameters()
    return loss.item(), {f"ca.gradient/{name}": weight.grad for name, weight in named if ".attn2." in name}


def restricted(forget, retain):
    """delta_f + alpha delta_r, over all weights together."""
    dot = lambda a, b: sum((a[name] * b[name]).sum() for name in a)  # noqa: E731
    across = dot(forget, retain)
    if across >= 0:
        return {name: forget[name] + ALPHA * retain[name] for name in forget}
    delta_f = {name: forget[name] - across / dot(retain, retain) * retain[name] for name in forget}
    delta_r = {name: retain[name] - across / dot(forget, forget) * forget[name] for name in forget}
    return {name: delta_f[name] + ALPHA * delta_r[name] for name in forget}


def joint(tensors):
    """The step of two gradients that point against each other."""
    side = lambda prefix: {n.removeprefix(prefix): g for n, g in tensors.items() if n.startswith(prefix)}  # noqa: E731
    forget, retain = side("esd.gradient/"), side("ca.gradient/")
    sign = -1.0 if sum((forget[name] * retain[name]).sum() for name in forget) > 0 else 1.0
    step = restricted(forget, {name: sign * gradient for name, gradient in retain.items()})
    return sign, {f"restricted/{name}": value for name, value in step.items()}


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


def rece(pipeline):
    """Every attn2 key and value weight after one edit and ROUNDS of revival and edit (arXiv 2407.12383)."""
    text, unet = copy.deepcopy(pipeline.text_encoder).double(), copy.deepcopy(pipeline.unet).double()
    with torch.no_grad():
        phrases = sorted({phrase for pair in ERASE for phrase in pair} | set(KEEP))
        vectors = {phrase: embedding(pipeline, text, phrase)[1] for phrase in phrases}
        old = {name: weight for name, weight in unet.named_parameters()
               if name.endswith(("attn2.to_k.weight", "attn2.to_v.weight"))}
        new = {name: closed_form(weight, vectors) for name, weight in old.items()}
        for _ in range(ROUNDS):
            width = next(iter(old.values())).shape[1]
            system = REGULARISER * torch.eye(width, dtype=torch.float64) + sum(w.T @ w for w in new.values())
            across = sum(new[name].T @ old[name] for name in old)
            revived = {phrase: torch.linalg.solve(system, across @ vectors[phrase]) for phrase, _ in ERASE}
            new = {name: closed_form(weight, vectors, revived) for name, weight in new.items()}
    return {f"rece/{name}": weight for name, weight in new.items()}


def closed_form(weight, vectors, revived=None):
    """W = (lambda W0 + sum v* c^T + sum W0 c c^T)(lambda I + sum c c^T)^-1; `revived` takes the erased ones' place as c."""
    left, right = LAMBDA * weight, LAMBDA * torch.eye(weight.shape[1], dtype=torch.float64)
    pairs = [((revived or vectors)[phrase], vectors[guide]) for phrase, guide in ERASE]
    for c, guide in pairs + [(vectors[phrase], vectors[phrase]) for phrase in KEEP]:
        left = left + torch.outer(weight @ guide, c)
        right = right + torch.outer(c, c)
    return torch.linalg.solve(right.T, left.T).T


def write(pipeline, path):
    """One file for both."""
    loss, esd_tensors, (ca_loss, ca_tensors) = esd(pipeline)
    sign, joint_tensors = joint(esd_tensors | ca_tensors)
    places, uce_tensors = uce(pipeline)
    save_tensors(path, esd_tensors | ca_tensors | joint_tensors | uce_tensors | rece(pipeline))
    save_json(path.with_suffix(".json"), {
        "esd": {"concept": CONCEPT, "eta": ETA, "loss": loss},
        "ca": {"anchor": SUPERCLASS, "loss": ca_loss},
        "restricted": {"alpha": ALPHA, "sign": sign},
        "rece": {"rounds": ROUNDS, "regulariser": REGULARISER},
        "uce": {"erase": ERASE, "keep": KEEP, "lambda": LAMBDA, "places": places}})
