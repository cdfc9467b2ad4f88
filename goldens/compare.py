"""Says where two folders of goldens differ: `python compare.py OLD NEW`; exit status 1 beyond rounding."""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

# Another processor or thread count may round differently; a changed formula is far outside this.
TOLERANCE = 2e-5


def tensors_differ(old, new):
    """The worst relative difference of one safetensors file."""
    old, new = load_file(old), load_file(new)
    if old.keys() != new.keys() or any(old[name].shape != new[name].shape for name in old):
        return "other names or shapes"
    worst = max((difference(old[name], new[name]), name) for name in old)
    return f"{worst[1]} by {worst[0]:.2g}" if worst[0] > TOLERANCE else None


def difference(old, new):
    """Largest difference over largest value; whole numbers may differ by one level."""
    scale = 255.0 if old.dtype == torch.uint8 else max(1.0, old.double().abs().max().item())
    allowed = 2.0 if old.dtype == torch.uint8 else 0.0
    return max(0.0, (old.double() - new.double()).abs().max().item() - allowed) / scale


def values_differ(old, new):
    """JSON with numbers compared as the tensors are."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() != new.keys() or any(values_differ(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) != len(new) or any(values_differ(*pair) for pair in zip(old, new))
    if isinstance(old, float) and isinstance(new, float):
        return abs(old - new) > TOLERANCE * max(1.0, abs(old))
    return old != new


def file_differs(old, new):
    """What is wrong with one file, or None."""
    if not new.exists():
        return "is not made any more"
    if old.suffix == ".safetensors":
        return tensors_differ(old, new)
    if old.suffix == ".json":
        return "other values" if values_differ(json.loads(old.read_text()), json.loads(new.read_text())) else None
    return "other bytes" if old.read_bytes() != new.read_bytes() else None


def main(old, new):
    """Prints one line a difference."""
    names = {path.relative_to(old) for path in old.rglob("*") if path.is_file() and "blobs" not in path.parts}
    wrong = [(name, why) for name in sorted(names) if (why := file_differs(old / name, new / name))]
    added = {path.relative_to(new) for path in new.rglob("*") if path.is_file() and "blobs" not in path.parts} - names
    for name, why in [*wrong, *((name, "is new") for name in sorted(added))]:
        print(f"{name}: {why}")
    print(f"{len(names)} files compared, {len(wrong) + len(added)} differ")
    return 1 if wrong or added else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
