"""The values that pass between rooms: boxes, faces, crops and verdicts. All frozen, all with units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bonaface.vocabulary import Family, Outcome, Reason

Picture = npt.NDArray[np.uint8]
"""An image: (height, width, 3), uint8, RGB. The only form in which pictures travel outside `models`."""


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box in pixels of its picture; x to the right, y down; may reach outside the picture."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def center(self) -> tuple[float, float]:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    @property
    def side(self) -> float:
        """The longer side, in pixels."""
        return max(self.width, self.height)

    def scaled(self, factor: float) -> Box:
        """The same box in a picture resized by `factor`."""
        return Box(self.x1 * factor, self.y1 * factor, self.x2 * factor, self.y2 * factor)

    def shifted(self, dx: float, dy: float) -> Box:
        """The same box moved by (dx, dy) pixels."""
        return Box(self.x1 + dx, self.y1 + dy, self.x2 + dx, self.y2 + dy)

    def squared(self, margin_ratio: float = 0.0) -> Box:
        """The square about the same centre: the longer side, and `margin_ratio` of it on every edge.

        >>> Box(10, 10, 30, 20).squared(0.25)
        Box(x1=5.0, y1=0.0, x2=35.0, y2=30.0)
        """
        half = self.side * (0.5 + margin_ratio)
        cx, cy = self.center
        return Box(cx - half, cy - half, cx + half, cy + half)


@dataclass(frozen=True, slots=True)
class Face:
    """A face that a finder found.

    Attributes:
        box: Square box from the brows to the chin, in pixels of the picture, whatever the finder.
        confidence: The finder's own, in its own unit; compare only within one finder.
        landmarks: (5, 2) points in pixels: right eye, left eye, nose tip, right and left mouth corner (the
            person's right and left), or None where the finder has none.
    """

    box: Box
    confidence: float
    landmarks: npt.NDArray[np.float32] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """The model's input for one face.

    Attributes:
        pixels: (size, size, 3) uint8 RGB.
        box: The finder's face box in the picture.
        num_faces: Faces found in the picture.
        outside_ratio: Share of the crop's area that lies outside the picture, in [0, 1].
    """

    pixels: Picture = field(repr=False, compare=False)
    box: Box
    num_faces: int
    outside_ratio: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of one face, or of a picture without one.

    Attributes:
        outcome: bonafide, attack or no_decision.
        attack_score: In [0, 1], higher = attack; None without a decision.
        threshold: At or above it the outcome is attack.
        reason: A code of `Reason`.
        detail: The same for people, one sentence.
        box: The judged face, in pixels of the upright picture; None when there is none.
        num_faces: Faces found in the picture.
        bundle: Name and version of the bundle that judged.
        family_scores: Evidence of each family in [0, 1]; empty without a decision.
        species_scores: Of an attack, how likely it is of each species, summing to 1; empty when the outcome is no attack or
            the bundle tells no species.
    """

    outcome: Outcome
    attack_score: float | None
    threshold: float
    reason: Reason
    detail: str
    box: Box | None
    num_faces: int
    bundle: str
    family_scores: Mapping[Family, float] = field(default_factory=dict)
    species_scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def likeliest_species(self) -> str | None:
        """The species with the highest score; None where none is told."""
        return max(self.species_scores, key=lambda name: self.species_scores[name], default=None)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        plain = asdict(self)
        plain["box"] = None if self.box is None else [round(v, 1) for v in asdict(self.box).values()]
        return plain
