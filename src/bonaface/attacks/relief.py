"""The rough shape of any face, and how a rigid surface of that shape answers one lamp."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks import fields
from bonaface.attacks.outlines import FaceFrame
from bonaface.attacks.scene import Plane

REACH = 0.85
"""Half side of the square that the relief covers, in sides of the face."""

NUM_KNOTS = 96
"""Points of the relief along each side of that square."""

BUMPS = (
    (0.0, -0.34, 0.3, 0.06, 0.03),  # brow
    (0.0, -0.1, 0.055, 0.14, 0.05),  # bridge of the nose
    (-0.25, 0.06, 0.1, 0.09, 0.035),  # cheeks
    (0.25, 0.06, 0.1, 0.09, 0.035),
    (-0.22, -0.22, 0.09, 0.05, -0.035),  # eye sockets
    (0.22, -0.22, 0.09, 0.05, -0.035),
    (0.0, 0.22, 0.11, 0.04, 0.025),  # lips
    (0.0, 0.44, 0.1, 0.07, 0.04),  # chin
)
"""x, y, width and height (Gaussian sigmas) and rise of what stands out of the head, in shares of the face's side;
the tip of the nose stands where it is seen. Set by eye."""


@dataclass(frozen=True, slots=True)
class Lamp:
    """A far lamp.

    Attributes:
        from_deg: Direction in the picture that its light comes from, as in `light.slope`.
        height_deg: Its height above the plane of the picture; 90 stands behind the camera.
    """

    from_deg: float
    height_deg: float


def relief(nose: tuple[float, float], ripple: Plane) -> Plane:
    """Height above the plane of the picture, (knots, knots), in shares of the side.

    Args:
        nose: Tip of the nose in the face's frame, in shares.
        ripple: Added to it, (knots, knots).
    """
    x = np.linspace(-REACH, REACH, NUM_KNOTS, dtype=np.float32)[None, :]
    y = x.T
    head = np.sqrt(np.maximum(1 - (x / 0.56) ** 2 - ((y + 0.06) / 0.78) ** 2, 0.01))
    height = np.float32(0.48) * head + ripple
    for bump in (*BUMPS, (*nose, 0.06, 0.05, 0.09)):
        cx, cy, wide, tall, rise = (np.float32(v) for v in bump)
        height += rise * np.exp(-0.5 * ((y - cy) / tall) ** 2) * np.exp(-0.5 * ((x - cx) / wide) ** 2)
    return np.asarray(height, dtype=np.float32)


def ripple(rng: np.random.Generator, height: float) -> Plane:
    """What the mould missed: slow unevenness with a deviation of `height`, in shares of the side."""
    return np.float32(height) * fields.unevenness(rng, NUM_KNOTS, NUM_KNOTS, cells=12)


def lit(height: Plane, lamp: Lamp, *, roll_deg: float, sharpness: float) -> tuple[Plane, Plane]:
    """How the relief answers the lamp: matt reflection over that of a flat sheet, and mirrored light in [0, 1].

    Args:
        height: From `relief`.
        lamp: The light.
        roll_deg: Turn of the face in the picture.
        sharpness: Blinn's exponent: 10 is skin, 100 is varnish.
    """
    step = 2 * REACH / (NUM_KNOTS - 1)
    right = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / (8 * step), borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / (8 * step), borderType=cv2.BORDER_REPLICATE)
    steepness = np.sqrt(1 + right * right + down * down)
    turn, up = np.deg2rad(lamp.from_deg - roll_deg), np.deg2rad(lamp.height_deg)
    to_lamp = np.array([np.cos(turn) * np.cos(up), np.sin(turn) * np.cos(up), np.sin(up)])
    halfway = to_lamp + np.array([0, 0, 1])
    halfway /= np.linalg.norm(halfway)

    def along(direction: npt.NDArray[np.float64]) -> Plane:
        x, y, z = (np.float32(v) for v in direction)
        return np.asarray(np.maximum(z - x * right - y * down, 0) / steepness, dtype=np.float32)

    return along(to_lamp) / np.float32(to_lamp[2]), along(halfway) ** np.float32(sharpness)


def on_picture(plane: Plane, frame: FaceFrame, rows: slice, columns: slice) -> Plane:
    """A plane over the relief's knots, laid on a window of the picture; beyond its border it repeats."""
    corners = np.array([[-REACH, -REACH], [REACH, -REACH], [-REACH, REACH]])
    seen = (frame.to_pixels(corners) - (columns.start, rows.start)).astype(np.float32)
    last = NUM_KNOTS - 1
    matrix = cv2.getAffineTransform(np.array([[0, 0], [last, 0], [0, last]], np.float32), seen)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    return np.asarray(
        cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        dtype=np.float32,
    )
