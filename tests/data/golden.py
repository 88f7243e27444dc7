"""Pictures made by numpy alone, and the bytes that are made of them: what a refactor must not move."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from bonaface.data.manifest import Manifest, Row
from bonaface.types import Box, Face, Picture
from bonaface.vocabulary import SPECIES, Split

GOLDEN = Path(__file__).with_suffix(".json")


def arithmetic() -> dict[str, str]:
    """What the last bit depends on: resampling, filters and matrix products round differently elsewhere."""
    return {
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "machine": platform.machine(),
    }


def picture(number: int, height: int = 210, width: int = 190) -> Picture:
    """Blobs, a slope and grain in colours of their own."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:height, 0:width] / width
    total = rng.uniform(60, 130, 3) + (x * 40 - y * 25)[..., None]
    for _ in range(9):
        centre, size, colour = rng.uniform(0.2, 0.9, 2), rng.uniform(0.003, 0.03), rng.uniform(-70, 70, 3)
        total = total + np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / size)[..., None] * colour
    return np.clip(total + rng.normal(0, 5, (height, width, 3)), 0, 255).astype(np.uint8)


class FixedFinder:
    """One face, a little off the middle, in every picture."""

    name = "dlib_hog"

    def find(self, picture: Picture) -> tuple[Face, ...]:
        height, width = picture.shape[:2]
        x, y, side = 0.26 * width, 0.24 * height, 0.49 * width
        return (Face(Box(x, y, x + side, y + side), 1.0),)


def manifest(folder: Path) -> Manifest:
    """Three people and two generated faces in train, two and one in dev."""
    rows, number = [], 0
    for split, counts in (
        (Split.TRAIN, {"bonafide": 3, "diffusion": 2}),
        (Split.DEV, {"bonafide": 2, "diffusion": 1}),
    ):
        for species, count in counts.items():
            for _ in range(count):
                path = f"{species}-{number}.png"
                Image.fromarray(picture(number)).save(folder / path)
                one = SPECIES[species]
                rows.append(Row(path, one.label, one, f"subject {number}", split, "made", "CC0-1.0"))
                number += 1
    return Manifest(tuple(rows), folder)


def digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:24]
