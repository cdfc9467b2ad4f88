"""Lays out what the recipes of this study name, below `work/`: models by link, pictures by copy. Standard library only.

    OUBLIETTE_TEST_DATA=... python3 prepare.py
"""

import json
import os
import shutil
from pathlib import Path

HERE = Path(__file__).parent
DATA = Path(os.environ["OUBLIETTE_TEST_DATA"]).resolve()
PICTURES = DATA / "data/emoji-canvas/train"
OBJECTS = ["lion", "guitar", "banana", "car"]


def write(name, rows):
    """A folder of pictures with captions."""
    folder = HERE / "work/data" / name
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, row in enumerate(rows):
        file = f"{number:04}.png"
        shutil.copyfile(PICTURES / row["file_name"], folder / file)
        lines.append(json.dumps({"file_name": file, "text": row["text"]}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    print(f"{name}: {len(rows)} pictures")


def main():
    models = HERE / "work/models"
    models.mkdir(parents=True, exist_ok=True)
    for model in (DATA / "models").iterdir():
        link = models / model.name
        if model.is_dir() and not link.exists():
            link.symlink_to(model)
    rows = [json.loads(line) for line in (PICTURES / "metadata.jsonl").read_text().splitlines()]
    superclass = {row["object"]: row["superclass"] for row in rows}
    write("all", rows)
    for name in OBJECTS:
        write(f"near-{name}", [r for r in rows if r["superclass"] == superclass[name] and r["object"] != name])
        write(f"unrelated-{name}", [r for r in rows if r["superclass"] != superclass[name]])
    for name in OBJECTS:
        write(f"of-{name}", [r for r in rows if r["object"] == name])
    write("of-noto", [r for r in rows if r["style"] == "noto"])
    write("near-noto", [r for r in rows if r["style"] != "noto" and r["superclass"] in ("mammal", "bird")])
    write("unrelated-noto", [r for r in rows if r["style"] != "noto" and r["superclass"] not in ("mammal", "bird")])


if __name__ == "__main__":
    main()
