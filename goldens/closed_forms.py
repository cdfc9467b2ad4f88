"""Reference matrices of closed forms, in f64: SPEED and Double Projections, which act within a null space, and TIES.

SPEED: arXiv 2503.07392, its three steps with dense inverses, one embedding a text (its last subject token). The noise of the
neighbours is given, one number along the direction in which a matrix is smallest, so that nothing here is left to chance.
Double Projections (CVPR 2026): a basis U2 of the left null space by a full SVD; for one target the formula of the paper, for
several the pseudo-inverse in the place of x^T / |x|^2. TIES (arXiv 2306.01708): the mean of what agrees.
"""

import copy

import numpy as np
import torch
from common import save_json, save_tensors
from erasure import embedding
from networks import encode

ERASE = [("fox", "dog"), ("guitar", "")]
KEEP = ["cat", "blue car", "house", "a tree", "two birds", "sea"]
SAFE = ["dog", "animal", "cat"]
GAMMA, LAMBDA, THRESHOLD, NEIGHBOURS = 0.7, 0.0, 0.5, 3
RANK = 4
CENTRES = 3
SHARE, SCALE = 0.2, 1.75


def upright(direction):
    """The sign that makes the largest entry positive."""
    return direction * np.sign(direction[np.abs(direction).argmax()])


def influential(vectors, trial):
    """The rows that the trial edit moves by more than the mean."""
    moved = np.linalg.norm(vectors @ trial.T, axis=1)
    return moved > moved.mean()


def refine(weight, trial, kept, noise):
    """Prior filtering, and augmentation along the smallest right singular vector."""
    chosen = influential(kept, trial)
    kept, noise = kept[chosen], noise[chosen]
    quiet = upright(np.linalg.svd(weight, full_matrices=False)[2][-1])
    near = (kept[:, None, :] + noise[:, :, None] * quiet).reshape(-1, kept.shape[1])
    return np.concatenate([kept, near[influential(near, trial)]])


def speed(weight, targets, anchors, kept, noise, fixed):
    """W + dW; embeddings are rows, but for `fixed`, whose columns they are."""
    identity = np.eye(weight.shape[1])
    same, shift = targets.T @ targets / len(targets), (anchors - targets).T @ targets / len(targets)
    trial = weight @ shift @ np.linalg.inv(identity + same)
    kept = refine(weight, trial, kept, noise)
    values, vectors = np.linalg.eigh(kept.T @ kept / len(kept))
    assert 0 < (values < THRESHOLD).sum() < len(values) and np.abs(values / THRESHOLD - 1).min() > 0.02, values
    free = vectors[:, values < THRESHOLD]
    p = free @ free.T
    m = np.linalg.inv(same @ p + GAMMA * identity)
    inner = np.linalg.inv(fixed.T @ p @ m @ fixed + LAMBDA * np.eye(fixed.shape[1]))
    return weight + weight @ shift @ p @ (identity - m @ fixed @ inner @ fixed.T @ p) @ m, len(kept), free.shape[1]


def centres(points):
    """k-means from the first point and those farthest from all before it."""
    chosen = [points[0]]
    while len(chosen) < CENTRES:
        chosen.append(points[np.min([((points - c) ** 2).sum(1) for c in chosen], axis=0).argmax()])
    chosen = np.array(chosen)
    for _ in range(100):
        place = ((points[:, None] - chosen) ** 2).sum(2).argmin(1)
        chosen = np.array([points[place == k].mean(0) for k in range(CENTRES)])
    return chosen


def double_projection(weight, targets, safe, kept, rank):
    """W + dW; embeddings are columns."""
    nearest = safe @ np.linalg.pinv(safe.T @ safe) @ safe.T @ targets
    beside = np.linalg.svd(kept)[0][:, rank:]
    x = beside.T @ targets
    across = x.T / (x ** 2).sum() if x.shape[1] == 1 else np.linalg.pinv(x)
    return weight + weight @ (nearest - targets) @ across @ beside.T


def read(pipeline):
    """Embeddings of all texts and of the empty text's tokens, and where each stands."""
    text = copy.deepcopy(pipeline.text_encoder).double()
    texts = sorted({text for pair in ERASE for text in pair} | set(KEEP) | set(SAFE))
    with torch.no_grad():
        found = {phrase: embedding(pipeline, text, phrase) for phrase in texts}
        empty = text(encode(pipeline, [""]))[0][0].numpy()
    # SPEED takes the start token for an empty guide.
    vectors = {phrase: vector.numpy() for phrase, (_, vector) in found.items()} | {"": empty[0]}
    return vectors, {phrase: place for phrase, (place, _) in found.items()} | {"": 0}, empty


def matrices(pipeline, ends):
    """The first two such matrices of cross-attention in f64."""
    named = [(name, weight) for name, weight in pipeline.unet.named_parameters() if name.endswith(ends)]
    return {name: weight.detach().double().numpy() for name, weight in named[:2]}


def ties(changes):
    """One change of several, one a row: the largest of each, the sign of their sum, the mean of those that have it."""
    kept = np.zeros_like(changes)
    for row, change in zip(kept, changes):
        largest = np.argsort(-np.abs(change))[:max(1, int(SHARE * change.size))]
        row[largest] = change[largest]
    signs = np.sign(kept.sum(0))
    signs[signs == 0] = np.sign(signs.sum())
    agree = np.where(kept * signs > 0, kept, 0)
    return SCALE * agree.sum(0) / np.maximum((agree != 0).sum(0), 1)


def write(pipeline, path):
    """One file for all."""
    vectors, places, empty = read(pipeline)
    rows = lambda phrases: np.stack([vectors[phrase] for phrase in phrases])  # noqa: E731
    targets, anchors = rows([phrase for phrase, _ in ERASE]), rows([guide for _, guide in ERASE])
    noise = np.random.default_rng(2001).standard_normal((len(KEEP), NEIGHBOURS)).round(3)
    fixed = np.concatenate([empty[:1], centres(empty[1:])])
    tensors, sizes = {"invariant": fixed}, {}
    for name, weight in matrices(pipeline, "attn2.to_v.weight").items():
        tensors[f"speed/{name}"], *sizes[name] = speed(weight, targets, anchors, rows(KEEP), noise, fixed.T)
    for name, weight in matrices(pipeline, ("attn2.to_k.weight", "attn2.to_v.weight")).items():
        kept, safe = rows(KEEP).T, rows(SAFE).T
        tensors[f"dp.one/{name}"] = double_projection(weight, targets[:1].T, safe, kept, len(KEEP))
        tensors[f"dp.all/{name}"] = double_projection(weight, targets.T, safe, kept, RANK)
    tensors["ties/changes"] = np.random.default_rng(2002).standard_normal((3, 101)).astype(np.float32).astype(float)
    tensors["ties/merged"] = ties(tensors["ties/changes"])
    save_tensors(path, {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in tensors.items()})
    save_json(path.with_suffix(".json"), {
        "erase": ERASE, "keep": KEEP, "safe": SAFE, "places": places, "rank": RANK, "noise": noise.tolist(),
        "ties": {"share": SHARE, "scale": SCALE},
        "speed": {"gamma": GAMMA, "lambda": LAMBDA, "threshold": THRESHOLD, "sizes": sizes}})
