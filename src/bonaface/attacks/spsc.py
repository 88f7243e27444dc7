"""SPSC, simulated physical spoofing clues: colour jitter, then a moire of two turned copies.

Reference: He et al., Joint Physical-Digital Facial Attack Detection Via Simulating Spoofing Clues, CVPR Workshops
2024 (arXiv 2404.08450).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.light import LUMA, Light, mix_channels, saturation_matrix
from bonaface.attacks.scene import Scene
from bonaface.types import Picture

Clues = Literal["both", "moire", "jitter"]

JITTER_STEPS = ("brightness", "contrast", "saturation", "hue")
"""The four steps of the colour jitter, by the index used in `SpscParameters.order`."""


@dataclass(frozen=True, slots=True)
class SpscParameters:
    """One set of physical clues.

    Attributes:
        seed: Kept so that all species look alike; nothing here is a noise field.
        clues: Which of the two are applied.
        order: Indices into `JITTER_STEPS`, in the order of application.
        brightness: Factor, 1 leaves the picture.
        contrast: Factor, 1 leaves the picture.
        saturation: Factor, 1 leaves the picture.
        hue: Shift in turns, in [-0.5, 0.5]; 0 leaves the picture.
        delta: The moire's turn in radians for each pixel of distance from the centre.
        legacy_center: Whether the moire's centre is (H // 2, W // 2) taken as (x, y), as the authors' code has it,
            and not (W // 2, H // 2).
    """

    seed: int
    clues: Clues
    order: tuple[int, int, int, int]
    brightness: float
    contrast: float
    saturation: float
    hue: float
    delta: float
    legacy_center: bool = False


def draw_spsc(
    rng: np.random.Generator,
    *,
    strength: float = 1.0,
    clues: Clues = "both",
    legacy_center: bool = False,
) -> SpscParameters:
    """Draws the clues; strength 1 is the paper: factors U(0.6, 1.4), hue U(-0.4, 0.4), delta U(0.0005, 0.01).

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales every range, the hue's to at most half a turn.
        clues: Which of the two clues to apply.
        legacy_center: See `SpscParameters`.
    """
    reach = 0.4 * strength
    factors = rng.uniform(1 - reach, 1 + reach, 3)
    order = [int(step) for step in rng.permutation(4)]
    return SpscParameters(
        seed=int(rng.integers(2**31)),
        clues=clues,
        order=(order[0], order[1], order[2], order[3]),
        brightness=float(factors[0]),
        contrast=float(factors[1]),
        saturation=float(factors[2]),
        hue=float(rng.uniform(-1, 1)) * min(reach, 0.5),
        delta=float(rng.uniform(0.0005, 0.01)) * strength,
        legacy_center=legacy_center,
    )


def apply_spsc(scene: Scene, parameters: SpscParameters) -> Scene:
    """The scene with the clues that `parameters` name; the face stays where it is."""
    pixels = scene.pixels
    if parameters.clues != "moire":
        pixels = jitter(pixels, parameters)
    if parameters.clues != "jitter":
        pixels = moire(pixels, delta=parameters.delta, legacy_center=parameters.legacy_center)
    return Scene(pixels, scene.face)


def jitter(pixels: Picture, parameters: SpscParameters) -> Picture:
    """Brightness, contrast, saturation and hue in the drawn order, each clipped to [0, 1]; one rounding at the end.

    Brightness mixes with black, contrast with the mean grey of the whole picture, saturation with each pixel's own
    grey (weights 0.299, 0.587, 0.114); hue turns the HSV circle.

    Reference: torchvision ColorJitter. It rounds after every step; this does not.
    """
    image = pixels.astype(np.float32) * np.float32(1 / 255)
    for index in parameters.order:
        step = JITTER_STEPS[index]
        if step == "hue":
            image = _turned_hue(image, parameters.hue)
            continue
        if step == "brightness":
            image = image * np.float32(parameters.brightness)
        elif step == "contrast":
            grey = float(np.dot(cv2.mean(image)[:3], LUMA))
            image = (image - np.float32(grey)) * np.float32(parameters.contrast) + np.float32(grey)
        else:
            image = mix_channels(image, saturation_matrix(parameters.saturation))
        image = np.clip(image, 0, 1)
    return np.asarray(cv2.convertScaleAbs(image, alpha=255.0), dtype=np.uint8)


def _turned_hue(image: Light, turns: float) -> Light:
    """RGB in [0, 1] with its HSV hue moved by `turns`."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hue = hsv[..., 0] + np.float32(360 * (turns % 1))
    hsv[..., 0] = np.where(hue >= 360, hue - np.float32(360), hue)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), dtype=np.float32)


def moire(pixels: Picture, *, delta: float, legacy_center: bool = False) -> Picture:
    """0.8 of the picture plus 0.2 of its copy turned about the centre by `delta` radians for each pixel of radius.

    With rho and theta the polar coordinates about (c_x, c_y), the copy's pixel is the one at
    (c_x + rho cos(theta + delta rho), c_y + rho sin(theta + delta rho)), clipped to the picture and truncated; the
    sum is truncated too.
    """
    height, width = pixels.shape[:2]
    cx, cy = (height // 2, width // 2) if legacy_center else (width // 2, height // 2)
    dx, dy = np.arange(width) - cx, np.arange(height) - cy
    cos, sin = _turns(np.abs(dx), np.abs(dy), delta)
    where = np.empty((height, width, 2), dtype=np.int16)
    where[..., 0] = np.clip(cx + (dx[None, :] * cos - dy[:, None] * sin), 0, width - 1)
    where[..., 1] = np.clip(cy + (dx[None, :] * sin + dy[:, None] * cos), 0, height - 1)
    copy = cv2.remap(pixels, where, None, cv2.INTER_NEAREST)
    mixed = (pixels.astype(np.uint16) * 4 + copy) // 5
    return np.asarray(mixed, dtype=np.uint8)


def _turns(
    across: npt.NDArray[np.int_], down: npt.NDArray[np.int_], delta: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Cosine and sine of delta * rho for all distances, worked out for one quadrant and mirrored to the others."""
    x = np.arange(across.max() + 1, dtype=np.float64)[None, :]
    y = np.arange(down.max() + 1, dtype=np.float64)[:, None]
    turn = delta * np.sqrt(x * x + y * y)
    cos, sin = np.cos(turn), np.sin(turn)
    return cos[down][:, across], sin[down][:, across]
