"""What a camera's noise reduction and a retoucher's brush leave: skin without pores or grain, edges as they were, at times sharpened.

Pictures that were scanned or stored well have grain everywhere. A detector that meets smooth skin in simulated attacks only takes whoever
a phone has denoised for drawn by a decoder.
"""

from __future__ import annotations

import cv2
import numpy as np

from bonaface.types import Picture

FAINTEST, STRONGEST = 8.0, 60.0
"""Differences of colour that are smoothed away, in steps of 0..255: from a bright day to night, or a beauty mode."""


def denoised(pixels: Picture, rng: np.random.Generator) -> Picture:
    """The picture smoothed where it is flat, wholly or in part; in two of five draws then sharpened, as cameras do.

    Args:
        pixels: (height, width, 3) uint8 RGB; it stays as it is.
        rng: Every draw comes from it.

    Reference: Tomasi and Manduchi 1998, Bilateral filtering for gray and color images.
    """
    strength = float(np.exp(rng.uniform(np.log(FAINTEST), np.log(STRONGEST))))
    reach, width = float(rng.uniform(1, 4)), int(rng.choice([5, 7, 9]))
    is_partial, is_sharpened, is_speckless, is_twice = rng.random(4) < (0.5, 0.4, 0.15, 0.2)
    share, amount, radius = rng.uniform(0.5, 1), rng.uniform(0.3, 2), rng.uniform(0.6, 1.5)
    smooth = pixels
    for _ in range(1 + is_twice):
        smooth = np.asarray(cv2.bilateralFilter(smooth, width, strength, reach), np.uint8)
    if is_speckless:
        smooth = np.asarray(cv2.medianBlur(smooth, 3), np.uint8)
    found = smooth.astype(np.float32)
    if is_partial:
        found = share * found + (1 - share) * pixels
    if is_sharpened:
        found += amount * (found - cv2.GaussianBlur(found, (0, 0), radius))
    return np.asarray(np.clip(np.rint(found), 0, 255), np.uint8)
