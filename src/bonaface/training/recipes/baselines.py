"""`zero_shot` and `linear_probe`: what CLIP knows of attacks before its encoder has learned anything of them."""

from __future__ import annotations

from dataclasses import replace

from bonaface.models.architecture import BackboneConfig
from bonaface.models.prompts import PromptsConfig
from bonaface.training.recipe import Recipe
from bonaface.training.recipes.clip import practical


def zero_shot() -> Recipe:
    """Plain CLIP, asked whether a face is live or fake: nothing learns, dev gives the threshold.

    Expected: not measured here. One pass over the dev pictures.

    Command: bonaface train zero_shot --weights CLIP_FOLDER --data p1.csv --out runs/zero-shot
    """
    model = BackboneConfig(
        experts=None, prompts=PromptsConfig(templates=("T-8",)), num_families=1, tuned="nothing"
    )
    # embeddings are judged and solved in the precision that is deployed
    return replace(practical(), name="zero_shot", model=model, epochs=1, batch_size=32, mixed_precision="no")


def linear_probe() -> Recipe:
    """A logistic regression on the embeddings of plain CLIP; dev chooses its penalty among seven.

    Every picture goes through CLIP once an epoch, under another transform each time, and what comes out is kept below the
    run's folder: four epochs are four views of each pair.

    Expected: not measured here. Four passes over the train pictures, one over those of dev, and seconds.

    Command: bonaface train linear_probe --weights CLIP_FOLDER --data p1.csv --out runs/linear-probe
    """
    model = BackboneConfig(experts=None, prompts=None, num_families=1, tuned="probe")
    return replace(zero_shot(), name="linear_probe", model=model, epochs=4)
