"""LoRA files as diffusers and as PEFT write them, with the UNet's output under each."""

import copy
import json

import numpy as np
import torch
from common import PROMPTS, normal, save_json, save_tensors
from diffusers import StableDiffusionPipeline
from networks import encode
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file

ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
FILE = "pytorch_lora_weights.safetensors"
EVERYTHING = [*ATTENTION, "proj_in", "proj_out", "conv1", "ff.net.0.proj", "ff.net.2", "time_emb_proj", "conv_shortcut"]


def fill(model, seed):
    """Both halves random: as created, the second is zero."""
    generator = np.random.default_rng(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if "lora_" in name:
                weight.copy_(torch.from_numpy(0.2 * generator.standard_normal(tuple(weight.shape)).astype(np.float32)))


def predict(unet, pipeline):
    """The UNet at two timesteps under two prompts."""
    context = pipeline.text_encoder(encode(pipeline, PROMPTS[:2]))[0]
    return unet(normal(1201, 2, 4, 8, 8), torch.tensor([10, 900]), context).sample


def write_peft(pipeline, folder):
    """`adapter_config.json` and `adapter_model.safetensors`; alpha differs from the rank; convolutions too."""
    config = LoraConfig(r=3, lora_alpha=6, target_modules=EVERYTHING, init_lora_weights=False)
    adapted = get_peft_model(copy.deepcopy(pipeline.unet), config)
    fill(adapted, 1202)
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink()
    config = json.loads((folder / "adapter_config.json").read_text())
    save_json(folder / "adapter_config.json", config | {
        "base_model_name_or_path": "tiny-sd1", "target_modules": sorted(config["target_modules"])})
    return predict(adapted, pipeline)


def write_diffusers(pipeline, folder, alpha):
    """`pytorch_lora_weights.safetensors`; its alpha is the rank, or stands in the file's metadata."""
    unet, text = copy.deepcopy(pipeline.unet), copy.deepcopy(pipeline.text_encoder)
    unet.add_adapter(LoraConfig(r=4, lora_alpha=alpha, target_modules=ATTENTION, init_lora_weights=False))
    text.add_adapter(LoraConfig(r=4, lora_alpha=alpha, target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    fill(unet, 1203)
    fill(text, 1204)
    more = {}
    if alpha != 4:
        more = {"unet_lora_adapter_metadata": unet.peft_config["default"].to_dict(),
                "text_encoder_lora_adapter_metadata": text.peft_config["default"].to_dict()}
    StableDiffusionPipeline.save_lora_weights(
        folder, unet_lora_layers=get_peft_model_state_dict(unet),
        text_encoder_lora_layers=get_peft_model_state_dict(text), **more)
    context = text(encode(pipeline, PROMPTS[:2]))[0]
    return unet(normal(1201, 2, 4, 8, 8), torch.tensor([10, 900]), context).sample


def write_2023(source, folder):
    """The same weights under the names of 2023: `lora.down` and `lora.up`."""
    renamed = {
        name.replace(".lora_A.", ".lora.down.").replace(".lora_B.", ".lora.up."): tensor
        for name, tensor in load_file(source / FILE).items() if name.startswith("unet.")}
    save_tensors(folder / FILE, renamed)


def reread(pipeline, folder):
    """diffusers' own reading of the file."""
    pipeline.load_lora_weights(folder)
    found = predict(pipeline.unet, pipeline)
    pipeline.unload_lora_weights()
    return found


def write(pipeline, folder):
    """Four adapters and the outputs they must give."""
    with torch.no_grad():
        found = {"x": normal(1201, 2, 4, 8, 8), "t": torch.tensor([10, 900]),
                 "peft": write_peft(pipeline, folder / "peft"),
                 "diffusers": write_diffusers(pipeline, folder / "diffusers", 4),
                 "diffusers-alpha": write_diffusers(pipeline, folder / "diffusers-alpha", 8)}
        write_2023(folder / "diffusers", folder / "diffusers-2023")
        found["diffusers-2023"] = reread(pipeline, folder / "diffusers-2023")
        for name in ("diffusers", "diffusers-alpha"):
            assert torch.allclose(reread(pipeline, folder / name), found[name], atol=1e-5), name
    save_tensors(folder / "expected.safetensors", found)
