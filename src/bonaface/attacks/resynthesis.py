"""What a network leaves that draws a face anew: its resolution, its smoothness, the lattice of its upsampling."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bonaface.types import Picture

LARGEST_RATIO = 0.85
"""A network's face is at most this share of the picture's: smaller faces would go through without a trace."""

PHASES = np.array([[1.5, -0.5], [-0.5, -0.5]], np.float32)
"""Gains of the four pixels that one pixel becomes in a strided, transposed convolution: one is hit by more taps."""


@dataclass(frozen=True, slots=True)
class Resynthesis:
    """One pass through a network.

    Attributes:
        network_px: Side of the face box inside the network, in pixels.
        smooth_px: Gaussian smoothing there, in the network's pixels; below 0.2 is none.
        lattice: How far the gain differs between the phases of the last twofold upsampling, as a share.
        sharpen: Unsharp amount after enlarging; 0 is none.
    """

    network_px: float
    smooth_px: float
    lattice: float
    sharpen: float


def draw_resynthesis(
    rng: np.random.Generator, *, strength: float, network_px: tuple[float, float]
) -> Resynthesis:
    """Draws a network: two in three leave a lattice, one in three results is sharpened.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales how visible the traces are.
        network_px: Range of the face's side inside the network at strength 1, drawn evenly in its logarithm.
    """
    u = rng.uniform
    has_lattice, is_sharpened = rng.random() < 0.66, rng.random() < 0.33
    return Resynthesis(
        network_px=float(np.exp(u(*np.log(network_px)))) / max(strength, 0.25) ** 0.5,
        smooth_px=float(u(0.1, 0.7)) * strength,
        lattice=float(u(0.002, 0.009)) * strength * has_lattice,
        sharpen=float(u(0.2, 0.7)) * strength * is_sharpened,
    )


def resynthesised(picture: Picture, side: float, network: Resynthesis) -> Picture:
    """Down to the network's resolution, through its smoothing and upsampling, and back to the picture's size.

    Args:
        picture: (height, width, 3) uint8 RGB, a face's surroundings.
        side: Of the face box there, in pixels.
        network: As drawn.
    """
    height, width = picture.shape[:2]
    ratio = min(network.network_px / side, LARGEST_RATIO)
    size = (max(round(width * ratio), 2), max(round(height * ratio), 2))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if network.smooth_px >= 0.2:
        small = cv2.GaussianBlur(small, (0, 0), network.smooth_px)
    if network.lattice > 0:
        tiles = np.tile(1 + np.float32(network.lattice) * PHASES, (size[1] // 2 + 1, size[0] // 2 + 1))
        gain = np.ascontiguousarray(tiles[: size[1], : size[0]])
        small = cv2.multiply(small, cv2.merge([gain, gain, gain]), dtype=cv2.CV_32F)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if network.sharpen > 0:
        soft = cv2.GaussianBlur(large, (0, 0), 1.5 / ratio**0.5)
        large = cv2.addWeighted(large, 1 + network.sharpen, soft, -network.sharpen, 0)
    return np.asarray(cv2.convertScaleAbs(np.maximum(large, 0)), dtype=np.uint8)
