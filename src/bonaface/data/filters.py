"""What an app's filter makes of a genuine portrait: faded blacks, tinted shadows and lights, one colour for all, dark corners, stray light.

Paper has no black and its white is the lamp's, and so it is with a picture that was given the look of old film. Of genuine faces from elsewhere
that a detector took for prints many were such. The detail of a filtered picture is still a camera's: that must decide.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bonaface.attacks.light import LUMA, look_up
from bonaface.types import Picture

GREY = np.array(LUMA, np.float32)

Tones = npt.NDArray[np.floating[Any]]
"""A picture, or a plane of one, with 0 for black and 1 for white."""


def filtered(pixels: Picture, rng: np.random.Generator) -> Picture:
    """The picture under a filter; each of its parts is in some filters and not in others.

    Args:
        pixels: (height, width, 3) uint8 RGB; it stays as it is.
        rng: Every draw comes from it.
    """
    curves, tints, one_colour, corners, stray = rng.random(5) < (0.8, 0.5, 0.15, 0.3, 0.15)
    picture: Tones = pixels.astype(np.float32) / 255
    if one_colour:
        picture = _in_one_colour(picture, rng)
    if tints:
        picture = _tinted(picture, rng)
    if curves:
        picture = _faded(picture, rng)
    if corners:
        picture = picture * (1 - rng.uniform(0.1, 0.6) * _distance(pixels.shape, rng, about=0.1))
    if stray:
        glow = (1 - _distance(pixels.shape, rng, about=0.5)) ** 2
        picture = picture + rng.uniform(0.1, 0.5) * glow * rng.uniform((0.6, 0.2, 0.0), (1.0, 0.7, 0.6))
    return _levels(picture)


def _levels(picture: Tones) -> Picture:
    return np.asarray(np.clip(np.rint(255 * picture), 0, 255), np.uint8)


def _faded(picture: Tones, rng: np.random.Generator) -> Tones:
    """Every channel between a black and a white of its own, along a curve of its own."""
    blacks = rng.uniform(0, 0.22) * rng.uniform(0.3, 1, 3)
    whites = 1 - rng.uniform(0, 0.2) * rng.uniform(0, 1, 3)
    gammas = np.exp(rng.normal(0, 0.2) + rng.normal(0, 0.12, 3))
    steps = (np.arange(256)[:, None] / 255) ** gammas
    return look_up(_levels(picture), blacks + (whites - blacks) * steps)


def _tinted(picture: Tones, rng: np.random.Generator) -> Tones:
    """Shadows in one tint and lights in another."""
    light = (picture @ GREY)[..., None]
    shadow, bright = (rng.normal(0, 0.06, 3).astype(np.float32) for _ in range(2))
    return np.asarray(picture + shadow * (1 - light) ** 2 + bright * light**2, np.float32)


def _in_one_colour(picture: Tones, rng: np.random.Generator) -> Tones:
    """Brown, blue or grey as a whole, or nearly so."""
    light = (picture @ GREY)[..., None]
    share = np.float32(rng.uniform(0.6, 1.0))
    tone = (1 + rng.normal(0, 0.1, 3)).astype(np.float32)
    return np.asarray((1 - share) * picture + share * light * tone, np.float32)


def _distance(shape: tuple[int, ...], rng: np.random.Generator, *, about: float) -> Tones:
    """From 0 at a place that lies by chance up to `about` sides off the middle, to 1 at three quarters of the diagonal."""
    height, width = shape[:2]
    x0, y0 = (0.5 + rng.uniform(-about, about, 2)) * (width, height)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    far = np.hypot(columns - x0, rows - y0) / (0.75 * np.hypot(height, width))
    return np.asarray(np.clip(far**2, 0, 1)[..., None], np.float32)
