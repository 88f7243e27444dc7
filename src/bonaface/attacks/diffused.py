"""Noise put into a picture and taken out again, time after time, each time less: what a diffusion model's last steps do.

What no step can tell from noise is gone, and what stays has been drawn by the denoiser. Here the denoiser is the simplest that there
is: weak coefficients of a cosine transform shrink, strong ones stay, on another grid at every step.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks import fields
from bonaface.attacks.blocks import dct_basis, from_blocks, padded, to_blocks
from bonaface.attacks.products import times
from bonaface.attacks.scene import Plane
from bonaface.types import Picture

BLOCK = 8

OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3.0], [2.0], [6.0]])
"""R, G and B as one light and two colours, orthonormal: noise that is alike in the channels stays alike strong."""

SURE = 3.0
"""Amplitudes of so many times the noise keep a half."""


def diffused(
    picture: Picture, rng: np.random.Generator, *, passes: int, noise: float, colour_noise: float
) -> npt.NDArray[np.float32]:
    """The picture after `passes` of noise and denoising.

    Args:
        picture: (height, width, 3) uint8 RGB.
        rng: Of the noise and of the grids.
        passes: At least 1.
        noise: Deviation of the first noise, in steps of uint8; the last is a share 1 / passes of it.
        colour_noise: Share of the noise that differs between the channels, in [0, 1].

    Returns:
        (height, width, 3) float32, about 0 to 255.

    References:
        Ho et al. 2020, Denoising diffusion probabilistic models; Donoho and Johnstone 1994, on shrinking.
    """
    height, width = picture.shape[:2]
    code = picture.astype(np.float32)
    alike, apart = np.float32(np.sqrt(1 - colour_noise)), np.float32(np.sqrt(colour_noise))
    for number in range(passes):
        level = noise * (1 - number / passes)
        shared, *own = (_fine(fields.grain(rng, height, width)) for _ in range(4))
        code = code + np.float32(level) * cv2.merge([alike * shared + apart * one for one in own])
        planes = cv2.split(cv2.transform(code, OPPONENT.astype(np.float32)))
        levels = level * np.sqrt([1 + 2 * (1 - colour_noise), colour_noise, colour_noise])
        offset = (int(rng.integers(BLOCK)), int(rng.integers(BLOCK)))
        shrunk = [
            _shrunk(plane, SURE * float(one), offset) for plane, one in zip(planes, levels, strict=True)
        ]
        code = np.asarray(cv2.transform(cv2.merge(shrunk), OPPONENT.T.astype(np.float32)), np.float32)
    return code


def _fine(noise: Plane) -> Plane:
    """Without what is slower than a block: a denoiser that sees farther than that is not misled by it."""
    return np.asarray(noise - cv2.GaussianBlur(noise, (0, 0), BLOCK / 2), np.float32)


def _shrunk(plane: Plane, level: float, offset: tuple[int, int]) -> Plane:
    """Every coefficient c of a block but its mean becomes c^3 / (c^2 + level^2)."""
    whole, basis = padded(np.asarray(plane, np.float32), BLOCK, offset=offset), dct_basis(BLOCK)
    waves = times(to_blocks(whole, BLOCK), basis, is_transposed=True)
    power = waves * waves
    share = power / (power + np.float32(max(level * level, 1e-6)))
    share[:, 0] = 1
    code = from_blocks(times(waves * share, basis), BLOCK, *whole.shape)
    return code[offset[0] :, offset[1] :][: plane.shape[0], : plane.shape[1]]
