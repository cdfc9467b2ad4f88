"""CLIP and ViT outputs, and what their image processors make of pictures of several sizes."""

import numpy as np
import torch
from common import PROMPTS, normal, save_json, save_tensors
from PIL import Image
from transformers import AutoImageProcessor, CLIPModel, CLIPTokenizer, ViTForImageClassification

SIZES = [(32, 32), (64, 48), (21, 50), (65, 49)]


def picture(seed, height, width):
    """A random 8-bit picture with smooth and sharp parts."""
    coarse = torch.nn.functional.interpolate(normal(seed, 1, 3, 6, 6), size=(height, width), mode="bicubic")
    levels = (127.5 + 60 * coarse[0] + 20 * normal(seed + 1, 3, height, width)).clamp(0, 255)
    return levels.permute(1, 2, 0).numpy().round().astype(np.uint8)


def processed(folder):
    """`picture.i` (h, w, 3) and `pixels.i` (3, h, w) for every size."""
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    tensors = {}
    for index, (height, width) in enumerate(SIZES):
        levels = picture(900 + 2 * index, height, width)
        made = processor(images=Image.fromarray(levels), return_tensors="np")["pixel_values"]
        tensors[f"picture.{index}"] = torch.from_numpy(levels)
        tensors[f"pixels.{index}"] = torch.from_numpy(made[0].astype(np.float32))
    return tensors


def write_clip(folder, path, prompts=PROMPTS):
    """Embeddings (unit length), logits and processed pictures."""
    model, tokenizer = CLIPModel.from_pretrained(folder).eval(), CLIPTokenizer.from_pretrained(folder)
    tensors = processed(folder)
    ids = tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt").input_ids
    pixels = torch.stack([tensors[f"pixels.{index}"] for index in range(len(SIZES))])
    with torch.no_grad():
        found = model(input_ids=ids, pixel_values=pixels)
    save_tensors(path, {**tensors, "ids": ids, "image_embeds": found.image_embeds, "text_embeds": found.text_embeds,
                        "logits_per_image": found.logits_per_image})
    save_json(path.with_suffix(".json"), {"prompts": prompts})


def write_vit(folder, path):
    """Logits and processed pictures."""
    model, tensors = ViTForImageClassification.from_pretrained(folder).eval(), processed(folder)
    pixels = torch.stack([tensors[f"pixels.{index}"] for index in range(len(SIZES))])
    with torch.no_grad():
        tensors["logits"] = model(pixels).logits
    save_tensors(path, tensors)
    save_json(path.with_suffix(".json"), {"labels": [model.config.id2label[i] for i in range(model.config.num_labels)]})
