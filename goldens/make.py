"""Makes every golden of the project: `python make.py OUT`; with OUBLIETTE_TEST_DATA also those of the larger models."""

import shutil
import sys
from pathlib import Path

import attached
import bounds
import closed_forms
import detectors
import erasure
import frechet
import guides
import inception
import lora
import mace
import masks
import networks
import null_space
import objectives
import pictures
import presets
import released
import separable
import tiny
import token_ids
import training
import trajectories
import uce
import updates
from common import test_data
from diffusers import StableDiffusionPipeline
from diffusers.utils import logging

EMOJI_PROMPTS = ["a noto style lion on a pink background", "a twemoji style guitar", "a banana"]


def open_pipeline(folder):
    """A folder in f32, without a progress bar."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def write_pipeline(folder, out, **prompts):
    """Outputs, pictures and gradients of one folder; each part opens it afresh."""
    networks.write(open_pipeline(folder), out / "networks.safetensors")
    pictures.write(open_pipeline(folder), out / "pictures.safetensors", **prompts)
    training.write(open_pipeline(folder), out / "training.safetensors", **prompts)


def write_tiny(out):
    """What every checkout can test."""
    tiny.write(out)
    released.write(out)
    trajectories.write(out)
    bounds.write(out / "bounds.json")
    masks.write(out / "masks.json")
    frechet.write(out / "frechet.json")
    inception.write(out / "inception.safetensors")
    for name in ("tiny-sd1", "tiny-sd2"):
        write_pipeline(out / name, out / f"of-{name}")
        objectives.write(open_pipeline(out / name), out / f"of-{name}" / "objectives.safetensors")
        attached.write(open_pipeline(out / name), out / f"of-{name}" / "attached.safetensors")
        updates.write(open_pipeline(out / name), out / f"of-{name}" / "updates.safetensors")
        presets.write(open_pipeline(out / name), out / f"of-{name}" / "presets.safetensors")
        separable.write(open_pipeline(out / name), out / f"of-{name}" / "separable.safetensors")
    lora.write(open_pipeline(out / "tiny-sd1"), out / "lora")
    erasure.write(open_pipeline(out / "tiny-sd1"), out / "erasure.safetensors")
    guides.write(open_pipeline(out / "tiny-sd1"), out / "guides.safetensors")
    closed_forms.write(open_pipeline(out / "tiny-sd1"), out / "closed_forms.safetensors")
    mace.write(open_pipeline(out / "tiny-sd1"), out / "mace.safetensors")
    null_space.write(open_pipeline(out / "tiny-sd1"), out / "null_space.safetensors")
    uce.write(open_pipeline(out / "tiny-sd1"), out / "uce.safetensors")
    detectors.write_clip(out / "tiny-clip", out / "of-tiny-clip.safetensors")
    detectors.write_vit(out / "tiny-vit", out / "of-tiny-vit.safetensors")


def write_larger(models, out):
    """Outputs only: the models themselves are test data."""
    write_pipeline(models / "emoji-sd", out / "of-emoji-sd", prompts=EMOJI_PROMPTS)
    networks.write(open_pipeline(models / "emoji-sd-without-lion-guitar-banana"), out / "of-emoji-sd-twin.safetensors")
    detectors.write_clip(models / "clip", out / "of-clip.safetensors", EMOJI_PROMPTS)
    for name in ("judge-object", "judge-style"):
        detectors.write_vit(models / name, out / f"of-{name}.safetensors")


def main(out):
    """Everything below `out`, which is emptied first."""
    logging.disable_progress_bar()
    shutil.rmtree(out, ignore_errors=True)
    write_tiny(out)
    token_ids.write(out)
    if (data := test_data()) is not None:
        write_larger(data / "models", out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
