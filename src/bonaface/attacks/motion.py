"""How a face moves: brows, lids, mouth and head, and the smooth warp that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks import fields
from bonaface.attacks.mesh import Maps, Matrix
from bonaface.attacks.products import times
from bonaface.attacks.scene import Plane
from bonaface.types import Picture

Shares = npt.NDArray[np.float64]
"""(points, 2): x and y in shares of an average face's box."""

FEATURES: dict[str, tuple[float, float, float]] = {
    "right_brow_inner": (0.39, 0.13, 0.68),
    "right_brow_outer": (0.17, 0.14, 0.52),
    "left_brow_inner": (0.61, 0.13, 0.68),
    "left_brow_outer": (0.83, 0.14, 0.52),
    "right_lid": (0.278, 0.235, 0.6),
    "left_lid": (0.722, 0.235, 0.6),
    "right_under_eye": (0.278, 0.31, 0.6),
    "left_under_eye": (0.722, 0.31, 0.6),
    "right_eye_inner": (0.385, 0.275, 0.62),
    "left_eye_inner": (0.615, 0.275, 0.62),
    "right_eye_outer": (0.165, 0.27, 0.5),
    "left_eye_outer": (0.835, 0.27, 0.5),
    "nose_root": (0.5, 0.25, 0.7),
    "nose_tip": (0.5, 0.523, 0.85),
    "right_mouth_corner": (0.301, 0.705, 0.6),
    "left_mouth_corner": (0.699, 0.705, 0.6),
    "upper_lip": (0.5, 0.66, 0.7),
    "lower_lip": (0.5, 0.765, 0.69),
    "chin": (0.5, 0.97, 0.64),
    "right_jaw": (0.2, 0.86, 0.32),
    "left_jaw": (0.8, 0.86, 0.32),
    "right_cheek": (0.13, 0.52, 0.42),
    "left_cheek": (0.87, 0.52, 0.42),
    "forehead": (0.5, -0.08, 0.62),
    "right_ear": (0.02, 0.35, 0.0),
    "left_ear": (0.98, 0.35, 0.0),
    "crown": (0.5, -0.38, 0.1),
}
"""x, y in shares of an average face's box; depth before the axis on which the head turns, in the same unit."""

MOTIONS: dict[str, dict[str, tuple[float, float]]] = {
    "brow_raise": {
        "right_brow_inner": (0, -1),
        "right_brow_outer": (0, -0.8),
        "left_brow_inner": (0, -1),
        "left_brow_outer": (0, -0.8),
    },
    "frown": {"right_brow_inner": (0.8, 0.6), "left_brow_inner": (-0.8, 0.6)},
    "eye_close": {
        "right_lid": (0, 0.055),
        "left_lid": (0, 0.055),
        "right_under_eye": (0, -0.01),
        "left_under_eye": (0, -0.01),
    },
    "smile": {
        "right_mouth_corner": (-0.8, -0.6),
        "left_mouth_corner": (0.8, -0.6),
        "right_cheek": (0, -0.3),
        "left_cheek": (0, -0.3),
    },
    "mouth_open": {
        "upper_lip": (0, -0.15),
        "lower_lip": (0, 0.85),
        "chin": (0, 0.8),
        "right_jaw": (0, 0.4),
        "left_jaw": (0, 0.4),
        "right_mouth_corner": (0.1, 0.25),
        "left_mouth_corner": (-0.1, 0.25),
    },
}
"""What one unit of each motion moves, in shares of the face box; the other features stay."""

PIVOT = (0.5, 0.45)
"""Where the head's axes of yaw and pitch meet, in shares of the box."""

REACHES = (0.6, 0.2)
"""How far a feature's motion takes its surroundings along, in shares of the box: widely first, then what is left."""

STIFFNESS = 0.15
"""Of the wide motion: above 0 it does not bend to follow single features; the near one makes up for it."""

_POINTS = np.array(list(FEATURES.values()))
_ROWS = {name: row for row, name in enumerate(FEATURES)}
_KNOT_PX = 4


@dataclass(frozen=True, slots=True)
class Motion:
    """What moves. Lengths are shares of the face box; all 0 is a face at rest.

    Attributes:
        brow_raise: Of both brows; negative lowers them.
        frown: Of the brows' inner ends, towards each other and down.
        eye_close: Share of the eyes' opening that closes; negative widens.
        smile: Of the mouth's corners, outwards and up; negative narrows the mouth.
        mouth_open: By how much the lips part; negative presses them.
        yaw_deg: Turn of the head to the picture's right.
        pitch_deg: Nod downwards.
        roll_deg: Turn in the picture, clockwise.
    """

    brow_raise: float
    frown: float
    eye_close: float
    smile: float
    mouth_open: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def landed(motion: Motion) -> dict[str, Shares]:
    """Where each of `FEATURES` goes: (2,) in shares of the face box."""
    places = _POINTS.copy()
    for name, moves in MOTIONS.items():
        for feature, move in moves.items():
            places[_ROWS[feature], :2] += getattr(motion, name) * np.array(move)
    yaw, pitch, roll = np.deg2rad([motion.yaw_deg, motion.pitch_deg, motion.roll_deg])
    x, y, z = (places - np.array([*PIVOT, 0.0])).T
    x, z = x * np.cos(yaw) + z * np.sin(yaw), z * np.cos(yaw) - x * np.sin(yaw)
    y = y * np.cos(pitch) + z * np.sin(pitch)
    x, y = x * np.cos(roll) - y * np.sin(roll), y * np.cos(roll) + x * np.sin(roll)
    return dict(zip(FEATURES, np.stack([x, y], axis=1) + np.array(PIVOT), strict=True))


class Warp(NamedTuple):
    """A smooth shift between the places where features are and those where they go.

    Radial functions of Wendland (1995) in two levels, the second for what the first leaves: smooth, exact at the
    features, exactly 0 beyond their reach, and without the swirls that one wide level draws about close features.

    Attributes:
        face: From shares of the box to pixels.
        places: (features, 2) where the features go, in shares.
        weights: Of their radial functions, (features, 2), for each of `REACHES`.
    """

    face: Matrix
    places: Shares
    weights: tuple[Shares, ...]

    def shift(self, points: npt.NDArray[Any]) -> Shares:
        """How far from each pixel (points, 2) of the result the source's pixel lies that is seen there, in pixels."""
        linear = self.face[:, :2]
        shares = (points - self.face[:, 2]) @ np.linalg.inv(linear).T
        distance = _distances(shares, self.places)
        levels = zip(self.weights, REACHES, strict=True)
        near, far = (times(_radial(distance, reach), w.astype(np.float32)) for w, reach in levels)
        return np.asarray((near + far) @ linear.T, dtype=np.float64)

    def planes(self, window: tuple[slice, slice]) -> Maps:
        """`shift` over a window, x and y: exact at knots about every 4 pixels, cubic between."""
        spans = []
        for span in window:
            length = span.stop - span.start
            spans.append(np.linspace(span.start, span.stop - 1, -(-length // _KNOT_PX) + 1))
        grid = np.stack(np.meshgrid(spans[1], spans[0]), axis=2)
        knots = self.shift(grid.reshape(-1, 2)).reshape(grid.shape)
        height, width = (span.stop - span.start for span in window)
        return fields.smooth(knots[..., 0], height, width), fields.smooth(knots[..., 1], height, width)

    def carried(self, points: npt.NDArray[Any], where: npt.NDArray[np.bool_]) -> Shares:
        """Where points (num, 2) of the source are seen in the result; those outside `where` stay."""
        there = points.astype(np.float64)
        for _ in range(30):
            there = points - self.shift(there)
        height, width = where.shape
        column, row = np.rint(there).astype(int).T
        is_inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        is_inside &= where[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
        return np.where(is_inside[:, None], there, points)


def warp_of(motion: Motion, face: Matrix) -> Warp:
    """The warp of a motion; `face` leads from shares of the box to pixels, as `face_matrix`."""
    places = np.stack(list(landed(motion).values()))
    distance, left = _distances(places, places), _POINTS[:, :2] - places
    weights = []
    for reach, stiffness in zip(REACHES, (STIFFNESS, 0.0), strict=True):
        heights = _radial(distance, reach).astype(np.float64)
        weights.append(np.asarray(np.linalg.solve(heights + stiffness * np.eye(len(left)), left), np.float64))
        left = left - heights @ weights[-1]
    return Warp(face, places, tuple(weights))


def shifted(pixels: Picture, shifts: Maps, window: tuple[slice, slice], *, share: float = 1.0) -> Picture:
    """The window with a share of `Warp.planes`; beyond the picture its outermost pixels go on."""
    rows, columns = window
    x = shifts[0] * np.float32(share) + np.arange(columns.start, columns.stop, dtype=np.float32)[None, :]
    y = shifts[1] * np.float32(share) + np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
    moved = cv2.remap(pixels, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.uint8)


def _distances(points: npt.NDArray[Any], places: npt.NDArray[Any]) -> Plane:
    """(points, places)."""
    across = points[:, None, 0].astype(np.float32) - places[None, :, 0].astype(np.float32)
    along = points[:, None, 1].astype(np.float32) - places[None, :, 1].astype(np.float32)
    return np.sqrt(across * across + along * along)  # OpenCV's magnitude depends on how memory is aligned


def _radial(distance: Plane, reach: float) -> Plane:
    """Wendland's function of the distance: 1 at 0 and 0 from `reach` on."""
    share = np.minimum(distance * np.float32(1 / reach), 1)
    near = 1 - share
    near *= near
    return np.asarray(near * near * (4 * share + 1), dtype=np.float32)
