"""A run small enough for seconds: synthetic scenes, a model of two thousand weights, nine steps."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bonaface.attacks.scene import Scene
from bonaface.contract import InputContract
from bonaface.data.dataset import FixedCrops, LabelledScene, Mixture
from bonaface.faces.crop import prepare
from bonaface.models.nano import NanoConfig
from bonaface.models.soft_moe import ExpertsConfig
from bonaface.training.material import Material
from bonaface.training.recipe import Optimisation, Recipe
from bonaface.types import Box
from bonaface.vocabulary import BONAFIDE, SPECIES

CONTRACT = InputContract(size=32, min_face_px=8)
# Written out where defaults would do: tuning those must not move what is measured here.
TINY = Recipe(
    name="tiny",
    model=NanoConfig(
        image_size=32,
        hidden_size=16,
        num_layers=1,
        num_heads=2,
        mlp_ratio=2,
        stem_widths=(4, 6, 8),
        stem_expansion=2,
        embedding_size=8,
        dropout=0.1,
        experts=ExpertsConfig(num_experts=2, slots_per_expert=2, hidden=4, gate_init=0.1),
    ),
    contract=CONTRACT,
    optimisation=Optimisation(
        lr_new=2e-3,
        lr_pretrained=1e-6,
        weight_decay=0.05,
        warmup_share=0.05,
        label_smoothing=0.02,
        combined_weight=0.5,
        clip_norm=1.0,
        ema_decay=0.998,
    ),
    mixture=Mixture(shares={"diffusion": 1.0}),
    epochs=3,
    samples_per_epoch=12,
    batch_size=4,
    num_workers=0,
)


def scene(number: int, *, side: int = 64, stripes: float = 0.0) -> Scene:
    """A smooth blob on a slope, drawn by `number`; `stripes` are what a model can learn to see."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:side, 0:side] / side
    blob = np.exp(-((x - 0.5) ** 2 + (y - 0.5) ** 2) / 0.05)[..., None] * rng.uniform(60, 120, 3)
    slope = (x * rng.uniform(-30, 30) + y * rng.uniform(-30, 30))[..., None] + rng.uniform(70, 110, 3)
    picture = blob + slope + stripes * np.sin(x * 40)[..., None] + rng.normal(0, 4, (side, side, 1))
    quarter = side / 4
    return Scene(np.clip(picture, 0, 255).astype(np.uint8), Box(quarter, quarter, 3 * quarter, 3 * quarter))


def scenes(per_species: int = 4, names: Sequence[str] = ("bonafide", "diffusion")) -> list[LabelledScene]:
    return [
        LabelledScene(
            scene(100 * k + i, stripes=0.0 if name == "bonafide" else 12.0), SPECIES[name], f"{name}-{i}"
        )
        for k, name in enumerate(names)
        for i in range(per_species)
    ]


def material() -> Material:
    """Eight training scenes and seven dev crops: not a whole number of batches."""
    known = [
        (scene(1000 + i, stripes=0.0 if i % 2 else 6.0), BONAFIDE if i % 2 else SPECIES["diffusion"])
        for i in range(7)
    ]
    crops = [(prepare(one.pixels, one.face, CONTRACT).pixels, species) for one, species in known]
    return Material(tuple(scenes()), FixedCrops(crops), {}, {("made", "none", "bonafide"): 8})


def tiny(**changes: object) -> Recipe:
    return replace(TINY, **changes)
