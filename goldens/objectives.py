"""Reference values of the losses of forgetting and keeping, in f64, on a noise-predicting and on a v-predicting model.

Every loss is written down from its paper, and its gradient taken, at a student that has moved a little from the
original. What random numbers are needed stands in the file; the student's shift is a formula that needs none.
"""

import copy

import torch
from common import normal, save_json, save_tensors
from networks import encode

CONCEPT, NAME, ANCHOR, KEPT = "a red fox", "red fox", "a dog", "a blue car"
WORD = "the"
TIMES = [120, 740]
# One weight each of keys, values, queries and outputs, of both kinds of place.
SEEN = ("attn2.to_k.weight", "attn2.to_q.weight", "attn2.to_out.0.bias")
GUIDANCE = 7.5


def moved(unet):
    """Every cross-attention weight, shifted by 0.02 sin(1 + 0.37 i) at its i-th place."""
    student = copy.deepcopy(unet)
    with torch.no_grad():
        for name, weight in student.named_parameters():
            if ".attn2." in name:
                places = torch.arange(weight.numel(), dtype=torch.float64)
                weight.add_((0.02 * torch.sin(1.0 + 0.37 * places)).reshape(weight.shape))
    return student


class Scene:
    """A model, what it was, two noised pictures, and texts."""

    def __init__(self, pipeline):
        text = copy.deepcopy(pipeline.text_encoder).double()
        self.original = copy.deepcopy(pipeline.unet).double()
        self.student = moved(self.original)
        self.pipeline, self.text = pipeline, text
        with torch.no_grad():
            self.say = {word: text(encode(pipeline, [word] * 2))[0] for word in (CONCEPT, ANCHOR, KEPT, "")}
        self.t, self.x, self.target = self.noised(2001, TIMES)

    def noised(self, seed, times):
        """Times, two pictures noised so far, and what the model should predict of them."""
        scheduler, t = self.pipeline.scheduler, torch.tensor(times)
        clean, noise = normal(seed, 2, 4, 8, 8).double(), normal(seed + 1, 2, 4, 8, 8).double()
        kept = scheduler.alphas_cumprod.double()[t].reshape(2, 1, 1, 1)
        velocity = kept.sqrt() * noise - (1 - kept).sqrt() * clean
        target = velocity if scheduler.config.prediction_type == "v_prediction" else noise
        return t, kept.sqrt() * clean + (1 - kept).sqrt() * noise, target

    def weigh(self, seen):
        """Which weights are seen, and the mean square of each one's gradient, picture by picture."""
        named = dict(self.original.named_parameters())
        self.fisher = {name: torch.zeros_like(named[name]) for name in seen}
        for row in range(len(TIMES)):
            only = slice(row, row + 1)
            found = self.original(self.x[only], self.t[only], self.say[CONCEPT][only]).sample
            gradients = torch.autograd.grad(square(found, self.target[only]), [named[name] for name in seen])
            for name, gradient in zip(seen, gradients):
                self.fisher[name] += gradient ** 2 / len(TIMES)

    def drift(self):
        """How far each weight that is seen has moved, with its Fisher information."""
        now, was = dict(self.student.named_parameters()), dict(self.original.named_parameters())
        return [(now[name] - was[name].detach(), fisher) for name, fisher in self.fisher.items()]

    def own(self, word):
        """The student's prediction."""
        return self.student(self.x, self.t, self.say[word]).sample

    def old(self, word):
        """The original's, a constant."""
        with torch.no_grad():
            return self.original(self.x, self.t, self.say[word]).sample


    def say_shifted(self, shift):
        """The concept's prompt with `shift` added to the vectors of its name's tokens; differentiable in it."""
        return self.say_with(CONCEPT, self.place()[0], shift)

    def say_disguised(self, shift):
        """The concept's prompt behind one more word, to whose vectors `shift` is added."""
        return self.say_with(f"{WORD} {CONCEPT}", 1, shift)

    def say_with(self, prompt, place, shift):
        """A prompt with `shift` added to the vectors of the tokens from `place` on."""
        row = torch.nn.functional.pad(shift, (0, 0, place, self.say[""].shape[1] - place - shift.shape[0]))
        hook = self.text.get_input_embeddings().register_forward_hook(lambda _, __, out: out + row)
        said = self.text(encode(self.pipeline, [prompt] * 2))[0]
        hook.remove()
        return said

    def looked(self):
        """The attention maps of every cross-attention at the tokens of the name, recomputed from its queries and keys."""
        seen, hooks = {}, []
        for place, module in self.student.named_modules():
            if place.endswith(("attn2.to_q", "attn2.to_k")):
                keep = lambda _, __, out, place=place: seen.__setitem__(place, out)  # noqa: E731
                hooks.append(module.register_forward_hook(keep))
        self.own(CONCEPT)
        for hook in hooks:
            hook.remove()
        start, length = self.place()
        for place in [place for place in seen if place.endswith("to_q")]:
            heads = self.student.get_submodule(place.removesuffix(".to_q")).heads
            split = lambda x: x.unflatten(-1, (heads, -1)).transpose(1, 2)  # noqa: E731
            q, k = split(seen[place]), split(seen[place.replace("to_q", "to_k")])
            yield torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, -1)[..., start:start + length]

    def place(self):
        """Where the name's tokens begin in the concept's prompt, and how many they are."""
        ids = self.pipeline.tokenizer(CONCEPT).input_ids
        name = self.pipeline.tokenizer(NAME).input_ids[1:-1]
        return next(i for i in range(len(ids)) if ids[i:i + len(name)] == name), len(name)

    def anchored(self):
        """What the original predicts under the shifted prompt, a constant."""
        with torch.no_grad():
            return self.original(self.x, self.t, self.say_shifted(self.shift(NAME))).sample

    def shift(self, words):
        """0.1 sin(2 + 0.53 i) at the i-th place, for the tokens of some words."""
        tokens = len(self.pipeline.tokenizer(words).input_ids) - 2
        places = torch.arange(tokens * self.say[""].shape[2], dtype=torch.float64)
        return (0.1 * torch.sin(2.0 + 0.53 * places)).reshape(tokens, -1)


def likeness(scene):
    """AdvAnchor's two similarities and their gradients in the shift (arXiv 2501.00054)."""
    concept, blank = scene.old(CONCEPT), scene.old(ANCHOR)
    for name, product in (("prediction", lambda seen: seen * concept),
                          ("guidance", lambda seen: (seen - blank) * (concept - blank))):
        shift = scene.shift(NAME).requires_grad_()
        value = product(scene.original(scene.x, scene.t, scene.say_shifted(shift)).sample).mean()
        value.backward()
        yield name, value.item(), shift.grad
    # AdvUnlearn's attack (arXiv 2405.15234): the student behind the word, against the original's concept.
    shift = scene.shift(WORD).requires_grad_()
    value = square(scene.student(scene.x, scene.t, scene.say_disguised(shift)).sample, concept)
    value.backward()
    yield "word", value.item(), shift.grad


def square(a, b):
    """Mean of squared differences."""
    return ((a - b) ** 2).mean()


def losses(scene):
    """Name of each loss with its value, one after another."""
    # Denoising diffusion, arXiv 2006.11239, equation 14.
    yield "noise_mse", lambda: square(scene.own(CONCEPT), scene.target)
    # Staying where one was: arXiv 2504.09039, distillation term.
    yield "distill", lambda: square(scene.own(CONCEPT), scene.old(CONCEPT))
    # Concept ablation, arXiv 2303.13516, equation 4; with the original as the teacher, too.
    yield "anchor_match", lambda: square(scene.own(CONCEPT), scene.own(ANCHOR).detach())
    yield "anchor_match_original", lambda: square(scene.own(CONCEPT), scene.old(ANCHOR))
    # ESD, arXiv 2303.07345, equation 7.
    yield "guidance_reversal", lambda: square(
        scene.own(CONCEPT), scene.old("") - (scene.old(CONCEPT) - scene.old("")))
    # SalUn, arXiv 2310.12508: what the saliency map is made from.
    yield "guided_mse", lambda: square(
        (1 + GUIDANCE) * scene.own(CONCEPT) - GUIDANCE * scene.own(""), scene.target)
    # AdvUnlearn, arXiv 2405.15234: ESD's target, seen behind a word.
    with torch.no_grad():
        disguised = scene.say_disguised(scene.shift(WORD))
    yield "disguised", lambda: square(
        scene.student(scene.x, scene.t, disguised).sample, scene.old("") - (scene.old(CONCEPT) - scene.old("")))
    # Forget-Me-Not, arXiv 2303.17591: what is looked at in the concept's name.
    yield "attention_norm", lambda: sum((a ** 2).sum() for a in scene.looked()).sqrt()
    # SepME, arXiv 2402.05947: the guidance of the student along the guidance of the original.
    yield "irrelevance", lambda: ((scene.own(CONCEPT) - scene.own("")) * (scene.old(CONCEPT) - scene.old(""))).mean()
    # Continual regularisers, arXiv 2511.07970, over the weights that are seen.
    count = sum(change.numel() for change, _ in scene.drift())
    yield "l1_sp", lambda: sum(change.abs().sum() for change, _ in scene.drift()) / count
    yield "l2_sp", lambda: sum((change ** 2).sum() for change, _ in scene.drift()) / count
    # Selective Amnesia, arXiv 2305.10120: its elastic term.
    yield "elastic", lambda: 0.5 * sum((fisher * change ** 2).sum() for change, fisher in scene.drift())


def write(pipeline, path):
    """Losses beside the tensors that they need and the gradients that they have."""
    scene = Scene(pipeline)
    seen = [name for name, _ in scene.student.named_parameters() if name.endswith(SEEN)][:6]
    scene.weigh(seen)
    tensors, values = {"x": scene.x, "target": scene.target}, {}
    for name, loss in losses(scene):
        scene.student.zero_grad()
        value = loss()
        value.backward()
        values[name] = value.item()
        named = dict(scene.student.named_parameters())
        tensors |= {f"{name}/{place}": named[place].grad.clone() for place in seen}
    for name, value, gradient in likeness(scene):
        values[f"likeness/{name}"] = value
        tensors[f"likeness/{name}"] = gradient
    save_tensors(path, {name: tensor.float() for name, tensor in tensors.items()})
    save_json(path.with_suffix(".json"), {
        "losses": values, "concept": CONCEPT, "name": NAME, "word": WORD, "anchor": ANCHOR, "times": TIMES})
