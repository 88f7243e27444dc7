"""Which region of the face each cell of a crop shows, from five points: no parsing network is needed to hide an eye."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.anatomy import AVERAGE, Points, anatomy
from bonaface.attacks.scene import Scene
from bonaface.contract import InputContract
from bonaface.types import Box

Region = Literal["brows", "eyes", "nose", "mouth", "boundary", "hair", "skin", "background"]
REGIONS: tuple[Region, ...] = get_args(Region)

HIDEABLE = 6
"""The first so many regions may be hidden as a whole: skin and background span too much."""

_ELLIPSES: tuple[tuple[Region, float, float, float, float], ...] = (
    ("brows", -0.5, -0.3, 0.34, 0.12),
    ("brows", 0.5, -0.3, 0.34, 0.12),
    ("eyes", -0.5, 0.0, 0.3, 0.16),
    ("eyes", 0.5, 0.0, 0.3, 0.16),
    ("nose", 0.0, 0.38, 0.3, 0.45),
    ("mouth", 0.0, 0.98, 0.5, 0.22),
)
"""Parts of a face as ellipses: centre and half axes in distances between the eyes, from the middle between them, x along the
line through them and y towards the chin."""

_FACE = (0.0, 0.45, 1.1, 1.3)
_HEAD = (0.0, 0.15, 1.4, 1.75)
"""The face from hairline to chin, and the head with its hair, likewise."""

_STROKE = 0.1
"""Half the width of the face's boundary, in the same unit."""

Members = npt.NDArray[np.bool_]


def regions_of(points: Points, *, size: int, cells_per_side: int) -> Members:
    """Cells that show each region, (8, cells) in the order of `REGIONS`; a cell may show several, and shows one at least.

    Args:
        points: Eyes, nose tip and mouth corners in pixels of the crop, as `attacks.anatomy.Anatomy`.
        size: Side of the crop in pixels.
        cells_per_side: Cells along it; they are numbered row by row.
    """
    pixels = _pixels(points, size)
    edges = np.linspace(0, size, cells_per_side + 1).round().astype(int)[:-1]
    members = np.logical_or.reduceat(np.logical_or.reduceat(pixels, edges, axis=1), edges, axis=2)
    return np.ascontiguousarray(members.reshape(len(REGIONS), -1))


def points_in_crop(scene: Scene, face: Box, contract: InputContract) -> Points:
    """The five points of the scene's face in pixels of the crop that the contract cuts about `face`."""
    square = face.squared(contract.margin_ratio)
    corner = np.array([square.x1, square.y1], np.float32)
    return np.asarray((anatomy(scene).points - corner) * (contract.size / square.side), np.float32)


def average_points(contract: InputContract) -> Points:
    """Where they are in the crop of an average face."""
    share = 1 / (1 + 2 * contract.margin_ratio)
    return np.asarray((AVERAGE * share + (1 - share) / 2) * contract.size, np.float32)


def _pixels(points: Points, size: int) -> Members:
    """(8, size, size): what a parser would have said of every pixel, roughly."""
    face, head = _ellipse(points, *_FACE, size), _ellipse(points, *_HEAD, size)
    parts = {name: np.zeros((size, size), bool) for name in REGIONS}
    for name, along, down, width, height in _ELLIPSES:
        parts[name] |= _ellipse(points, along, down, width, height, size)
    unit = max(1, round(2 * _STROKE * _unit(points)))
    kernel = np.ones((unit, unit), np.uint8)
    wide, narrow = (change(face.astype(np.uint8), kernel) > 0 for change in (cv2.dilate, cv2.erode))
    parts["boundary"] = wide & ~narrow
    # the neck under the chin is no hair
    below = _heights(points, size) > _FACE[1]
    parts["hair"] = head & ~face & ~below
    parts["skin"] = face & ~np.logical_or.reduce([parts[name] for name in REGIONS[:4]])
    parts["background"] = ~face & ~parts["hair"]
    return np.stack([parts[name] for name in REGIONS])


def _frame(points: Points) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The middle between the eyes, and the vector from the right eye to the left."""
    right, left = points[0].astype(float), points[1].astype(float)
    return (right + left) / 2, left - right


def _unit(points: Points) -> float:
    return float(np.hypot(*_frame(points)[1]))


def _heights(points: Points, size: int) -> npt.NDArray[np.float64]:
    """Of each pixel, how far it lies towards the chin, in distances between the eyes."""
    (x, y), (dx, dy) = _frame(points)
    rows, columns = np.mgrid[:size, :size]
    return np.asarray(((rows - y) * dx - (columns - x) * dy) / (dx**2 + dy**2), float)


def _ellipse(points: Points, along: float, down: float, width: float, height: float, size: int) -> Members:
    middle, across = _frame(points)
    centre = middle + along * across + down * np.array([-across[1], across[0]])
    canvas = np.zeros((size, size), np.uint8)
    unit, roll = _unit(points), float(np.rad2deg(np.arctan2(across[1], across[0])))
    axes = (max(1, round(width * unit)), max(1, round(height * unit)))
    cv2.ellipse(canvas, (round(centre[0]), round(centre[1])), axes, roll, 0, 360, 1, thickness=-1)
    return canvas > 0
