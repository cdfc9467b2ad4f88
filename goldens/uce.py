"""UCE as its release of 2023 has it (arXiv 2308.14761), in f64 with dense inverses: whole texts, and targets without their old part.

A text is edited from its last token to the end of the padding, beside as many tokens of its guide. `tensor` takes the part along
the old values, over all tokens of a text together, out of the guide's. The release reads what it preserves from the start token on
(`released`); read like what is erased, from the last token on, it is `kept`.
"""

import copy

import torch
from common import save_json, save_tensors
from networks import encode

CONCEPTS, GUIDE, KEEP = ["red fox", "guitar"], "big dog", ["cat", "blue car"]
LAMBDA, ERASE, PRESERVE = 0.3, 1.2, 0.7


class Texts:
    """The text encoder in f64."""

    def __init__(self, pipeline):
        self.pipeline, self.encoder = pipeline, copy.deepcopy(pipeline.text_encoder).double()

    def last(self, text):
        """Where the last token stands; the start token of an empty text."""
        return len(self.pipeline.tokenizer(text).input_ids) - 2

    def say(self, text):
        """All token embeddings, one a row."""
        return self.encoder(encode(self.pipeline, [text]))[0][0]

    def pair(self, text, guide, whole):
        """Embeddings of a text beside those of its guide, aligned at the last token of either."""
        here, there = self.last(text), self.last(guide)
        length = self.say(text).shape[0] - max(here, there) if whole else 1
        return self.say(text)[here:here + length], self.say(guide)[there:there + length]


def solved(weight, pairs, kept, tensor):
    """W = (lambda W0 + s_e sum v* c^T + s_p sum W0 k k^T)(lambda I + s_e sum c c^T + s_p sum k k^T)^-1."""
    left, right = LAMBDA * weight, LAMBDA * torch.eye(weight.shape[1], dtype=torch.float64)
    for old, new in pairs:
        values = new @ weight.T
        if tensor:
            along = old @ weight.T / (old @ weight.T).norm()
            values = values - (along * values).sum() * along
        left, right = left + ERASE * values.T @ old, right + ERASE * old.T @ old
    for rows in kept:
        left, right = left + PRESERVE * weight @ rows.T @ rows, right + PRESERVE * rows.T @ rows
    return left @ torch.inverse(right)


def write(pipeline, path):
    """Two matrices of every kind of edit."""
    texts = Texts(pipeline)
    with torch.no_grad():
        pairs = {(whole, guide): [texts.pair(concept, guide, whole) for concept in CONCEPTS]
                 for whole in (False, True) for guide in (GUIDE, "")}
        behind = [texts.say(text)[texts.last(text):] for text in KEEP]
        edits = {
            "all": (pairs[True, GUIDE], [], False), "all.empty": (pairs[True, ""], [], False),
            "tensor": (pairs[False, GUIDE], [], True), "tensor.all": (pairs[True, GUIDE], [], True),
            "kept": (pairs[True, GUIDE], behind, True), "released": (pairs[True, GUIDE], [texts.say(text) for text in KEEP], True)}
        named = dict(pipeline.unet.named_parameters())
        few = [next(name for name in named if name.endswith(end)) for end in ("attn2.to_k.weight", "attn2.to_v.weight")]
        tensors = {f"{edit}/{name}": solved(named[name].double(), *parts) for edit, parts in edits.items() for name in few}
    save_tensors(path, tensors)
    save_json(path.with_suffix(".json"), {
        "concepts": CONCEPTS, "guide": GUIDE, "keep": KEEP, "lambda": LAMBDA, "erase_scale": ERASE, "preserve_scale": PRESERVE})
