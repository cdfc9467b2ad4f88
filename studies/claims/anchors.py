"""How alike anchors are to a concept, and how much of what defines it they lack, of the original model alone.

    OUBLIETTE_TEST_DATA=... python anchors.py      # prints the tables of anchors.toml; PyTorch, diffusers, transformers

Similarity: on noised pictures of the concept, the mean cosine between what the anchor's prompt adds to the prediction under the empty prompt and
what the concept's prompt adds; 0 for the empty anchor. Loss of attributes: of the pictures that the model draws for the anchor's prompts, the
share in which the detector does not see the concept.
"""

import os
import tomllib
from pathlib import Path

import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline
from transformers import ViTForImageClassification

HERE = Path(__file__).parent
MODELS = Path(os.environ["OUBLIETTE_TEST_DATA"]) / "models"
CONCEPTS = ["lion", "octopus", "banana", "doughnut", "guitar", "rooster"]
FAR = ["car", "bee"]
REPEATS, STEPS, GUIDANCE, THRESHOLD = 6, 12, 4.0, 0.8


def anchors(concept):
    """Every anchor's text in the concept's place, in the recipe's order; the empty text stands for the empty prompt.

    Texts that still name the concept draw something between the two: they are what has lost its attributes in part.
    """
    name, sibling = concept["names"][0], concept["keep"][0]
    mixed = [f"{name} {name} {sibling}", f"{name} {sibling}", f"{sibling} {name}"]
    return mixed + [text for far in FAR for text in (f"{name} {far}", f"{far} {name}")] + [sibling, *FAR, ""]


def prompts(concept, text):
    """The concept's prompts with another text in its place."""
    filled = [template.replace("{name}", text) if text else "" for template in concept["prompts"]]
    return [p.replace("a openmoji", "an openmoji") for p in filled for _ in range(REPEATS)]


class Model:
    """The original, and who looks at its pictures."""

    def __init__(self):
        self.pipeline = StableDiffusionPipeline.from_pretrained(MODELS / "emoji-sd")
        self.pipeline.set_progress_bar_config(disable=True)
        self.pipeline.scheduler = DPMSolverMultistepScheduler.from_config(self.pipeline.scheduler.config)
        self.judge = ViTForImageClassification.from_pretrained(MODELS / "judge-object").eval()

    @torch.no_grad()
    def draw(self, texts):
        """Latents, one a text; each place has noise of its own, the same for every list."""
        noise = torch.randn(len(texts), 4, 8, 8, generator=torch.Generator().manual_seed(11))
        return self.pipeline(texts, latents=noise, num_inference_steps=STEPS, guidance_scale=GUIDANCE, output_type="latent").images

    @torch.no_grad()
    def shows(self, latents, name):
        """The share of pictures that show the concept."""
        vae = self.pipeline.vae
        pictures = vae.decode(latents / vae.config.scaling_factor).sample.clamp(-1, 1)
        sure = self.judge(pixel_values=pictures).logits.softmax(-1)[:, self.judge.config.label2id[name]]
        return (sure >= THRESHOLD).float().mean().item()

    @torch.no_grad()
    def adds(self, noised, times, texts):
        """What the texts add to the prediction."""
        say = lambda texts: self.pipeline.text_encoder(self.pipeline.tokenizer(  # noqa: E731
            texts, padding="max_length", truncation=True, max_length=self.pipeline.tokenizer.model_max_length,
            return_tensors="pt").input_ids)[0]
        predict = lambda texts: self.pipeline.unet(noised, times, say(texts)).sample  # noqa: E731
        return (predict(texts) - predict([""] * len(texts))).flatten(1)


def measured(model, concept):
    """Similarity and loss of attributes of every anchor."""
    own = prompts(concept, concept["names"][0])
    latents = model.draw(own)
    draw = torch.Generator().manual_seed(12)
    times = torch.randint(0, 1000, (len(own),), generator=draw)
    noised = model.pipeline.scheduler.add_noise(latents, torch.randn(latents.shape, generator=draw), times)
    there, similar, lost = model.adds(noised, times, own), [], []
    for text in anchors(concept):
        texts = prompts(concept, text)
        cosine = torch.nn.functional.cosine_similarity(model.adds(noised, times, texts), there, dim=1) if text else torch.zeros(1)
        similar.append(round(cosine.mean().item(), 3))
        lost.append(round(1 - model.shows(model.draw(texts), concept["names"][0]), 3))
    return similar, lost


def main():
    """Both tables, by concept."""
    model = Model()
    tables = {}
    for id in CONCEPTS:
        concept = tomllib.loads((HERE / "concepts" / f"{id}.toml").read_text())
        tables[id] = measured(model, concept)
    for number, what in enumerate(["similarity", "loss of attributes"]):
        print(f"# {what}")
        for id, table in tables.items():
            print(f"{id} = {table[number]}")


if __name__ == "__main__":
    main()
