"""Noise-prediction loss of one batch, and its gradients by name through UNet and text encoder."""

import torch
from common import PROMPTS, normal, save_json, save_tensors
from diffusers import DDPMScheduler
from networks import encode

SHOWN = [
    "unet/conv_in.weight", "unet/conv_out.bias", "unet/time_embedding.linear_1.weight",
    "unet/down_blocks.0.resnets.0.time_emb_proj.weight", "unet/down_blocks.0.resnets.0.norm1.weight",
    "unet/down_blocks.0.attentions.0.proj_in.weight", "unet/down_blocks.0.downsamplers.0.conv.weight",
    "unet/down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight",
    "unet/down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight",
    "unet/down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_v.weight",
    "unet/mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0.bias",
    "unet/mid_block.attentions.0.transformer_blocks.0.norm2.weight",
    "text_encoder/text_model.final_layer_norm.weight", "text_encoder/text_model.encoder.layers.0.self_attn.k_proj.weight",
    "text_encoder/text_model.embeddings.position_embedding.weight",
]

LARGEST = 8_200  # entries of a gradient that is kept whole


def qualified(pipeline):
    """All trainable weights as `component/name`, the text encoder's always with its prefix."""
    named = {f"unet/{name}": weight for name, weight in pipeline.unet.named_parameters()}
    for name, weight in pipeline.text_encoder.named_parameters():
        named[f"text_encoder/text_model.{name.removeprefix('text_model.')}"] = weight
    return named


def loss_and_gradients(pipeline, prediction, latents, noise, t, prompts):
    """What diffusers' text-to-image training script computes."""
    scheduler = DDPMScheduler.from_config(pipeline.scheduler.config, prediction_type=prediction)
    weights = qualified(pipeline)
    for weight in weights.values():
        weight.grad = None
        weight.requires_grad_(True)
    context = pipeline.text_encoder(encode(pipeline, prompts))[0]
    predicted = pipeline.unet(scheduler.add_noise(latents, noise, t), t, context).sample
    target = {"epsilon": noise, "v_prediction": scheduler.get_velocity(latents, noise, t), "sample": latents}[prediction]
    loss = torch.nn.functional.mse_loss(predicted, target)
    loss.backward()
    return loss.item(), {name: weight.grad for name, weight in weights.items() if weight.grad is not None}


def write(pipeline, path, prompts=PROMPTS):
    """Loss, the norms of gradients (of all of them for epsilon), and some gradients whole."""
    latents, noise = normal(801, 3, 4, 8, 8), normal(802, 3, 4, 8, 8)
    t = torch.tensor([3, 400, 951])
    tensors, summary = {"latents": latents, "noise": noise, "t": t}, {"prompts": prompts}
    for prediction in ("epsilon", "v_prediction", "sample"):
        loss, gradients = loss_and_gradients(pipeline, prediction, latents, noise, t, prompts)
        shown = [name for name in SHOWN if name in gradients]
        small = [name for name in shown if gradients[name].numel() <= LARGEST]
        if prediction != "sample":
            tensors |= {f"{prediction}/{name}": gradients[name] for name in small}
        named = gradients if prediction == "epsilon" else shown
        norms = {name: float(f"{gradients[name].norm().item():.7g}") for name in named}
        summary[prediction] = {"loss": loss, "norms": norms}
    save_tensors(path, tensors)
    save_json(path.with_suffix(".json"), summary)
