"""The input contract: how a picture becomes a model's input, as data that travels with the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class InputContract:
    """Carried out by `faces.crop.prepare` alone, in training, evaluation and inference.

    Attributes:
        finder: Which finder's boxes the model was trained on; `whole`: pictures are crops already, taken as they are.
        margin_ratio: Added on every edge of the square face box, as a share of its side.
        size: Side of the crop in pixels.
        interpolation: `area`: areas are averaged when shrinking, neighbours mixed linearly when growing.
        outside: What stands where the crop reaches outside the picture.
        min_face_px: Faces whose box is smaller get no decision.
        mean: Per channel, on values in [0, 1], RGB. Applied inside the model's graph.
        std: As mean.
        through_size: Side that whole pictures are brought to first; None = at once to `size`.
    """

    finder: Literal["dlib_hog", "yunet", "whole"] = "dlib_hog"
    margin_ratio: float = 0.15
    size: int = 160
    interpolation: Literal["area"] = "area"
    outside: Literal["reflect", "edge", "black"] = "reflect"
    min_face_px: int = 48
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)
    through_size: int | None = None
