"""Run folders against the published schemas, with a validator that is not ours."""

import json

from jsonschema import Draft202012Validator

SCHEMAS = {"plan.json": "plan.json", "evidence.json": "evidence.json", "verdict.json": "verdict.json"}


def errors(schema, value):
    """At most three sentences on what does not fit."""
    found = sorted(Draft202012Validator(schema).iter_errors(value), key=lambda error: list(error.path))
    return [f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in found[:3]]


def check(runs, schemas):
    """Every record of every run; at least one run must be there."""
    load = lambda name: json.loads((schemas / name).read_text())  # noqa: E731
    good, folders = True, [folder for folder in sorted(runs.iterdir()) if (folder / "plan.json").exists()]
    for folder in folders:
        values = [(file, load(schema), (folder / file).read_text()) for file, schema in SCHEMAS.items()
                  if (folder / file).exists()]
        events = (folder / "events.jsonl").read_text().splitlines()
        values += [(f"events.jsonl:{number}", load("event.json"), line) for number, line in enumerate(events, 1)]
        wrong = [f"{name} {error}" for name, schema, text in values for error in errors(schema, json.loads(text))]
        print(f"{folder.name}: {len(values)} records, {len(wrong)} against the schemas")
        print("".join(f"  {line}\n" for line in wrong), end="")
        good &= not wrong
    return good and bool(folders)
