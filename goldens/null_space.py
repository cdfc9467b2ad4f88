"""The damped projection of gradients off the embeddings of protected texts (arXiv 2511.07970), in f64 with a dense inverse.

G (I - C (C^T C + r I)^-1 C^T), with one embedding in every column of C and r a millionth of their mean square, 1e-4 at least. With
embeddings `SCALE` times as long (the encoder's last norm says how long they are) r is above that.
"""

import copy

import torch
from common import save_json, save_tensors
from networks import encode

PROTECT, SCALE = ["a cat", "the cat"], 4.0


def columns(pipeline, text, all_tokens):
    """Embeddings of the protected texts' last tokens, or of these and all that follow, one a column."""
    rows = []
    for words in PROTECT:
        last = len(pipeline.tokenizer(words).input_ids) - 2
        rows.append(text(encode(pipeline, [words]))[0][0, last:None if all_tokens else last + 1])
    return torch.cat(rows).T


def projected(gradient, c):
    """The gradient without its part along the columns, and how much is taken of the part along the weakest direction."""
    count = c.shape[1]
    r = max(1e-4, 1e-6 * ((c ** 2).sum() / count).item())
    identity = lambda size: torch.eye(size, dtype=torch.float64)  # noqa: E731
    inner = torch.inverse(c.T @ c + r * identity(count))
    strengths = torch.linalg.svdvals(c) ** 2
    weakest = strengths[strengths > 1e-9].min().item()
    return gradient @ (identity(c.shape[0]) - c @ inner @ c.T), r, weakest / (weakest + r)


def write(pipeline, path):
    """What is left of two gradients, the formula of which needs no file."""
    text, tensors, said = copy.deepcopy(pipeline.text_encoder).double(), {}, {}
    named = dict(pipeline.unet.named_parameters())
    few = [next(name for name in named if name.endswith(end)) for end in ("attn2.to_k.weight", "attn2.to_v.weight")]
    with torch.no_grad():
        for case, all_tokens, scale in (("last", False, 1.0), ("all", True, 1.0), ("long", True, SCALE)):
            scaled = copy.deepcopy(text)
            for name, weight in scaled.named_parameters():
                if "final_layer_norm" in name:
                    weight.mul_(scale)
            c = columns(pipeline, scaled, all_tokens)
            for number, name in enumerate(few):
                places = torch.arange(named[name].numel(), dtype=torch.float64)
                gradient = torch.sin(1.0 + number + 0.37 * places).reshape(named[name].shape)
                left, r, share = projected(gradient, c)
                whole = gradient @ (torch.eye(c.shape[0], dtype=torch.float64) - c @ torch.linalg.pinv(c, rtol=1e-6))
                assert all_tokens == bool((left - whole).norm() > 0.01 * left.norm()), "damping shows where many are protected"
                tensors[f"{case}/{name}"] = left
            said[case] = {"tokens": "all" if all_tokens else "last-subject", "scale": scale, "r": r, "share": share}
    assert said["all"]["share"] < 0.9 and said["long"]["r"] > 1e-4, said
    save_tensors(path, tensors)
    save_json(path.with_suffix(".json"), {"protect": PROTECT, "cases": said})
