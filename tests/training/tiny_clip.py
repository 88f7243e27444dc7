"""A CLIP with experts small enough for seconds, the folder it comes from, and pictures to pair."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from bonaface.data.manifest import Row
from bonaface.data.pairs import Pairs
from bonaface.models.architecture import BackboneConfig
from bonaface.models.soft_moe import ExpertsConfig
from bonaface.training.recipe import Recipe
from bonaface.training.recipes.clip import practical
from bonaface.vocabulary import SPECIES, Split
from models.tiny_text import tiny_clip, write_clip_tokenizer

from .tiny import scene

EXPERTS = ExpertsConfig(num_experts=2, slots_per_expert=3, hidden=4, gate_init=0.1)


def clip_folder(folder: Path) -> Path:
    """A whole CLIP for pictures of 32 pixels, with its tokenizer."""
    write_clip_tokenizer(folder)
    tiny_clip().save_pretrained(folder)
    return folder


def clip_recipe(source: Path | str, **changes: object) -> Recipe:
    """`practical` for it, in epochs of a few steps; `changes` of the recipe, and `model` of the model's settings."""
    made = practical()
    settings = {"experts": EXPERTS, "image_size": 32, "source": str(source)} | dict(changes.pop("model", {}))  # type: ignore[call-overload]
    assert isinstance(made.model, BackboneConfig)
    assert isinstance(made.data, Pairs)
    plain = {
        "model": replace(made.model, **settings),
        "contract": replace(made.contract, size=32, through_size=43, min_face_px=8),
        "data": replace(made.data, resize=43),
        "optimisation": replace(made.optimisation, lr_new=1e-2, lr_pretrained=1e-3),
        "epochs": 2, "batch_size": 4, "num_workers": 0, "mixed_precision": "no", "name": "tiny_clip",
    }  # fmt: skip
    return replace(made, **plain | changes)


def pictures(folder: Path, *, bonafide: int = 4, attacks: int = 6) -> list[Row]:
    """Rows of train and dev with their files: smooth faces, and striped ones as attacks of two species."""
    rows = []
    for split in (Split.TRAIN, Split.DEV):
        names = ["bonafide"] * bonafide + ["print", "faceswap"] * (attacks // 2)
        for number, name in enumerate(names):
            species, path = SPECIES[name], f"{split}-{number}.png"
            side = 48 if number % 2 else 40
            face = scene(number, side=side, stripes=0.0 if name == "bonafide" else 30.0)
            cv2.imwrite(str(folder / path), np.ascontiguousarray(face.pixels[..., ::-1]))
            rows.append(Row(path, species.label, species, f"{split}-{number}", split, "made", "CC0-1.0"))
    return rows
