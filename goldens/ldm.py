"""Names of a diffusers Stable Diffusion in the single files of the original `ldm` code, written from both layouts.

A rule is (pattern in diffusers, replacement in ldm); the first that matches decides.
"""

import re

import torch


def unet_rules(levels, layers, crossed):
    """Input, middle and output blocks are counted through in ldm: one number a resnet, one a resampling."""
    step = layers + 1
    rules = [
        (r"^conv_in\.", "input_blocks.0.0."), (r"^conv_norm_out\.", "out.0."), (r"^conv_out\.", "out.2."),
        (r"^time_embedding\.linear_1\.", "time_embed.0."), (r"^time_embedding\.linear_2\.", "time_embed.2."),
        (r"^mid_block\.resnets\.0\.", "middle_block.0."), (r"^mid_block\.attentions\.0\.", "middle_block.1."),
        (r"^mid_block\.resnets\.1\.", "middle_block.2."),
    ]
    for level in range(levels):
        for layer in range(layers):
            block = 1 + level * step + layer
            rules += [(rf"^down_blocks\.{level}\.resnets\.{layer}\.", f"input_blocks.{block}.0."),
                      (rf"^down_blocks\.{level}\.attentions\.{layer}\.", f"input_blocks.{block}.1.")]
        rules.append((rf"^down_blocks\.{level}\.downsamplers\.0\.conv\.", f"input_blocks.{(level + 1) * step}.0.op."))
    for level in range(levels):
        for layer in range(step):
            block = level * step + layer
            rules += [(rf"^up_blocks\.{level}\.resnets\.{layer}\.", f"output_blocks.{block}.0."),
                      (rf"^up_blocks\.{level}\.attentions\.{layer}\.", f"output_blocks.{block}.1.")]
        place = 2 if crossed[level] else 1
        rules.append((rf"^up_blocks\.{level}\.upsamplers\.0\.conv\.",
                      f"output_blocks.{level * step + layers}.{place}.conv."))
    return rules


UNET_INNER = [
    (r"\.norm1\.(?=weight|bias)", ".in_layers.0."), (r"\.conv1\.", ".in_layers.2."),
    (r"\.time_emb_proj\.", ".emb_layers.1."), (r"\.norm2\.(?=weight|bias)", ".out_layers.0."),
    (r"\.conv2\.", ".out_layers.3."), (r"\.conv_shortcut\.", ".skip_connection."),
]


def unet(weights, config):
    """`model.diffusion_model.*`."""
    crossed = ["CrossAttn" in kind for kind in config["up_block_types"]]
    outer = unet_rules(len(crossed), config["layers_per_block"], crossed)
    named = {}
    for name, tensor in weights.items():
        renamed = rename(name, outer)
        if "transformer_blocks" not in renamed:
            renamed = rename(renamed, UNET_INNER)
        named["model.diffusion_model." + renamed] = tensor
    return named


def vae_rules(levels, layers):
    """The decoder's levels are counted from the other end."""
    rules = []
    for half in ("encoder", "decoder"):
        rules += [(rf"^{half}\.mid_block\.resnets\.0\.", f"{half}.mid.block_1."),
                  (rf"^{half}\.mid_block\.resnets\.1\.", f"{half}.mid.block_2."),
                  (rf"^{half}\.mid_block\.attentions\.0\.", f"{half}.mid.attn_1."),
                  (rf"^{half}\.conv_norm_out\.", f"{half}.norm_out.")]
    for level in range(levels):
        rules += [(rf"^encoder\.down_blocks\.{level}\.resnets\.(\d)\.", rf"encoder.down.{level}.block.\1."),
                  (rf"^encoder\.down_blocks\.{level}\.downsamplers\.0\.", f"encoder.down.{level}.downsample."),
                  (rf"^decoder\.up_blocks\.{level}\.resnets\.(\d)\.", rf"decoder.up.{levels - 1 - level}.block.\1."),
                  (rf"^decoder\.up_blocks\.{level}\.upsamplers\.0\.", f"decoder.up.{levels - 1 - level}.upsample.")]
    return rules


VAE_INNER = [
    (r"\.conv_shortcut\.", ".nin_shortcut."), (r"\.group_norm\.", ".norm."), (r"\.to_q\.", ".q."), (r"\.to_k\.", ".k."),
    (r"\.to_v\.", ".v."), (r"\.to_out\.0\.", ".proj_out."),
]


def vae(weights, config):
    """`first_stage_model.*`; attention projections are 1x1 convolutions there."""
    outer = vae_rules(len(config["block_out_channels"]), config["layers_per_block"])
    named = {}
    for name, tensor in weights.items():
        renamed = rename(rename(name, outer), VAE_INNER)
        if "attn_1" in renamed and tensor.ndim == 2:
            tensor = tensor[:, :, None, None]
        named["first_stage_model." + renamed] = tensor
    return named


def clip_text(weights):
    """`cond_stage_model.transformer.*`, the text encoder of 1.x under its own names."""
    return {"cond_stage_model.transformer.text_model." + name.removeprefix("text_model."): tensor
            for name, tensor in weights.items()}


def open_clip_text(weights, layers):
    """`cond_stage_model.model.*`, the text encoder of 2.x: one joint projection, and a last layer that is not used."""
    weights = {name.removeprefix("text_model."): tensor for name, tensor in weights.items()}
    top = "cond_stage_model.model."
    named = {
        top + "positional_embedding": weights["embeddings.position_embedding.weight"],
        top + "token_embedding.weight": weights["embeddings.token_embedding.weight"],
        top + "ln_final.weight": weights["final_layer_norm.weight"],
        top + "ln_final.bias": weights["final_layer_norm.bias"],
        top + "logit_scale": torch.tensor(4.6052),
        top + "text_projection": torch.zeros(32, 32),
    }
    inner = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
             "self_attn.out_proj": "attn.out_proj"}
    for layer in range(layers + 1):
        source, block = f"encoder.layers.{min(layer, layers - 1)}.", f"{top}transformer.resblocks.{layer}."
        for kind in ("weight", "bias"):
            for here, there in inner.items():
                named[f"{block}{there}.{kind}"] = weights[f"{source}{here}.{kind}"].clone()
            joint = [weights[f"{source}self_attn.{part}_proj.{kind}"] for part in "qkv"]
            named[f"{block}attn.in_proj_{kind}"] = torch.cat(joint)
    return named


def rename(name, rules):
    """The first matching rule."""
    for pattern, replacement in rules:
        renamed, times = re.subn(pattern, replacement, name)
        if times:
            return renamed
    return name
