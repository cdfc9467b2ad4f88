"""Opens what oubliette wrote with diffusers, transformers and PEFT, and compares pictures.

`interop.py prepare WORK MODEL...` writes the inputs of every model; `interop.py check WORK SCHEMAS` judges what came out.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).parent))
import drawing  # noqa: E402
import records  # noqa: E402

DECIBELS = 45.0
KEYS_AND_VALUES = ("attn2.to_k.weight", "attn2.to_v.weight")
CROSS_ATTENTION = (*KEYS_AND_VALUES, "attn2.to_q.weight", "attn2.to_out.0.weight", "attn2.to_out.0.bias")
# Methods beside UCE, each drawn once, and what they may change; "" is any weight of the denoiser.
METHODS = {"esd": CROSS_ATTENTION, "sculpting": CROSS_ATTENTION, "speed": KEYS_AND_VALUES, "erasediff": "", "sdd": CROSS_ATTENTION}
# Methods whose change was written as an adapter by itself.
ADAPTERS = ("esd", "sdd", "erasediff", "advunlearn")
CONCEPT = """schema = 1
id = "fox"
kind = "object"
names = ["fox"]
superclass = "dog"
keep = ["cat"]
reason = "a test of what others read"
prompts = ["a red {name}"]
[[detector]]
kind = "clip"
model = "CLIP"
prompt = "a fox"
against = ["a dog", "a car"]
[claim]
tolerated = 0.05
returned = 0.30
false_alarm = 0.05
missed_return = 0.05
keep_margin = 0.05
"""


def prepare(work, models):
    """Latents, step noise and a concept for every model."""
    work.mkdir(parents=True, exist_ok=True)
    for model in models:
        folder = work / model.name
        folder.mkdir(exist_ok=True)
        generator = np.random.default_rng(31)
        drawn = {"latents": (1, 4, 8, 8), "step_noise": (1, drawing.STEPS + 1, 4, 8, 8)}
        save_file({name: torch.from_numpy(generator.standard_normal(shape).astype(np.float32))
                   for name, shape in drawn.items()}, folder / "latents.safetensors")
        (folder / "source").write_text(str(model))
    pictures = work / "pictures"
    pictures.mkdir(exist_ok=True)
    Image.fromarray(np.full((16, 16, 3), 200, np.uint8)).save(pictures / "0.png")
    (pictures / "metadata.csv").write_text("file_name,text\n0.png,a grey square\n")
    clip = Path(__file__).parent.parent / "goldens/data/tiny-clip"
    (work / "concept.toml").write_text(CONCEPT.replace("CLIP", str(clip)))


def decibels(found, wanted):
    """Peak signal-to-noise ratio of two 8-bit pictures."""
    error = np.mean((found.astype(np.float64) - wanted.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255.0**2 / error)


def same_picture(what, path, wanted):
    """One line, and whether it is near enough."""
    ratio = decibels(np.asarray(Image.open(path).convert("RGB")), wanted)
    print(f"  {what}: {ratio:.1f} dB")
    return ratio >= DECIBELS


def tensors(path):
    """Names and bytes of the tensors of one file."""
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def untouched(source, made, moved):
    """Everything but the edited weights is the same, byte for byte; what changed ends as `moved` says."""
    good = True
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        name, copy = path.relative_to(source), made / path.relative_to(source)
        if name.parts[0] == "unet" and path.suffix == ".safetensors":
            old, new = tensors(path), tensors(copy)
            changed = [key for key in old if not torch.equal(old[key], new[key])]
            wrong = [key for key in changed if not key.endswith(moved)]
            print(f"  {name}: {len(changed)} of {len(old)} tensors changed")
            good &= bool(changed) and not wrong and old.keys() == new.keys()
        elif not copy.exists() or path.read_bytes() != copy.read_bytes():
            if name.name != "README.md":
                print(f"  {name}: is not what it was")
                good = False
    return good


def same_ids(source, made):
    """transformers reads the same tokens from the copy."""
    texts = ["a red fox", "don't!", "caf\u00e9 \U0001f981 <|endoftext|> 100"]
    one, other = drawing.tokenizer(source)(texts).input_ids, drawing.tokenizer(made)(texts).input_ids
    return one == other


def check_model(folder):
    """All pictures of one model."""
    source, made = Path((folder / "source").read_text()), folder / "uce"
    given = load_file(folder / "latents.safetensors")
    print(folder.name)
    results = [untouched(source, made, KEYS_AND_VALUES), same_ids(source, made)]
    results += [untouched(source, folder / method, moved) for method, moved in METHODS.items()]
    for sampler in drawing.SAMPLERS:
        wanted = drawing.draw(drawing.open_pipeline(made), sampler, given)
        results.append(same_picture(f"unlearned by uce, {sampler}", folder / f"{sampler}.png", wanted))
    original = drawing.draw(drawing.open_pipeline(source), "ddim", given)
    for method in METHODS:
        wanted = drawing.draw(drawing.open_pipeline(folder / method), "ddim", given)
        results.append(same_picture(f"unlearned by {method}, ddim", folder / f"{method}.png", wanted))
    for method in ADAPTERS:
        wanted = drawing.draw(drawing.with_lora(source, folder / f"{method}-lora"), "ddim", given)
        results.append(same_picture(f"adapter of {method}, ddim", folder / f"{method}-merged.png", wanted))
        results.append(not same_picture("  which the original's is not", folder / f"{method}-merged.png", original))
    wanted = drawing.draw(drawing.with_lora(source, folder / "lora"), "ddim", given)
    results.append(same_picture("adapter of an update, ddim", folder / "updated.png", wanted))
    for format_, adapted in drawing.adapted(source, folder / "adapter").items():
        wanted = drawing.draw(adapted, "ddim", given, negative="")
        results.append(same_picture(f"adapter as {format_}", folder / "adapter/picture.png", wanted))
    return all(results)


def check(work, schemas):
    """Exit status 1 when anything differs."""
    models = [folder for folder in sorted(work.iterdir()) if (folder / "source").exists()]
    good = [check_model(folder) for folder in models] + [records.check(work / "runs", schemas)]
    print("all agree" if all(good) else "something differs; see above")
    return 0 if all(good) else 1


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
    else:
        sys.exit(check(Path(sys.argv[2]), Path(sys.argv[3])))
