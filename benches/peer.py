"""The other side of a benchmark, in PyTorch: `peer.py FOLDER` obeys the words that `src/main.rs` describes.

`peer.py prepare FOLDER...` makes the inputs of cases first.
"""

import ctypes
import gc
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch

sys.path.insert(0, str(Path(__file__).parent))
import gpt  # noqa: E402
import jobs  # noqa: E402
import micro  # noqa: E402
import sampling  # noqa: E402
import step  # noqa: E402

KINDS = {"esd": step.Esd, "forward": step.Forward, "gpt": gpt.Gpt, "job": jobs.Job, "micro": micro.Micro,
         "sampling": sampling.Sampling, "step": step.Step}
KINDS |= {kind: sampling.Sampling for kind in ("edit", "encode")}  # only prepared here: they have no other side


def resident(field):
    """Bytes that Linux counts under `VmRSS` or `VmHWM`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def give_back():
    """What is no longer used goes back to the system, so that the import's own needs are counted alone."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)


def serve(case, base):
    """One answer a line."""
    print("ready", flush=True)
    for line in sys.stdin:
        word = line.strip()
        if word == "check":
            print(json.dumps(case.check()), flush=True)
            Path("/proc/self/clear_refs").write_text("5")
        elif word == "go":
            start = time.perf_counter()
            case.run()
            print(time.perf_counter() - start, flush=True)
        elif word == "end":
            print(resident("VmHWM") - base, flush=True)
            return


def main():
    """Prepares, or serves."""
    opened = [(Path(folder), json.loads((Path(folder) / "case.json").read_text())) for folder in sys.argv[1:] if folder != "prepare"]
    if sys.argv[1] == "prepare":
        for folder, settings in opened:
            KINDS[settings["kind"]].prepare(folder, settings)
        return None
    [(folder, settings)] = opened
    kind = KINDS[settings["kind"]]
    torch.set_num_threads(int(os.environ.get("BENCH_THREADS", "2")))
    give_back()
    base = resident("VmRSS")
    case = kind(folder, settings)
    give_back()
    return serve(case, base)


if __name__ == "__main__":
    main()
