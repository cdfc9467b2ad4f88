"""How much arithmetic a UNet's work is: `arithmetic.py UNET.json N,C,H,W...` prints multiply-adds of one forward for every shape."""

import json
import sys

import torch
from diffusers import UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode

TOKENS = 16


def main():
    """One number for every shape; nothing is computed, only shapes are followed."""
    config, shapes = json.loads(sys.argv[1]), [tuple(map(int, shape.split(","))) for shape in sys.argv[2:]]
    counts = []
    with torch.device("meta"), torch.no_grad():
        unet = UNet2DConditionModel(**config)
        for shape in shapes:
            with FlopCounterMode(display=False) as counter:
                context = torch.empty(shape[0], TOKENS, config["cross_attention_dim"])
                unet(torch.empty(shape), torch.empty(shape[0]), context)
            counts.append(counter.get_total_flops() / 2)
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
