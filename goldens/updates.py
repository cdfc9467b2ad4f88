"""What combiners and wrappers make of gradients, in f64, on a noise-predicting and on a v-predicting model.

The gradients are those of `objectives.py`, of the few weights that are seen there; second derivatives are exact.
"""

import torch
from common import save_json, save_tensors
from objectives import CONCEPT, KEPT, SEEN, Scene, square
from torch.nn.attention import SDPBackend, sdpa_kernel

XI, ETA, MARGIN, EPSILON = 1e-8, 0.1, 0.5, 1e-3
ALPHA, AGAINST = 1.6, 0.2
RATE, GAIN, HARM = 0.02, 0.3, 0.2
INNER, GAMMA, BETA, SOLVES = 2, 1.0, 0.8, 5


class Losses:
    """What is pushed out, what is held, and what somebody would train on later; each as a function of the weights that are seen."""

    def __init__(self, pipeline):
        self.scene = Scene(pipeline)
        student = self.scene.student
        self.names = [name for name, _ in student.named_parameters() if name.endswith(SEEN)][:6]
        self.weights = [dict(student.named_parameters())[name] for name in self.names]
        self.start = [weight.detach().clone() for weight in self.weights]

    def forget(self):
        """The negative of the diffusion loss under the concept's prompt."""
        return -square(self.scene.own(CONCEPT), self.scene.target)

    def retain(self):
        """What is predicted of something else stays."""
        return square(self.scene.own(KEPT), self.scene.old(KEPT))

    def relearn(self):
        """The diffusion loss under the prompt of something else: a benign update."""
        return square(self.scene.own(KEPT), self.scene.target)

    def slope(self, loss, at):
        """Its gradient at other weights."""
        self.put(at)
        found = torch.autograd.grad(loss(), self.weights)
        self.put(self.start)
        return list(found)

    def curve(self, loss, at, along):
        """Its second derivative at other weights, times a direction."""
        self.put(at)
        first = torch.autograd.grad(loss(), self.weights, create_graph=True)
        found = torch.autograd.grad(first, self.weights, grad_outputs=along)
        self.put(self.start)
        return list(found)

    def put(self, at):
        """Moves the student there."""
        with torch.no_grad():
            for weight, value in zip(self.weights, at):
                weight.copy_(value)


def plus(a, b, factor):
    """a + factor b, tensor by tensor."""
    return [x + factor * y for x, y in zip(a, b)]


def dot(a, b):
    """The scalar product over all tensors."""
    return sum((x * y).sum() for x, y in zip(a, b))


def combined(forget, retain, memory):
    """Name of each combiner with the step that it makes."""
    f, r = dot(forget, forget).sqrt(), dot(retain, retain).sqrt()
    cosine = dot(forget, retain) / (f * r)
    # MUNBa, arXiv 2411.15537: sin squared from the sine itself.
    bargain = ((1 - cosine) / (torch.sin(torch.arccos(cosine)) ** 2 + XI)).sqrt()
    yield "nash", plus([bargain / f * x for x in forget], retain, bargain / r)
    # EraseDiff, arXiv 2401.05779: lambda from the conflict.
    yield "bilevel", plus(retain, forget, max(ETA - cosine, 0))
    # ScissorHands, arXiv 2401.06187: the quadratic programme of GEM (arXiv 1706.08840), one memory.
    whole = plus(forget, retain, 1)
    across, size = dot(whole, memory), dot(memory, memory)
    yield "gem", plus(whole, memory, max(MARGIN, -across / (size + EPSILON)) if across < 0 else 0)


def restricted(forget, retain):
    """The restricted gradient, arXiv 2412.07808, theorem 4: either side without what works against the other."""
    across = dot(forget, retain)
    if across >= 0:
        return plus(forget, retain, ALPHA)
    delta_f = plus(forget, retain, -across / dot(retain, retain))
    delta_r = plus(retain, forget, -across / dot(forget, forget))
    return plus(delta_f, delta_r, ALPHA)


def joint(forget, retain):
    """Restricted steps: of sides that work against each other, of sides that do not, and weight by weight."""
    yield "restricted", restricted(forget, plus(retain, forget, -AGAINST))
    yield "restricted.agreed", restricted(forget, plus(retain, forget, AGAINST))
    conflicts = [dot([x], [y]) < 0 for x, y in zip(forget, retain)]
    assert any(conflicts) and not all(conflicts), conflicts
    yield "restricted.alone", [restricted([x], [y])[0] for x, y in zip(forget, retain)]


def meta(losses):
    """Meta-unlearning, arXiv 2410.12777, first order."""
    there = plus(losses.start, losses.slope(losses.relearn, losses.start), -RATE)
    found = losses.slope(losses.forget, losses.start)
    found = plus(found, losses.slope(losses.relearn, there), -GAIN)
    found = plus(found, losses.slope(losses.retain, there), -HARM)
    return plus(found, losses.slope(losses.retain, losses.start), HARM)


def resalign(losses):
    """ResAlign, arXiv 2507.16302: harm now, and harm after a benign update, through the Moreau envelope of that update."""
    there = losses.start
    for _ in range(INNER):
        there = plus(there, losses.slope(losses.relearn, there), -RATE)
    later = losses.slope(losses.forget, there)
    solved = [torch.zeros_like(x) for x in later]
    for _ in range(SOLVES):
        solved = plus(later, losses.curve(losses.relearn, there, solved), -GAMMA)
    now = losses.slope(losses.forget, losses.start)
    return [(1 - BETA) * x + BETA * y for x, y in zip(now, solved)], later


def steps(losses, model):
    """Name of each step with its tensors, one a weight."""
    forget = losses.slope(losses.forget, losses.start)
    retain = losses.slope(losses.retain, losses.start)
    memory = plus([-x for x in retain], forget, -0.5)  # against the step, so that it must yield
    made = dict(joint(forget, retain)) | dict(combined(forget, retain, memory))
    made |= {"forget": forget, "retain": retain, "memory": memory, "meta": meta(losses)}
    made["resalign"], later = resalign(losses)
    straight = [(1 - BETA) * x + BETA * y for x, y in zip(forget, later)]
    apart = plus(made["resalign"], straight, -1)
    apart = (dot(apart, apart) / dot(straight, straight)).sqrt()
    assert apart > 0.03, apart  # the second derivative is seen
    print(f"{model}: curvature changes ResAlign's gradient by {apart:.3f} of its norm")
    return made


def write(pipeline, path):
    """The steps in one file."""
    losses = Losses(pipeline)
    with sdpa_kernel(SDPBackend.MATH):  # the fused attention has no second derivative
        made = steps(losses, path.parent.name)
    save_tensors(path, {f"{name}/{place}": tensor.detach().float()
                        for name, tensors in made.items() for place, tensor in zip(losses.names, tensors)})
    save_json(path.with_suffix(".json"), {
        "alpha": ALPHA, "against": AGAINST, "xi": XI, "eta": ETA, "margin": MARGIN, "rate": RATE, "gain": GAIN, "harm": HARM,
        "inner": INNER, "gamma": GAMMA, "beta": BETA, "solves": SOLVES, "kept": KEPT})
