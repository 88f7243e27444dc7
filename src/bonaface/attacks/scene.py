"""A picture with one face in it: what every simulation takes and returns."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bonaface.errors import SimulationError
from bonaface.types import Box, Picture

Plane = npt.NDArray[np.float32]
"""(height, width) float32."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture and where its face is. Simulations return a new scene and never write into this one.

    Attributes:
        pixels: (height, width, 3) uint8 RGB.
        face: Square box from the brows to the chin, in pixels; may reach outside the picture.
        landmarks: (5, 2) float32, as `Face.landmarks`, or None where no finder gave any.
    """

    pixels: Picture = field(repr=False)
    face: Box
    landmarks: npt.NDArray[np.float32] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise SimulationError(
                "a scene's pixels must be (height, width, 3) uint8 RGB; "
                f"got {self.pixels.shape} {self.pixels.dtype}; convert the picture first"
            )
        if min(self.pixels.shape) == 0:
            raise SimulationError(
                f"a scene needs at least one pixel; got {self.pixels.shape}; check the crop"
            )
        if not (self.face.width > 0 and self.face.height > 0 and np.isfinite(self.face.side)):
            raise SimulationError(f"a scene's face box must have a positive size; got {self.face}")
        if self.landmarks is not None and self.landmarks.shape != (5, 2):
            raise SimulationError(f"a scene's landmarks must be (5, 2); got {self.landmarks.shape}")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]


def face_window(height: int, width: int, face: Box) -> tuple[slice, slice]:
    """Rows and columns of the face box inside a picture; all of the picture where the box lies outside it."""
    top, bottom = max(int(face.y1), 0), min(int(face.y2) + 1, height)
    left, right = max(int(face.x1), 0), min(int(face.x2) + 1, width)
    if top >= bottom or left >= right:
        return slice(0, height), slice(0, width)
    return slice(top, bottom), slice(left, right)


def ellipse_mask(
    height: int,
    width: int,
    *,
    center: tuple[float, float],
    half_axes: tuple[float, float],
    edge_px: float = 1.0,
) -> Plane:
    """An upright ellipse as a mask in [0, 1], exactly 0 outside it.

    Args:
        height: Of the mask, in pixels.
        width: Of the mask, in pixels.
        center: (x, y) in pixels; pixel (0, 0) has its centre at (0, 0).
        half_axes: (horizontal, vertical) in pixels.
        edge_px: Width of the ramp from 0 at the ellipse to 1 inside it, in pixels along the shorter axis.
    """
    ax, ay = max(half_axes[0], 0.5), max(half_axes[1], 0.5)
    x = (np.arange(width, dtype=np.float32) - np.float32(center[0])) / np.float32(ax)
    y = (np.arange(height, dtype=np.float32) - np.float32(center[1])) / np.float32(ay)
    inside = 1 - np.sqrt(x[None, :] ** 2 + y[:, None] ** 2)
    return np.clip(inside * np.float32(min(ax, ay) / max(edge_px, 1e-3)), 0, 1).astype(np.float32)


def face_ellipse_mask(scene: Scene) -> Plane:
    """Where the face is, guessed from its box alone: (height, width) float32 in [0, 1], 1 in the face.

    A face is taller than the box from brows to chin: the ellipse's centre lies 0.06 of the side above the box's
    centre, its half axes are 0.46 and 0.62 of the side. The edge is one pixel soft.
    """
    height, width = scene.size
    x, y = scene.face.center
    side = scene.face.side
    return ellipse_mask(height, width, center=(x, y - 0.06 * side), half_axes=(0.46 * side, 0.62 * side))
