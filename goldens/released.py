"""One small model in every layout that Stable Diffusion folders were released in; all give the same numbers.

Weights are rounded to f16 first, so that half-precision files hold exactly the same model.
"""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import ldm
import tiny
import tokenizer
import torch
from common import PROMPTS, normal, randomise, save_json, save_tensors
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPTextModel

WEIGHTS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
# Keys that `unet`, `vae` and scheduler configs of 2022 did not have yet.
YOUNG_UNET = {
    "addition_embed_type", "addition_embed_type_num_heads", "addition_time_embed_dim", "attention_type",
    "class_embed_type", "class_embeddings_concat", "conv_in_kernel", "conv_out_kernel", "cross_attention_norm",
    "dropout", "dual_cross_attention", "encoder_hid_dim", "encoder_hid_dim_type", "mid_block_only_cross_attention",
    "mid_block_type", "num_attention_heads", "num_class_embeds", "only_cross_attention",
    "projection_class_embeddings_input_dim", "resnet_out_scale_factor", "resnet_skip_time_act",
    "resnet_time_scale_shift", "reverse_transformer_layers_per_block", "time_cond_proj_dim",
    "time_embedding_act_fn", "time_embedding_dim", "time_embedding_type", "timestep_post_act",
    "transformer_layers_per_block", "upcast_attention", "use_linear_projection"}
YOUNG_VAE = {
    "force_upcast", "latents_mean", "latents_std", "mid_block_add_attention", "norm_num_groups", "scaling_factor",
    "shift_factor", "use_post_quant_conv", "use_quant_conv"}
YOUNG_SCHEDULER = {"clip_sample", "prediction_type", "set_alpha_to_one", "steps_offset", "trained_betas"}
OLD_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def build(folder):
    """The model itself, f16 weights in one safetensors file a component."""
    vocab = tokenizer.write(folder / "tokenizer", 16, tokenizer.END, "2022")
    text = tiny.text(vocab, "quick_gelu", 1, 16, bos_token_id=0, eos_token_id=2, pad_token_id=1)
    unet = dict(tiny.unet_sd1(), block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4,
                attention_head_dim=2)
    vae = dict(tiny.vae((32,), 1), norm_num_groups=32)
    models = {"text_encoder": randomise(CLIPTextModel(text), 401),
              "unet": randomise(UNet2DConditionModel(**unet), 402), "vae": randomise(AutoencoderKL(**vae), 403)}
    for name, model in models.items():
        model.half().save_pretrained(folder / name)
    tiny.name_as_2022(folder / "text_encoder/model.safetensors", 16)
    save_json(folder / "scheduler/scheduler_config.json", tiny.scheduler("PNDMScheduler", "epsilon"))
    save_json(folder / "model_index.json", tiny.model_index("PNDMScheduler"))


def write_2022(source, folder):
    """Configs without the younger keys, old attention names in the VAE, a safety checker."""
    shutil.copytree(source, folder)
    path = folder / "vae/diffusion_pytorch_model.safetensors"
    save_file({old_attention(key): value for key, value in load_file(path).items()}, path, {"format": "pt"})
    tiny.drop_keys(folder / "unet/config.json", YOUNG_UNET)
    tiny.drop_keys(folder / "vae/config.json", YOUNG_VAE)
    tiny.drop_keys(folder / "scheduler/scheduler_config.json", YOUNG_SCHEDULER)
    sight = dict(hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1, image_size=16,
                 patch_size=16)
    words = dict(hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1, vocab_size=8)
    checker = CLIPConfig(text_config=words, vision_config=sight, projection_dim=8)
    randomise(StableDiffusionSafetyChecker(checker), 404).save_pretrained(folder / "safety_checker")
    save_json(folder / "feature_extractor/preprocessor_config.json", {
        "crop_size": 16, "do_center_crop": True, "do_normalize": True, "do_resize": True, "resample": 3, "size": 16,
        "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})
    save_json(folder / "model_index.json", tiny.model_index(
        "PNDMScheduler", ("stable_diffusion", "StableDiffusionSafetyChecker"), ("transformers", "CLIPFeatureExtractor")))


def old_attention(name):
    """`to_q` was `query`."""
    if ".attentions." in name:
        for new, old in OLD_ATTENTION.items():
            name = name.replace(f".{new}.", f".{old}.")
    return name


def write_variant(source, folder):
    """Only `fp16` files, as `save_pretrained(variant="fp16")` names them."""
    shutil.copytree(source, folder)
    for name, file in WEIGHTS.items():
        (folder / name / f"{file}.safetensors").rename(folder / name / f"{file}.fp16.safetensors")


def write_sharded(source, folder):
    """The UNet in several files with an index, bf16 being left out since it would round."""
    shutil.copytree(source, folder)
    (folder / "unet/diffusion_pytorch_model.safetensors").unlink()
    unet = UNet2DConditionModel.from_pretrained(source / "unet", dtype=torch.float16)
    unet.save_pretrained(folder / "unet", max_shard_size="40KB")
    tiny.drop_keys(folder / "unet/config.json", {"_name_or_path"})


def write_cache(source, folder):
    """Hugging Face's cache: blobs by digest, a snapshot of links, a ref."""
    root = folder / "models--tiny--random"
    commit = hashlib.sha1(b"tiny/random").hexdigest()
    for path in sorted(source.rglob("*")):
        if path.is_dir():
            continue
        blob = root / "blobs" / hashlib.sha256(path.read_bytes()).hexdigest()
        blob.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, blob)
        link = root / "snapshots" / commit / path.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    (root / "refs").mkdir()
    (root / "refs/main").write_text(commit)


def write_single_file(source, path):
    """The original single file: ldm's names, with the schedule's buffers that such files carry."""
    load = {name: load_file(source / name / f"{file}.safetensors") for name, file in WEIGHTS.items()}
    config = {name: json.loads((source / name / "config.json").read_text()) for name in WEIGHTS}
    weights = {**ldm.unet(load["unet"], config["unet"]), **ldm.vae(load["vae"], config["vae"]),
               **ldm.clip_text(load["text_encoder"])}
    weights["model_ema.decay"] = torch.tensor(0.9999)
    weights["betas"] = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    save_file(weights, path, {"format": "pt"})


def write_single_file_sd2(source, path):
    """The same for Stable Diffusion 2, whose files hold OpenCLIP's text encoder."""
    load = {name: load_file(source / name / f"{file}.safetensors") for name, file in WEIGHTS.items()}
    config = {name: json.loads((source / name / "config.json").read_text()) for name in WEIGHTS}
    text = ldm.open_clip_text(load["text_encoder"], config["text_encoder"]["num_hidden_layers"])
    weights = {**ldm.unet(load["unet"], config["unet"]), **ldm.vae(load["vae"], config["vae"]), **text}
    save_file(weights, path, {"format": "pt"})
    found = StableDiffusionPipeline.from_single_file(str(path), config=str(source), local_files_only=True)
    wanted = StableDiffusionPipeline.from_pretrained(source)
    for name in WEIGHTS:
        theirs, ours = getattr(found, name).state_dict(), getattr(wanted, name).state_dict()
        assert all(torch.equal(theirs[key], ours[key]) for key in ours), f"diffusers reads another {name} from {path}"


def expected(pipeline):
    """Text, UNet, VAE and a guided picture that every layout must give."""
    ids = pipeline.tokenizer(PROMPTS, padding="max_length", truncation=True, return_tensors="pt").input_ids
    latents = normal(410, 3, 4, 8, 8)
    with torch.no_grad():
        context = pipeline.text_encoder(ids)[0]
        noise = pipeline.unet(latents, torch.tensor([1, 500, 981]), context).sample
        decoded = pipeline.vae.decode(latents).sample
        final = pipeline(PROMPTS[:2], latents=latents[:2], num_inference_steps=25, guidance_scale=3.0,
                         output_type="latent").images
    return {"ids": ids, "latents": latents, "context": context, "noise": noise, "decoded": decoded, "final": final}


def open_pipeline(folder, **more):
    """diffusers' own reading of a folder, in f32."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, **more)
    pipeline.safety_checker = None
    return pipeline


def write(out):
    """All layouts, each read back by diffusers before it counts."""
    root = out / "released"
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary) / "plain"
        build(plain)
        write_2022(plain, root / "of-2022")
        write_variant(plain, root / "fp16-variant")
        write_sharded(plain, root / "sharded")
        write_cache(plain, root / "cache")
        write_single_file(plain, root / "single-file.safetensors")
        write_single_file_sd2(out / "tiny-sd2", root / "single-file-sd2.safetensors")
        wanted = expected(open_pipeline(plain))
        save_tensors(root / "expected.safetensors", wanted)
        check(root, plain, wanted)


def check(root, plain, wanted):
    """Every layout gives the numbers of the plain folder, bit for bit."""
    snapshot = next((root / "cache/models--tiny--random/snapshots").iterdir())
    pipelines = {
        "of-2022": open_pipeline(root / "of-2022"), "fp16-variant": open_pipeline(root / "fp16-variant", variant="fp16"),
        "sharded": open_pipeline(root / "sharded"), "cache": open_pipeline(snapshot),
        "single-file": StableDiffusionPipeline.from_single_file(
            str(root / "single-file.safetensors"), config=str(plain), local_files_only=True)}
    for name, pipeline in pipelines.items():
        found = expected(pipeline)
        for key in wanted:
            assert torch.equal(found[key], wanted[key]), f"{name}: diffusers reads another {key} than from `plain`"
