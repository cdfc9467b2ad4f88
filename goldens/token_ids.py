"""Token ids of awkward text from every tokenizer at hand."""

import unicodedata

from common import save_json, test_data
from transformers import CLIPTokenizer

TEXTS = [
    "", " ", "a red fox", "A RED FOX", "  a\tred\n\nfox  ", "don't you'll WE'VE they're", "it's 1999, isn't it?",
    "state-of-the-art (v1.4)", "a_b__c", "!!!", "hello!", "what?!...", "$5.00 & 50% <b>bold</b> &amp; &#39;",
    "caf\u00e9", unicodedata.normalize("NFD", "caf\u00e9"), "\u00c5ngstr\u00f6m", "\u212bngstrom", "stra\u00dfe STRASSE",
    "\u039f\u03b4\u03c5\u03c3\u03c3\u03b5\u03cd\u03c2 \u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3", "\u0130stanbul I\u0131i",
    "\u6771\u4eac\u30bf\u30ef\u30fc", "\ud55c\uad6d\uc5b4", "\u043f\u0440\u0438\u0432\u0435\u0442", "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22",
    "\u0645\u0631\u062d\u0628\u0627", "\U0001f981", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\ufb01sh \u00bd \u2460 \uff11\uff12\uff13",
    "a\u00a0red\u2003fox", "a\u2028b\u2029c", "\ufeffa fox", "zero\u200bwidth", "bell\u0007 null\u0000 end", "x\u0301\u0302\u0303",
    "<|endoftext|>", "a fox<|endoftext|>and more", "<|startoftext|> a fox", "<|ENDOFTEXT|>", "a painting, by <|unknown|>",
    "the guitar " * 40, "q" * 300, "'s 's'S ''ll", "a--b // c\\d", "100 000 3.14 1e-5", "mc\u2019donald \u201cquoted\u201d \u2026",
]


def ids(folder):
    """Padded and truncated, as pipelines ask for them."""
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    return tokenizer(TEXTS, padding="max_length", max_length=tokenizer.model_max_length, truncation=True).input_ids


def write(out):
    """`token-ids/<model>.json`: texts, and their ids."""
    folders = {"tiny-sd1": out / "tiny-sd1/tokenizer", "tiny-sd2": out / "tiny-sd2/tokenizer", "tiny-clip": out / "tiny-clip"}
    if (data := test_data()) is not None:
        folders |= {"emoji-sd": data / "models/emoji-sd/tokenizer", "clip": data / "models/clip",
                    "emoji-sd-twin": data / "models/emoji-sd-without-lion-guitar-banana/tokenizer"}
    for name, folder in folders.items():
        save_json(out / f"token-ids/{name}.json", [{"text": text, "ids": row} for text, row in zip(TEXTS, ids(folder))])
