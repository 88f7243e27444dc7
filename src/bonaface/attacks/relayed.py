"""What stands between a stream and its capture: a card that takes frames off a cable, and a program that takes them off a desktop."""

from __future__ import annotations

import cv2
import numpy as np

from bonaface.attacks.scene import Plane
from bonaface.types import Picture

BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32)
"""The ordered thresholds of a 4 x 4 dither, in sixteenths; Bayer 1973."""


def off_a_cable(
    frame: Picture, *, is_bobbed: bool, is_odd: bool, peaking: float, peaking_px: float, chroma_shift: float
) -> Picture:
    """A frame as a capture card has it of an interlaced signal: half of the rows, sharpened along them, colour at half width.

    Args:
        frame: (height, width, 3) uint8 RGB.
        is_bobbed: Whether every other row is drawn anew from its neighbours, or all are averaged with theirs.
        is_odd: Which rows are drawn anew.
        peaking: Unsharp amount along rows.
        peaking_px: Gaussian sigma of what is taken off.
        chroma_shift: How far the colours are laid off along rows, in pixels.
    """
    light, *colours = cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb))
    soft = cv2.GaussianBlur(light, (0, 0), sigmaX=peaking_px, sigmaY=1e-6)
    planes = [cv2.addWeighted(light, 1 + peaking, soft, -peaking, 0)]
    planes += [_half_wide(plane, chroma_shift) for plane in colours]
    whole = np.asarray(cv2.cvtColor(cv2.merge(planes), cv2.COLOR_YCrCb2RGB), np.uint8)
    around = (
        np.array([[1], [0], [1]], np.float32) / 2 if is_bobbed else np.array([[1], [2], [1]], np.float32) / 4
    )
    drawn = np.asarray(cv2.filter2D(whole, -1, around, borderType=cv2.BORDER_REFLECT_101), np.uint8)
    if is_bobbed:
        whole[int(is_odd) :: 2] = drawn[int(is_odd) :: 2]
        return whole
    return drawn


def _half_wide(plane: Plane, shift: float) -> Plane:
    """A colour at half resolution along rows (4:2:2), laid off to the right."""
    height, width = plane.shape
    small = cv2.resize(plane, ((width + 1) // 2, height), interpolation=cv2.INTER_AREA)
    back = np.array([[small.shape[1] / width, 0, -shift / 2], [0, 1, 0]])
    return np.asarray(
        cv2.warpAffine(
            small, back, (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )
    )  # fmt: skip


def off_a_desktop(frame: Picture, *, bits: int, is_dithered: bool, gamma: float) -> Picture:
    """A frame as a program grabs it from a screen's memory: few levels, with green one bit finer, and a curve that is not its own.

    Args:
        frame: (height, width, 3) uint8 RGB.
        bits: For red and blue, 4 to 7.
        is_dithered: Whether an ordered pattern of 4 x 4 pixels hides the steps, or values are rounded.
        gamma: Codes, as shares of 255, are taken to this power; 1 leaves them.
    """
    height, width = frame.shape[:2]
    codes = (np.arange(256, dtype=np.float64) / 255) ** gamma * 255
    values = np.asarray(codes.astype(np.float32)[frame], np.float32)
    steps = np.array([255 / (2 ** (bits + more) - 1) for more in (0, 1, 0)], np.float32)
    offset = np.full((height, width, 1), 0.5, np.float32)
    if is_dithered:
        tiles = np.tile((BAYER + np.float32(0.5)) / np.float32(16), (-(-height // 4), -(-width // 4)))
        offset = np.asarray(tiles[:height, :width, None], np.float32)
    rounded = np.floor(values / steps + offset) * steps
    return np.asarray(np.clip(np.rint(rounded), 0, 255), np.uint8)
