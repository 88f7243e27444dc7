"""How a recapturing camera looks at a flat thing: turned, tilted, closer or farther, the thing a little bent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks import fields
from bonaface.attacks.scene import Plane
from bonaface.types import Box, Picture

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class View:
    """Where the thing's pixels land in the recaptured picture of the same size.

    Attributes:
        rotation_deg: Turn in the picture's plane, clockwise.
        tilt_x: Relative change of magnification from the left edge to the right.
        tilt_y: The same from top to bottom.
        zoom: Magnification, on top of what fills the frame where `fills_frame`.
        shift_x: Of the centre, as a share of the width.
        shift_y: Of the centre, as a share of the height.
        bend: Height of the thing's curl, as a share of its half side; 0 is flat.
        bend_deg: Direction across the curl.
        barrel: Radial distortion at the corners of the lens, as a share of their distance from the centre.
        fills_frame: Whether the thing is brought close enough to reach all edges of the frame.
    """

    rotation_deg: float = 0.0
    tilt_x: float = 0.0
    tilt_y: float = 0.0
    zoom: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    bend: float = 0.0
    bend_deg: float = 0.0
    barrel: float = 0.0
    fills_frame: bool = True


def draw_view(rng: np.random.Generator, *, strength: float, shows_edge: bool) -> View:
    """A hand-held view: up to 4 degrees of turn, 8 % of tilt and 4 % of curl at strength 1."""
    tilt_x, tilt_y = (float(v) for v in rng.uniform(-0.08, 0.08, 2) * strength)
    return View(
        rotation_deg=float(rng.uniform(-4, 4)) * strength,
        tilt_x=tilt_x,
        tilt_y=tilt_y,
        zoom=float(rng.uniform(0.82, 0.97)) if shows_edge else float(rng.uniform(1.0, 1.06)),
        shift_x=float(rng.uniform(-0.06, 0.06)) if shows_edge else 0.0,
        shift_y=float(rng.uniform(-0.06, 0.06)) if shows_edge else 0.0,
        bend=float(rng.uniform(-0.04, 0.04)) * strength if rng.random() < 0.6 else 0.0,
        bend_deg=float(rng.choice([0.0, 90.0]) + rng.uniform(-15, 15)),
        barrel=float(rng.uniform(-0.012, 0.012)),
        fills_frame=not shows_edge,
    )


def _homography(view: View, height: int, width: int) -> Matrix:
    """From picture pixels (centre at 0, half sides at 1 of the longer half) to the flat thing's, likewise."""
    angle = np.deg2rad(view.rotation_deg)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, 1, 0], [-view.tilt_x / 2, -view.tilt_y / 2, 1]])
    long = max(height, width)
    shift = np.array(
        [[1, 0, -2 * view.shift_x * width / long], [0, 1, -2 * view.shift_y * height / long], [0, 0, 1]]
    )
    matrix = tilt @ turn @ shift
    scale = 1 / view.zoom
    if view.fills_frame:
        corners = np.array([[x * width / long, y * height / long, 1] for x in (-1, 1) for y in (-1, 1)]).T
        seen = matrix @ corners
        reach = np.abs(seen[:2] / seen[2]) / np.array([[width / long], [height / long]])
        scale /= float(reach.max()) * (1 + abs(view.bend) + abs(view.barrel))
    return np.asarray(np.diag([scale, scale, 1.0]) @ matrix)


def _curl(
    x: npt.NDArray[np.floating], y: npt.NDArray[np.floating], view: View
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """What bending and the lens add to the flat thing's coordinates; from 1.5 half sides on it stays the same."""
    x, y = np.clip(x, -1.5, 1.5), np.clip(y, -1.5, 1.5)
    dx, dy = view.barrel * x, view.barrel * y
    distance = 0.5 * (x * x + y * y)
    dx, dy = dx * distance, dy * distance
    if view.bend:
        angle = np.deg2rad(view.bend_deg)
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        across, along = x * cos + y * sin, y * cos - x * sin
        squared = across * across
        da = view.bend * across * (squared - 1)
        db = view.bend * along * squared
        dx, dy = dx + da * cos - db * sin, dy + da * sin + db * cos
    return dx, dy


def source_maps(view: View, height: int, width: int) -> tuple[Plane, Plane]:
    """For every pixel of the recaptured picture, the thing's pixel seen there: two (height, width) maps, x and y."""
    half = max(height, width) / 2
    rows, row_weights = _knots(height)
    columns, column_weights = _knots(width)
    m = _homography(view, height, width)
    x = (columns - (width - 1) / 2)[None, :] / half
    y = (rows - (height - 1) / 2)[:, None] / half
    w = 1 / (m[2, 0] * x + m[2, 1] * y + m[2, 2])
    u = (m[0, 0] * x + m[0, 1] * y + m[0, 2]) * w
    v = (m[1, 0] * x + m[1, 1] * y + m[1, 2]) * w
    du, dv = _curl(u, v, view)
    map_x = fields.spread((u + du) * half + (width - 1) / 2, row_weights, column_weights)
    map_y = fields.spread((v + dv) * half + (height - 1) / 2, row_weights, column_weights)
    return map_x, map_y


@lru_cache(maxsize=64)
def _knots(length: int) -> tuple[npt.NDArray[np.float64], Plane]:
    """Knots about every 8 pixels and the weights (length, knots) that interpolate linearly between them.

    A view is so smooth that this is within 0.02 pixels of the exact map.
    """
    num_knots = max(-(-length // 8) + 1, 2)
    knots = np.linspace(0, max(length - 1, 1), num_knots)
    nearness = 1 - np.abs(np.arange(length)[:, None] - knots[None, :]) / (knots[1] - knots[0])
    weights = np.maximum(nearness, 0).astype(np.float32)
    weights.setflags(write=False)
    return knots, weights


def moved_points(view: View, points: Matrix, height: int, width: int) -> Matrix:
    """Where the thing's pixels (num, 2) land in the recaptured picture: the inverse of `source_maps`."""
    half = max(height, width) / 2
    center = np.array([(width - 1) / 2, (height - 1) / 2])
    wanted = (points - center) / half
    inverse = np.linalg.inv(_homography(view, height, width))
    flat = wanted.copy()
    for _ in range(12):
        du, dv = _curl(flat[:, 0], flat[:, 1], view)
        flat = wanted - np.stack([du, dv], axis=1)
    seen = np.concatenate([flat, np.ones((len(flat), 1))], axis=1) @ inverse.T
    return np.asarray(seen[:, :2] / seen[:, 2:] * half + center)


def moved_box(view: View, box: Box, height: int, width: int) -> Box:
    """The box about the moved centre, its sides scaled as the moved edges are; it stays upright."""
    (cx, cy), w, h = box.center, box.width / 4, box.height / 4
    around = np.array([[cx, cy], [cx - w, cy], [cx + w, cy], [cx, cy - h], [cx, cy + h]])
    center, left, right, top, bottom = moved_points(view, around, height, width)
    half_w = float(np.hypot(*(right - left)))
    half_h = float(np.hypot(*(bottom - top)))
    x, y = float(center[0]), float(center[1])
    return Box(x - half_w, y - half_h, x + half_w, y + half_h)


def look(pixels: Picture, maps: tuple[Plane, Plane]) -> Picture:
    """The picture resampled through `source_maps`, bicubic; beyond its edges it is mirrored."""
    return np.asarray(
        cv2.remap(pixels, maps[0], maps[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101),
        dtype=np.uint8,
    )


def beyond_edge(maps: tuple[Plane, Plane], height: int, width: int) -> Plane:
    """How far each pixel looks past the thing's edge, in the thing's pixels; negative on the thing."""
    past_x = np.maximum(-0.5 - maps[0], maps[0] - np.float32(width - 0.5))
    past_y = np.maximum(-0.5 - maps[1], maps[1] - np.float32(height - 0.5))
    return np.asarray(np.maximum(past_x, past_y), dtype=np.float32)
