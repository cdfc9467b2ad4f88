"""Features of Inception v3 as pytorch-fid computes them, with weights that follow from a hash of their names and places."""

from unittest import mock

import numpy as np
import torch
from common import save_tensors
from pytorch_fid import inception as fid
from torchvision.models import Inception3

SIZES = [(32, 32), (299, 299), (340, 301)]


def uniform(name, count):
    """Numbers from 0 to 1: FNV-1a of the name, then murmur's finaliser of each place, in 32 bits."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed)
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        x ^= x >> np.uint32(16)
    return x.astype(np.float64) / 2**32


def weight(name, shape):
    """Convolutions keep the spread of what passes; normalisations have gains and spreads near one, and shifts."""
    values = uniform(name, int(np.prod(shape)))
    if name.endswith(("bn.weight", "running_var")):
        values = 0.5 + values
    elif name.endswith(("bias", "running_mean")):
        values = 0.3 * (2 * values - 1)
    else:
        values = (2 * values - 1) * np.sqrt(6 / np.prod(shape[1:]))
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def network():
    """pytorch-fid's network with its resizing, without the download of its weights."""
    without = [
        mock.patch.object(fid, "load_state_dict_from_url", lambda *_, **__: {}),
        mock.patch.object(Inception3, "load_state_dict", lambda *_: None),
    ]
    with without[0], without[1]:
        net = fid.fid_inception_v3()
    counted = {name: x for name, x in net.state_dict().items() if name.endswith("num_batches_tracked")}
    net.load_state_dict(counted | {name: weight(name, x.shape) for name, x in net.state_dict().items() if name not in counted})
    with mock.patch.object(fid, "fid_inception_v3", lambda: net):
        return fid.InceptionV3().eval()


def picture(height, width):
    """Levels by whole numbers, (3, height, width)."""
    c, y, x = np.meshgrid(np.arange(3), np.arange(height), np.arange(width), indexing="ij")
    return torch.from_numpy(((37 * x + 91 * y + 53 * c + x * y // 7) % 256).astype(np.uint8))


def write(path):
    """`features.i` (2048) for every size."""
    net, tensors = network(), {}
    for index, (height, width) in enumerate(SIZES):
        with torch.no_grad():
            tensors[f"features.{index}"] = net(picture(height, width)[None].float() / 255)[0].flatten()
    save_tensors(path, tensors)
