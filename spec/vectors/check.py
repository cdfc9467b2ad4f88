"""Checks a run's folder without any code of the project: `python check.py RUN` (Python 3, standard library only).

Canonical JSON, digests, draws and pictures are read and derived from the specification alone. It is not a replacement
for `oubliette-verify`, which also derives verdict and report; it shows that the formats can be read by others.
"""

import hashlib
import json
import sys
from decimal import Decimal
from pathlib import Path

MAX_SEED = (1 << 53) - 1


def canonical(value):
    """One text for one value: see evidence.md, "Canonical JSON"."""
    if isinstance(value, dict):
        pairs = sorted((key.encode(), key, item) for key, item in value.items())
        return "{" + ",".join(canonical(key) + ":" + canonical(item) for _, key, item in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        text = format(Decimal(repr(float(f"{value:.8e}"))), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if value is None:
        raise ValueError("null is never written")
    return json.dumps(value, ensure_ascii=False)


def read(path):
    """A canonical file with its value and the digest of its text."""
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n") and text.count("\n") == 1, path
    value = json.loads(text)
    assert canonical(value) == text[:-1], f"{path} is not canonical"
    return value, hashlib.sha256(text[:-1].encode()).hexdigest()


def numbers(*parts):
    """The two numbers that a draw or a training seed is made of."""
    digest = hashlib.sha256(("oubliette 1\n" + "".join(f"{part}\n" for part in parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")


def draw(seed, stream, prompts, stage, index):
    """Place of the prompt and image seed."""
    worst = stage["worst"] if isinstance(stage, dict) else None
    first, second = numbers("draw", seed, stream, "main" if worst is None else f"worst {worst}", index)
    place = first * len(prompts) >> 64 if worst is None else worst
    own = prompts[place].get("seed") if worst is None else None
    return place, own if own is not None else second & MAX_SEED


def check(run):
    """Raises at the first thing that is not as specified; gives the number of samples."""
    plan, plan_digest = read(run / "plan.json")
    evidence, evidence_digest = read(run / "evidence.json")
    verdict, _ = read(run / "verdict.json")
    assert evidence["started"]["plan"] == plan_digest == verdict["plan"]
    assert verdict["evidence"] == evidence_digest
    events = (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(canonical(json.loads(line)) == line for line in events)
    sampled = [event for event in map(json.loads, events) if event.pop("event") == "sampled"]
    in_order = sorted(sampled, key=lambda event: json.dumps(event, sort_keys=True))
    assert in_order == sorted(evidence["samples"], key=lambda event: json.dumps(event, sort_keys=True))
    arms = {arm["id"]: arm for arm in plan["arms"]}
    for sample in sampled:
        arm = arms[sample["cell"]["arm"]]
        drawn = draw(plan["seed"], arm["stream"], arm["prompts"], sample["cell"]["stage"], sample["index"])
        assert drawn == (sample["prompt"], sample["seed"]), sample
        picture = (run / "samples" / f"{sample['picture']}.png").read_bytes()
        assert hashlib.sha256(picture).hexdigest() == sample["picture"]
    return len(sampled)


def check_draws(path):
    """The vectors of draws."""
    vectors = json.loads(path.read_text())
    prompts = [{}] * vectors["prompts"]
    for name, stage in (("main", "main"), ("worst 3", {"worst": 3})):
        for index, place, seed in vectors[name]:
            assert draw(vectors["plan_seed"], vectors["stream"], prompts, stage, index) == (place, seed)
    for run, seed in enumerate(vectors["training"]):
        assert numbers("training", vectors["plan_seed"], "finetune/near", run)[0] & MAX_SEED == seed


if __name__ == "__main__":
    check_draws(Path(__file__).parent / "draws.json")
    print(f"{sys.argv[1]}: {check(Path(sys.argv[1]))} samples as specified")
