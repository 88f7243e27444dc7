"""Closed curves as scissors cut them: holes for eyes and mouths, the outline of a face."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.anatomy import anatomy
from bonaface.attacks.scene import Plane, Scene

Points = npt.NDArray[np.float64]
"""(points, 2): x and y."""

FINER = 4
"""Outlines are drawn this much larger and averaged: OpenCV's own smooth lines grow what they fill by half a pixel."""

FARTHEST_PX = 30_000.0
"""Corners farther out are drawn there: OpenCV counts sixteenths of a pixel in 32 bits."""


def turn_matrix(angle_deg: float) -> Points:
    """The matrix that turns (x, y) clockwise where y points down."""
    cos, sin = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    return np.array([[cos, -sin], [sin, cos]])


@dataclass(frozen=True, slots=True)
class FaceFrame:
    """A face's own axes: x to the right in the picture, y to the chin, in shares of the box's side.

    Attributes:
        center: Between eyes and mouth, (x, y) in pixels.
        side: Of the face box, in pixels.
        roll_deg: Turn of the face, clockwise.
    """

    center: tuple[float, float]
    side: float
    roll_deg: float

    def to_pixels(self, shares: npt.NDArray[Any]) -> Points:
        """Points (num, 2) of the frame as pixels."""
        return np.asarray(shares @ turn_matrix(self.roll_deg).T * self.side + self.center)

    def to_shares(self, pixels: npt.NDArray[Any]) -> Points:
        """Pixels (num, 2) as points of the frame."""
        return np.asarray((pixels - np.asarray(self.center)) / self.side @ turn_matrix(self.roll_deg))

    def grid(self, rows: slice, columns: slice) -> tuple[Plane, Plane]:
        """Both coordinates of each pixel of a window, in shares."""
        cos, sin = turn_matrix(self.roll_deg)[:, 0]
        x = (np.arange(columns.start, columns.stop, dtype=np.float32) - np.float32(self.center[0]))[None, :]
        y = (np.arange(rows.start, rows.stop, dtype=np.float32) - np.float32(self.center[1]))[:, None]
        cos, sin = np.float32(cos / self.side), np.float32(sin / self.side)
        return x * cos + y * sin, y * cos - x * sin


def face_frame(scene: Scene) -> FaceFrame:
    """The frame of the scene's face; an average face has its eyes at (-+0.22, -0.22) and its mouth at (0, 0.22)."""
    found = anatomy(scene)
    x, y = (found.points[:2].mean(axis=0) + found.mouth) / 2
    return FaceFrame((float(x), float(y)), scene.face.side, found.roll_deg)


def cut_oval(
    rng: np.random.Generator,
    *,
    center: tuple[float, float],
    half_axes: tuple[float, float],
    squareness: float = 2.0,
    taper: float = 0.0,
    snips: int = 24,
    wobble: float = 0.0,
) -> Points:
    """A closed curve of straight cuts, (snips, 2), in the unit of `center` and `half_axes`.

    Args:
        rng: Where the hand's wobble comes from.
        center: (x, y).
        half_axes: (horizontal, vertical).
        squareness: 2 is an ellipse, 1.5 an almond, 4 nearly a box (a superellipse's exponent).
        taper: By how much the lower end is narrower and the upper end wider.
        snips: Number of straight cuts.
        wobble: Deviation of the radius from the oval, as a share of it: four slow waves around.
    """
    angle = np.arange(snips) * (2 * np.pi / snips)
    waves = np.arange(1, 5)
    heights, phases = rng.standard_normal(4) * wobble / np.sqrt(2), rng.uniform(0, 2 * np.pi, 4)
    radius = 1 + (heights * np.cos(waves * angle[:, None] + phases)).sum(axis=1)
    cos, sin = np.cos(angle), np.sin(angle)
    x = np.sign(cos) * np.abs(cos) ** (2 / squareness) * radius
    y = np.sign(sin) * np.abs(sin) ** (2 / squareness) * radius
    return np.stack([center[0] + half_axes[0] * x * (1 - taper * y), center[1] + half_axes[1] * y], axis=1)


def inside(outlines: Iterable[npt.NDArray[Any]], rows: slice, columns: slice) -> Plane:
    """Share of each pixel of a window that lies inside any of the outlines (in pixels of the picture)."""
    height, width = rows.stop - rows.start, columns.stop - columns.start
    fine = np.zeros((FINER * height, FINER * width), dtype=np.uint8)
    for outline in outlines:
        corners = np.clip(outline - (columns.start, rows.start), -FARTHEST_PX, FARTHEST_PX)
        corners = FINER * (corners + 0.5) - 0.5
        cv2.fillPoly(fine, [np.rint(corners * 16).astype(np.int32)], 255, shift=4)
    share = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(share, dtype=np.float32) / np.float32(255)


def window_about(
    outlines: Iterable[npt.NDArray[Any]], margin_px: float, size: tuple[int, int]
) -> tuple[slice, slice]:
    """Rows and columns of a picture of `size` (height, width) that hold all outlines and a margin; may be empty."""
    points = np.concatenate(list(outlines))
    (left, top), (right, bottom) = points.min(axis=0) - margin_px, points.max(axis=0) + margin_px + 1
    height, width = size
    spans = []
    for first, last, length in ((top, bottom, height), (left, right, width)):
        start = int(np.clip(first, 0, length))
        spans.append(slice(start, max(int(np.clip(last, 0, length)), start)))
    return spans[0], spans[1]


def is_empty(window: tuple[slice, slice]) -> bool:
    """Whether a window holds no pixel."""
    return any(span.start >= span.stop for span in window)
