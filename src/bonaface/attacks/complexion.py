"""Colour transfer: the tones of one face brought towards those of another."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.scene import Plane
from bonaface.types import Picture

Transfer = Literal["lab", "ycbcr", "histogram"]

_GREY = 2.5
"""Largest mean difference between channels, in steps of uint8, of a picture that counts as grey."""


def is_grey(pixels: Picture) -> bool:
    """Whether the picture has no colours but those that its storage made."""
    red, green, blue = cv2.split(pixels)
    largest = max(float(cv2.norm(green, other, cv2.NORM_L1)) for other in (red, blue))
    return largest <= _GREY * float(green.size)


def as_grey(picture: Picture) -> Picture:
    """The picture without its colours, in three channels still."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)


def as_grey_as(behind: Picture, made: Picture) -> Picture:
    """What was made, without colours where what it is put into has none: a camera that sees no colour sees none in an attack."""
    return as_grey(made) if is_grey(behind) else made


def recoloured(
    source: Picture, target: Picture, where: Plane, *, transfer: Transfer, amount: float
) -> Picture:
    """The source with its tones moved towards the target's; grey when the target is grey.

    Args:
        source: (height, width, 3) uint8 RGB.
        target: The same size.
        where: (height, width); both are measured where it is above 0.5. Nowhere: the source stays.
        transfer: lab and ycbcr give each channel of that space the target's mean and deviation; histogram gives R, G
            and B the target's whole distribution.
        amount: Share of the way, in [0, 1]; 1 is all of it.

    Reference: Reinhard et al., Color Transfer between Images, 2001, for the means and deviations.
    """
    region = (where > 0.5).astype(np.uint8)
    if is_grey(target):
        source = as_grey(source)
        transfer = "histogram" if transfer == "histogram" else "ycbcr"
    if not region.any():
        return source
    if transfer == "histogram":
        matched = np.stack([_matched(source[..., c], target[..., c], region) for c in range(3)], axis=1)
        return _looked_up(source, matched, amount)
    there, back = _SPACES[transfer]
    source, target = cv2.cvtColor(source, there), cv2.cvtColor(target, there)
    return np.asarray(
        cv2.cvtColor(_looked_up(source, _moments(source, target, region), amount), back), np.uint8
    )


_SPACES = {
    "lab": (cv2.COLOR_RGB2LAB, cv2.COLOR_LAB2RGB),
    "ycbcr": (cv2.COLOR_RGB2YCrCb, cv2.COLOR_YCrCb2RGB),
}


def _looked_up(pixels: Picture, curves: npt.NDArray[np.floating], amount: float) -> Picture:
    """Each channel through its column of `curves` (256, 3), only `amount` of the way."""
    same = np.arange(256.0)[:, None]
    table = np.clip(np.rint(same + amount * (curves - same)), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, table.reshape(256, 1, 3)), dtype=np.uint8)


def _moments(source: Picture, target: Picture, region: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """(256, 3) curves that give the source's channels the target's means and, within a factor of 2, deviations."""
    (mean, deviation), (wanted, wanted_deviation) = (
        cv2.meanStdDev(one, mask=region) for one in (source, target)
    )
    gain = np.clip(wanted_deviation / np.maximum(deviation, 1.0), 0.5, 2.0)
    return np.asarray((np.arange(256.0)[:, None] - mean[:, 0]) * gain[:, 0] + wanted[:, 0])


def _matched(
    source: npt.NDArray[np.uint8], target: npt.NDArray[np.uint8], region: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float64]:
    """(256,) curve that gives one channel the target's distribution: for each value the target's at the same rank."""
    (ranks, _), (wanted, counts) = _ranks(source, region), _ranks(target, region)
    return np.interp(ranks, wanted[counts > 0], np.flatnonzero(counts > 0).astype(np.float64))


def _ranks(
    channel: npt.NDArray[np.uint8], region: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """For each of 256 values the share of pixels below it, its own counting half, and its count."""
    counts = np.asarray(
        cv2.calcHist([np.ascontiguousarray(channel)], [0], region, [256], [0, 256]), np.float64
    )
    counts = counts.reshape(256)  # OpenCV 4 gives a column
    return (np.cumsum(counts) - counts / 2) / counts.sum(), counts
