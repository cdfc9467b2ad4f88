"""Reference values of what is attached to a denoiser, in f64: erasers (Receler, arXiv 2311.17717), gated adapters (SPM, arXiv
2312.16145), and the losses that they are trained with. Weights are formulas that need no file.
"""

import copy

import torch
from common import save_json, save_tensors
from networks import encode
from objectives import CONCEPT, KEPT, NAME, Scene, square
from torch import nn

RANK, TOKENS, LOCALITY, THRESHOLD, KEEP, SAMPLES = 3, 4, 0.3, 0.5, 10.0, 3
ADAPTERS = {"car": ["blue car", "truck"], "fox": ["red fox"]}
PROMPTS = [CONCEPT, KEPT, "a hill", "a red car"]
SEEN = ("attn2.eraser.down.weight", "attn2.eraser.up.bias", "attn2.to_k.adapter.fox.up", "proj_in.adapter.fox.down",
        "ff.net.2.adapter.fox.up")


def wave(shape, size, phase):
    """size · sin(phase + 0.37 i) at the i-th place."""
    places = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return (size * torch.sin(phase + 0.37 * places)).reshape(shape)


class Eraser(nn.Module):
    """What a cross-attention gives, and what is added to it."""

    def __init__(self, width):
        super().__init__()
        self.down, self.up = nn.Linear(width, RANK).double(), nn.Linear(RANK, width).double()
        with torch.no_grad():
            for phase, weight in enumerate(self.parameters(), start=1):
                weight.copy_(wave(weight.shape, 0.2, phase))

    def forward(self, module, given, out):
        self.added = self.up(nn.functional.gelu(self.down(out)))
        return out + self.added


class Adapter(nn.Module):
    """One layer's adapters, each with its strength."""

    def __init__(self, layer):
        super().__init__()
        outputs, inputs = layer.weight.shape[:2]
        for phase, name in enumerate(ADAPTERS, start=1):
            pair = nn.Module()
            pair.down = nn.Parameter(wave((RANK, inputs), 0.1, phase))
            pair.up = nn.Parameter(wave((outputs, RANK), 0.1, phase + 0.5))
            self.add_module(name, pair)
        self.gates = {name: torch.ones(2, dtype=torch.float64) for name in ADAPTERS}

    def forward(self, module, given, out):
        x = given[0]
        for name, gate in self.gates.items():
            pair = getattr(self, name)
            if x.ndim == 4:
                change = torch.einsum("bihw,ri,or->bohw", x, pair.down, pair.up)
            else:
                change = x @ pair.down.T @ pair.up.T
            out = out + change * gate.reshape(-1, *[1] * (x.ndim - 1))
        return out


def with_erasers(unet):
    """A copy with an eraser behind every cross-attention."""
    unet, erasers = copy.deepcopy(unet), {}
    for place, module in list(unet.named_modules()):
        if place.endswith(".attn2"):
            module.eraser = Eraser(module.to_out[0].weight.shape[0])
            module.register_forward_hook(module.eraser)
            erasers[place] = module.eraser
    return unet, erasers


def with_adapters(unet):
    """A copy with adapters beside every linear layer and pointwise convolution of the transformers."""
    unet, adapters = copy.deepcopy(unet), []
    for place, module in list(unet.named_modules()):
        if ".attentions." in place and isinstance(module, (nn.Linear, nn.Conv2d)):
            module.adapter = Adapter(module)
            module.register_forward_hook(module.adapter)
            adapters.append(module.adapter)
    return unet, adapters


def looked(scene):
    """The original's attention to the concept's name, averaged over heads, tokens and layers of one level: (pictures, pixels)."""
    unet, seen, hooks = scene.original, {}, []
    for place, module in unet.named_modules():
        if place.endswith(("attn2.to_q", "attn2.to_k")):
            keep = lambda _, __, out, place=place: seen.__setitem__(place, out)  # noqa: E731
            hooks.append(module.register_forward_hook(keep))
    scene.old(CONCEPT)
    for hook in hooks:
        hook.remove()
    start, length = scene.place()
    levels = {}
    for place in [place for place in seen if place.endswith("to_q")]:
        heads = unet.get_submodule(place.removesuffix(".to_q")).heads
        split = lambda x: x.unflatten(-1, (heads, -1)).transpose(1, 2)  # noqa: E731
        q, k = split(seen[place]), split(seen[place.replace("to_q", "to_k")])
        map = torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, -1)[..., start:start + length]
        levels.setdefault(map.shape[2], []).append(map.mean(-1).mean(1))
    pixels = max(levels)  # the shorter side nearest 16, of latents of 8 x 8
    return torch.stack(levels[pixels]).mean(0)


def elsewhere(scene, erasers):
    """What erasers add where the original does not look at the name."""
    map = looked(scene)
    least, most = map.min(1, keepdim=True)[0], map.max(1, keepdim=True)[0]
    mask = ((map - least) / (most - least) >= THRESHOLD).double()
    side = round(map.shape[1] ** 0.5)
    total = 0
    for eraser in erasers.values():
        own = round(eraser.added.shape[1] ** 0.5)
        there = nn.functional.interpolate(mask.reshape(-1, 1, side, side), (own, own)).flatten(1)
        away = 1 - there
        total = total + ((eraser.added ** 2).mean(2) * away).sum() / (away.sum() + 1e-9)
    return total / len(erasers)


def appended(scene, unet, erasers):
    """Receler's loss with embeddings behind the name."""
    context = scene.say[CONCEPT].clone()
    start, length = scene.place()
    tokens = wave((TOKENS, context.shape[2]), 0.3, 2.0)
    context[:, start + length:start + length + TOKENS] = tokens
    wanted = scene.old("") - (scene.old(CONCEPT) - scene.old(""))
    return square(unet(scene.x, scene.t, context).sample, wanted) + LOCALITY * elsewhere(scene, erasers)


def anchored(scene, unet, drawn):
    """SPM's loss: erasing, and staying under random embeddings."""
    rows = [row % 2 for row in range(SAMPLES)]
    wanted = scene.old("") - (scene.old(CONCEPT) - scene.old(""))
    with torch.no_grad():
        before = scene.original(scene.x[rows], scene.t[rows], drawn).sample
    ones = {name: torch.ones(SAMPLES, dtype=torch.float64) for name in ADAPTERS}
    gates = [module.gates for module in unet.modules() if isinstance(module, Adapter)]
    erase = square(unet(scene.x, scene.t, scene.say[CONCEPT]).sample, wanted)
    for module in unet.modules():
        if isinstance(module, Adapter):
            module.gates = ones
    stay = square(unet(scene.x[rows], scene.t[rows], drawn).sample, before)
    for module, own in zip([m for m in unet.modules() if isinstance(m, Adapter)], gates):
        module.gates = own
    return erase + KEEP * stay


def strengths(scene, text):
    """How strong each adapter is for a prompt: the largest of cosines and shares of tokens over its texts."""
    pipeline, found = scene.pipeline, {}
    special = set(pipeline.tokenizer.convert_tokens_to_ids([pipeline.tokenizer.bos_token, pipeline.tokenizer.eos_token]))
    say = lambda words: scene.text(encode(pipeline, [words]))[0].flatten()  # noqa: E731
    ids = lambda words: set(pipeline.tokenizer(words).input_ids) - special  # noqa: E731
    for name, texts in ADAPTERS.items():
        cosines = [torch.cosine_similarity(say(text), say(other), dim=0).item() for other in texts]
        shares = [len(ids(text) & ids(other)) / len(ids(other)) for other in texts]
        found[name] = max(cosines + shares)
    return found


def write(pipeline, path):
    """Outputs, losses with gradients, and strengths."""
    scene = Scene(pipeline)
    erased, erasers = with_erasers(scene.original)
    adapted, adapters = with_adapters(scene.original)
    drawn = wave((SAMPLES, *scene.say[CONCEPT].shape[1:]), 1.0, 0.7)
    with torch.no_grad():
        tensors = {"x": scene.x, "erased": erased(scene.x, scene.t, scene.say[CONCEPT]).sample}
        said = {text: strengths(scene, text) for text in PROMPTS}
        whole = adapted(scene.x, scene.t, scene.say[CONCEPT]).sample
        for adapter in adapters:  # two rows under one prompt each
            adapter.gates = {name: torch.tensor([said[CONCEPT][name], said[KEPT][name]], dtype=torch.float64) for name in ADAPTERS}
        context = torch.cat([scene.say[CONCEPT][:1], scene.say[KEPT][:1]])
        tensors |= {"adapted": whole, "gated": adapted(scene.x, scene.t, context).sample}
        for adapter in adapters:
            adapter.gates = {name: torch.ones(2, dtype=torch.float64) for name in ADAPTERS}
    values = {}
    for name, unet, loss in (("appended", erased, lambda: appended(scene, erased, erasers)),
                             ("latent_anchor", adapted, lambda: anchored(scene, adapted, drawn))):
        unet.zero_grad()
        value = loss()
        value.backward()
        values[name] = value.item()
        seen = {place: weight for place, weight in unet.named_parameters() if place.endswith(SEEN)}
        assert len(seen) > 3, list(seen)
        tensors |= {f"{name}/{place}": weight.grad for place, weight in list(seen.items())[:6]}
    save_tensors(path, {name: tensor.float() for name, tensor in tensors.items()})
    save_json(path.with_suffix(".json"), {
        "losses": values, "strengths": said, "texts": ADAPTERS, "concept": CONCEPT, "kept": KEPT, "name": NAME,
        "rank": RANK, "tokens": TOKENS, "locality": LOCALITY, "threshold": THRESHOLD, "keep": KEEP, "samples": SAMPLES})
