"""A CLIP tokenizer of a few hundred entries, learned from captions written for it."""

import collections

from common import save_json

CAPTIONS = """
a red fox on a hill and a blue car by the river
two cats and a guitar in the old town, a picture of a lion
the painting of a green parachute over the church at night
a photo of a dog, a drawing of a banana on a white background
an astronaut riding a horse in the style of the sky
don't you'll we've they're i'm it's he'd 2022 1999 100
""".split()
MERGES = 96
BEGIN, END = "<|startoftext|>", "<|endoftext|>"


def byte_alphabet():
    """GPT-2's printable stand-ins for the 256 bytes, in CLIP's order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(rest))]


def learn_merges(words, count):
    """Byte-pair encoding: the most frequent pair first, ties in alphabetical order."""
    spelled = {word: [*word[:-1], word[-1] + "</w>"] for word in words}
    merges = []
    for _ in range(count):
        pairs = collections.Counter()
        for word, times in words.items():
            pairs.update({pair: times for pair in zip(spelled[word], spelled[word][1:])})
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelled = {word: merge(parts, best) for word, parts in spelled.items()}
    return merges


def merge(parts, pair):
    """Joins every occurrence of the pair."""
    joined = []
    for part in parts:
        if joined and (joined[-1], part) == pair and not joined[-1].endswith("</w>"):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def write(folder, length, pad, style):
    """`vocab.json`, `merges.txt` and the configs as the Stable Diffusion of that time shipped them."""
    merges = learn_merges(collections.Counter(word.strip(",.") for word in CAPTIONS), MERGES)
    letters = byte_alphabet()
    entries = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges), BEGIN, END]
    vocab = {entry: index for index, entry in enumerate(dict.fromkeys(entries))}
    folder.mkdir(parents=True, exist_ok=True)
    save_json(folder / "vocab.json", vocab)
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    save_json(folder / "tokenizer_config.json", config(length, pad, style))
    save_json(folder / "special_tokens_map.json", {
        "bos_token": added(BEGIN), "eos_token": added(END), "pad_token": pad, "unk_token": added(END)})
    return vocab


def added(content):
    """A special token in the long form of 2022."""
    return {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}


def config(length, pad, style):
    """`tokenizer_config.json` with the special tokens as objects, marked or not as `AddedToken`."""
    mark = {"__type": "AddedToken"} if style == "2022" else {}
    return {
        "add_prefix_space": False,
        "bos_token": {**mark, **added(BEGIN)},
        "do_lower_case": True,
        "eos_token": {**mark, **added(END)},
        "errors": "replace",
        "model_max_length": length,
        "name_or_path": "tiny/random",
        "pad_token": pad,
        "special_tokens_map_file": "./special_tokens_map.json",
        "tokenizer_class": "CLIPTokenizer",
        "unk_token": {**mark, **added(END)},
    }
