"""What every part of the goldens shares: fixed randomness, small prompts, and files."""

import json
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

PROMPTS = ["a red fox on a hill", "two cats and a guitar", ""]
NEGATIVE = "a blue car"
TIMESTEPS = [0, 1, 250, 500, 981, 999]


def normal(seed, *shape):
    """Standard normal numbers that depend on the seed alone, not on torch's generator."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def randomise(model, seed):
    """Weights of unit gain and biases that are not zero, so that nothing can be left out unnoticed."""
    generator = np.random.default_rng(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            drawn = torch.from_numpy(generator.standard_normal(tuple(weight.shape)).astype(np.float32))
            if weight.ndim == 0:
                continue
            if weight.ndim >= 2:
                drawn = drawn / weight[0].numel() ** 0.5
            else:
                drawn = 0.1 * drawn + (1.0 if name.endswith("weight") else 0.0)
            weight.copy_(drawn)
    return model.eval()


def pixels(seed, count, side):
    """Smooth random pictures in [-1, 1], (count, 3, side, side)."""
    coarse = torch.tanh(normal(seed, count, 3, 4, 4))
    return torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")


def save_tensors(path, tensors):
    """One safetensors file with sorted names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensors[name].detach().contiguous() for name in sorted(tensors)}, str(path))


def save_json(path, value):
    """JSON that a reviewer can read in a diff."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=True, sort_keys=True) + "\n")


def test_data():
    """The folder with the larger models, or None where it is not at hand."""
    found = os.environ.get("OUBLIETTE_TEST_DATA")
    return Path(found) if found else None
