"""Tiny random models: Stable Diffusion 1 and 2 in miniature, a CLIP and a ViT."""

import json

import tokenizer
import torch
from common import randomise, save_json
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, ViTConfig, ViTForImageClassification

CROSS_DOWN, CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
DOWN, UP = "DownBlock2D", "UpBlock2D"


def unet_sd1():
    """Convolution projections and one number of heads, a plain block at the deepest level."""
    return dict(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(8, 16), layers_per_block=2,
        down_block_types=(CROSS_DOWN, DOWN), up_block_types=(UP, CROSS_UP), cross_attention_dim=32,
        attention_head_dim=4, norm_num_groups=8)


def unet_sd2():
    """Linear projections, heads as a list, three levels, upcast attention."""
    return dict(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(8, 16, 16), layers_per_block=1,
        down_block_types=(CROSS_DOWN, CROSS_DOWN, DOWN), up_block_types=(UP, CROSS_UP, CROSS_UP),
        cross_attention_dim=32, attention_head_dim=[1, 2, 4], norm_num_groups=8, use_linear_projection=True,
        upcast_attention=True)


def vae(channels, layers, **more):
    """An autoencoder that halves the side once for every level after the first."""
    levels = len(channels)
    return dict(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=channels, layers_per_block=layers,
        down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels,
        norm_num_groups=8, sample_size=16, **more)


def text(vocab, activation, layers, length, **tokens):
    """A CLIP text encoder 32 wide."""
    return CLIPTextConfig(
        vocab_size=len(vocab), hidden_size=32, intermediate_size=64, num_hidden_layers=layers, num_attention_heads=4,
        max_position_embeddings=length, hidden_act=activation, projection_dim=32, **tokens)


def scheduler(kind, prediction, **more):
    """`scheduler_config.json` of a Stable Diffusion release."""
    return {
        "_class_name": kind, "_diffusers_version": "0.8.0", "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "beta_start": 0.00085, "clip_sample": False, "num_train_timesteps": 1000, "prediction_type": prediction,
        "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1, "trained_betas": None, **more}


def model_index(scheduler_kind, safety_checker=(None, None), feature_extractor=(None, None)):
    """`model_index.json` of a `StableDiffusionPipeline`."""
    return {
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.8.0",
        "feature_extractor": list(feature_extractor), "requires_safety_checker": safety_checker[0] is not None,
        "safety_checker": list(safety_checker), "scheduler": ["diffusers", scheduler_kind],
        "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}


def drop_keys(path, keys):
    """Takes keys out of a written config, as older programs left them out."""
    kept = {key: value for key, value in json.loads(path.read_text()).items() if key not in keys}
    save_json(path, kept)


def name_as_2022(path, length):
    """Text-encoder weights as transformers 4 wrote them: a prefix, and the position ids among the weights."""
    named = {f"text_model.{name.removeprefix('text_model.')}": tensor for name, tensor in load_file(path).items()}
    named["text_model.embeddings.position_ids"] = torch.arange(length).unsqueeze(0)
    save_file(named, path, {"format": "pt"})


def write_sd1(folder):
    """Stable Diffusion 1: legacy end-of-text id 2, quick GELU, padding with end-of-text, PNDM."""
    vocab = tokenizer.write(folder / "tokenizer", 16, tokenizer.END, "2022")
    config = text(vocab, "quick_gelu", 3, 16, bos_token_id=0, eos_token_id=2, pad_token_id=1)
    randomise(CLIPTextModel(config), 101).save_pretrained(folder / "text_encoder")
    name_as_2022(folder / "text_encoder/model.safetensors", 16)
    randomise(UNet2DConditionModel(**unet_sd1()), 102).save_pretrained(folder / "unet")
    randomise(AutoencoderKL(**vae((8, 16), 1)), 103).save_pretrained(folder / "vae")
    save_json(folder / "scheduler/scheduler_config.json", scheduler("PNDMScheduler", "epsilon"))
    save_json(folder / "model_index.json", model_index("PNDMScheduler"))


def write_sd2(folder):
    """Stable Diffusion 2: true end-of-text id, GELU, padding with `!`, velocity prediction, DDIM."""
    vocab = tokenizer.write(folder / "tokenizer", 16, "!", "2023")
    begin, end = vocab[tokenizer.BEGIN], vocab[tokenizer.END]
    config = text(vocab, "gelu", 2, 16, bos_token_id=begin, eos_token_id=end, pad_token_id=1)
    randomise(CLIPTextModel(config), 201).save_pretrained(folder / "text_encoder")
    randomise(UNet2DConditionModel(**unet_sd2()), 202).save_pretrained(folder / "unet")
    randomise(AutoencoderKL(**vae((8, 8, 16), 2, scaling_factor=0.9)), 203).save_pretrained(folder / "vae")
    save_json(folder / "scheduler/scheduler_config.json", scheduler("DDIMScheduler", "v_prediction"))
    save_json(folder / "model_index.json", model_index("DDIMScheduler"))


def write_clip(folder):
    """A whole CLIP: text and vision towers of different width, projections, logit scale."""
    vocab = tokenizer.write(folder, 16, tokenizer.END, "2023")
    words = text(vocab, "gelu", 2, 16, bos_token_id=vocab[tokenizer.BEGIN], eos_token_id=vocab[tokenizer.END])
    sight = dict(hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, image_size=32,
                 patch_size=8, hidden_act="gelu")
    config = CLIPConfig(text_config=words.to_dict(), vision_config=sight, projection_dim=20)
    randomise(CLIPModel(config), 301).save_pretrained(folder)
    save_json(folder / "preprocessor_config.json", {
        "crop_size": 32, "do_center_crop": True, "do_normalize": True, "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3, "size": 32,
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]})


def write_vit(folder):
    """A picture classifier with five labels."""
    config = ViTConfig(
        hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8,
        id2label=dict(enumerate(["fox", "cat", "car", "church", "guitar"])))
    randomise(ViTForImageClassification(config), 302).save_pretrained(folder)
    save_json(folder / "preprocessor_config.json", {
        "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "ViTImageProcessor", "image_std": [0.5, 0.5, 0.5], "resample": 2,
        "rescale_factor": 0.00392156862745098, "size": {"height": 32, "width": 32}})


def write(out):
    """Every tiny model."""
    write_sd1(out / "tiny-sd1")
    write_sd2(out / "tiny-sd2")
    write_clip(out / "tiny-clip")
    write_vit(out / "tiny-vit")
