"""A picture in the words of a small book: every patch is the sum of a few out of so many, as a quantising coder has it.

The words are patches of the picture itself. What none of them says is not said, and what is said is said alike everywhere.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.light import as_rgb
from bonaface.attacks.products import times
from bonaface.attacks.scene import Plane
from bonaface.types import Picture


def in_words(
    picture: Picture, rng: np.random.Generator, *, side: int, words: int, atoms: int
) -> npt.NDArray[np.float32]:
    """The picture's light in words, its colours as slow as the patches are wide.

    Args:
        picture: (height, width, 3) uint8 RGB.
        rng: Which patches become words.
        side: Of a patch, an even number of pixels; patches overlap by a half.
        words: How many there are.
        atoms: How many of them a patch is the sum of, chosen one after the other.

    Returns:
        (height, width, 3) float32, about 0 to 255.

    References:
        van den Oord et al. 2017, Neural discrete representation learning; Mallat and Zhang 1993, Matching pursuits.
    """
    light, *colours = (
        plane.astype(np.float32) for plane in cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb))
    )
    step = side // 2
    height, width = light.shape
    whole = cv2.copyMakeBorder(
        light, step, step + -height % step, step, step + -width % step, cv2.BORDER_REFLECT_101
    )
    laid = np.lib.stride_tricks.sliding_window_view(whole, (side, side))[::step, ::step]
    patches = np.ascontiguousarray(laid, dtype=np.float32).reshape(-1, side * side)
    means = patches.mean(axis=1, keepdims=True)
    said = _said(patches - means, _book(patches - means, rng, words), atoms) + means
    code = _laid(said.reshape(*laid.shape[:2], side, side), step, whole.shape)[step:, step:][:height, :width]
    slow = [cv2.GaussianBlur(plane, (0, 0), side / 3) for plane in colours]
    return as_rgb([code, *slow])


def _book(patches: Plane, rng: np.random.Generator, words: int) -> Plane:
    """(words, side^2), each of length 1: of four times as many patches at random those that say most."""
    drawn = patches[rng.integers(len(patches), size=4 * words)]
    loudness = np.linalg.norm(drawn, axis=1)
    chosen = np.argsort(-loudness, kind="stable")[:words]
    return np.ascontiguousarray(drawn[chosen] / np.maximum(loudness[chosen], 1e-3)[:, None], dtype=np.float32)


def _said(patches: Plane, book: Plane, atoms: int) -> Plane:
    """What the words that fit best say of each patch."""
    left = patches.copy()
    for _ in range(atoms):
        fits = times(left, book, is_transposed=True)
        best = np.abs(fits).argmax(axis=1)
        left -= np.take_along_axis(fits, best[:, None], axis=1) * book[best]
    return np.asarray(patches - left, dtype=np.float32)


def _laid(patches: npt.NDArray[np.float32], step: int, size: tuple[int, ...]) -> Plane:
    """Overlapping patches as one plane: the mean of what they say of each pixel."""
    rows, columns, side, _ = patches.shape
    total, count = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for y in range(side):
        for x in range(side):
            place = slice(y, y + rows * step, step), slice(x, x + columns * step, step)
            total[place][:rows, :columns] += patches[:, :, y, x]
            count[place][:rows, :columns] += 1
    return np.asarray(total / np.maximum(count, 1), dtype=np.float32)
