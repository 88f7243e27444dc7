"""Tone and light: between code values and linear light, automatic exposure, glare and uneven illumination.

Code values are turned into light by a square and back by a square root, which is within 0.03 of sRGB's curve.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.scene import Plane, Scene, face_window
from bonaface.types import Box, Picture

Light = npt.NDArray[np.float32]
"""(height, width, 3) float32, linear light; 1 is the brightest code value."""

Colour = tuple[float, float, float]
"""R, G and B."""

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B in a picture's grey value (ITU-R BT.601)."""

YCBCR = np.array([LUMA, [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""R'G'B' to Y'CbCr (ITU-R BT.601, full range)."""


def look_up(pixels: Picture, curves: npt.NDArray[np.floating]) -> Light:
    """Each channel through its own curve: `curves` is (256, 3)."""
    return np.asarray(
        cv2.LUT(pixels, np.ascontiguousarray(curves.reshape(256, 1, 3), dtype=np.float32)), dtype=np.float32
    )


def as_rgb(planes: Sequence[Plane]) -> npt.NDArray[np.float32]:
    """Y', Cr and Cb in steps of uint8, clipped, as R'G'B' in the same steps, unrounded."""
    codes = cv2.merge([np.clip(plane, 0, 255) * np.float32(1 / 255) for plane in planes])
    return np.asarray(cv2.cvtColor(codes, cv2.COLOR_YCrCb2RGB) * np.float32(255), dtype=np.float32)


def to_picture(code: Light) -> Picture:
    """Code values in [0, 1] to uint8, rounded and clipped."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(code, 0), alpha=255.0), dtype=np.uint8)


def expose(before: Scene, code: Light, face: Box, *, ratio: float, cast: Colour = (1.0, 1.0, 1.0)) -> Scene:
    """A camera that exposes for the face: the face's mean code value becomes `ratio` of what it was before.

    Args:
        before: The scene before the attack.
        code: Code values of the attack, roots of light, up to a common factor.
        face: The face box in the attack.
        ratio: Mean code value in the face box over that in `before`. Highlights clip, so a large one may be missed.
        cast: White balance, factors on the code values (R, G, B).
    """
    height, width = before.size
    wanted = sum(cv2.mean(before.pixels[face_window(height, width, before.face)])[:3]) / (3 * 255) * ratio
    seen = float(np.dot(cv2.mean(code[face_window(height, width, face)])[:3], cast)) / 3
    gain = min(max(wanted, 0.02) / max(seen, 1e-3), 4.0)
    factors = [255 * gain * factor for factor in cast]
    return Scene(np.asarray(cv2.multiply(code, (*factors, 0.0), dtype=cv2.CV_8U), dtype=np.uint8), face)


def covered(image: Light, colour: Colour, weight: Plane) -> Light:
    """The image with `colour` laid over it where `weight` is 1, mixed where it is less."""
    flat = np.empty_like(image)
    flat[:] = colour
    return np.asarray(cv2.blendLinear(image, flat, 1 - weight, weight), dtype=np.float32)


def mix_channels(light: Light, matrix: npt.NDArray[np.floating]) -> Light:
    """Each pixel's colour vector times a 3 by 3 matrix."""
    return np.asarray(cv2.transform(light, np.asarray(matrix, dtype=np.float32)), dtype=np.float32)


def saturation_matrix(saturation: float) -> npt.NDArray[np.float32]:
    """The matrix that scales the distance of every colour from its own grey: 0 is grey, 1 leaves all as is."""
    grey = np.tile(np.asarray(LUMA, dtype=np.float32), (3, 1))
    return (saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * grey).astype(np.float32)


def slope(height: int, width: int, *, angle_deg: float, amount: float) -> Plane:
    """A factor about 1 that rises by `amount` from one side of the picture to the other."""
    angle = np.deg2rad(angle_deg)
    x = np.linspace(-0.5, 0.5, width, dtype=np.float32) * np.float32(np.cos(angle))
    y = np.linspace(-0.5, 0.5, height, dtype=np.float32) * np.float32(np.sin(angle))
    return (1 + np.float32(amount) * (x[None, :] + y[:, None])).astype(np.float32)


def blob(
    height: int,
    width: int,
    *,
    center: tuple[float, float],
    radius: tuple[float, float],
    angle_deg: float,
    hardness: float,
) -> Plane:
    """A bright spot in [0, 1]: 1 at its centre, falling off as exp(-(r^2)^hardness / 2).

    Args:
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
        center: (x, y) as shares of width and height; may lie outside [0, 1].
        radius: Along its own two axes, as shares of the picture's longer side.
        angle_deg: Turn of those axes.
        hardness: 1 is a Gaussian; 3 and more look like the reflection of a lamp or a window.
    """
    rows, columns = max(height // 4, 2), max(width // 4, 2)
    long = max(height, width)
    x = (np.linspace(0, 1, columns, dtype=np.float32) - np.float32(center[0])) * np.float32(width / long)
    y = (np.linspace(0, 1, rows, dtype=np.float32) - np.float32(center[1])) * np.float32(height / long)
    angle = np.deg2rad(angle_deg)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    across = (x[None, :] * cos + y[:, None] * sin) / np.float32(radius[0])
    along = (y[:, None] * cos - x[None, :] * sin) / np.float32(radius[1])
    distance = np.minimum(across * across + along * along, np.float32(1e4))
    small = np.exp(-0.5 * distance ** np.float32(hardness))
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def surroundings(rng: np.random.Generator) -> Colour:
    """Draws the dull colour (R, G, B code values in [0, 1]) of a room or a desk out of focus."""
    grey, warm, green = float(rng.uniform(0.12, 0.75)), float(rng.normal(0, 0.06)), float(rng.normal(0, 0.02))
    red, blue = (float(np.clip(grey * (1 + sign * warm * 2), 0, 1)) for sign in (1, -1))
    return red, float(np.clip(grey * (1 + green), 0, 1)), blue
