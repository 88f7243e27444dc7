"""What is seen between lips that a motion parted: the dark of the mouth, and the upper teeth in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.features import Window, dark_lines, lips, side_of, teeth
from bonaface.attacks.mesh import Matrix, moved
from bonaface.attacks.motion import Motion, Shares, landed
from bonaface.attacks.outlines import inside
from bonaface.attacks.scene import Plane
from bonaface.types import Picture

_TOOTH_EDGES = np.array([0.16, 0.245, 0.325, 0.405, 0.5, 0.595, 0.675, 0.755, 0.84])
"""Borders of the upper teeth between the corners of the mouth, as shares of its width."""

_GAP = 0.006
"""Half width of what is dark between teeth, as a share of the mouth's width."""

_OUTER = 0.75
"""Light on the outer teeth over that on the four in the middle."""

_SMILING = 0.12
"""Share of pale pixels between the lips from which on the picture has teeth of its own."""

_POINTS = 15


@dataclass(frozen=True, slots=True)
class Mouth:
    """The inside of a mouth. Lengths are shares of the face box.

    Attributes:
        code: Code values of its dark over the face's mean.
        teeth: Weight of the upper teeth, in [0, 1].
        teeth_code: Their code values over the face's brightest twentieth.
        teeth_height: Of what the lip leaves to be seen of them.
        blur: Softness of all edges.
    """

    code: float
    teeth: float
    teeth_code: float
    teeth_height: float
    blur: float


def draw_mouth(rng: np.random.Generator) -> Mouth:
    """Draws an inside; two in three show teeth.

    Args:
        rng: Where all randomness comes from.
    """
    u = rng.uniform
    has_teeth = rng.random() < 0.66
    return Mouth(
        code=float(u(0.1, 0.28)),
        teeth=float(u(0.7, 1.0)) * has_teeth,
        teeth_code=float(u(0.82, 1.02)),
        teeth_height=float(u(0.02, 0.05)),
        blur=float(u(0.003, 0.008)),
    )


def opened(
    driven: Picture,
    mask: Plane,
    window: Window,
    face: Matrix,
    motion: Motion,
    mouth: Mouth,
    *,
    is_found: bool,
) -> Picture:
    """The driven face with its mouth's inside between the parted lips.

    A smile that shows its own teeth keeps them: the motion has stretched them, as networks do. A guessed mouth may
    miss the real one: without landmarks only what is dark there becomes its inside.

    Args:
        driven: The window's part of the picture, already moved.
        mask: Of the face in the window; colours are measured where it is above a half.
        window: Of the picture.
        face: From shares to pixels, as `face_matrix`.
        motion: What moved.
        mouth: As drawn.
        is_found: Whether `face` comes from landmarks.
    """
    rim, gap = _between(motion)
    side = side_of(face)
    inner = _region([np.concatenate([rim, (rim + gap)[::-1]])], face, window)
    if is_found and _shows_teeth(driven, inner, face, window):
        return driven
    evidence = None
    if not is_found:
        evidence = dark_lines(driven, side=side, length=0.22, reach=0.6 * motion.mouth_open)
    blur_px = max(mouth.blur * side, 0.3)
    dark, white = _tones(driven, mask)
    code = driven.astype(np.float32)
    for colour, share in (
        (dark * np.float32(mouth.code), inner),
        (white * np.float32(mouth.teeth_code), _teeth_row(rim, gap, mouth, face, window) * inner),
    ):
        weight = share if evidence is None else share * evidence
        weight = np.asarray(cv2.GaussianBlur(weight, (0, 0), blur_px), dtype=np.float32)
        flat = np.empty_like(code)
        flat[:] = np.clip(colour, 4, 240)
        code = np.asarray(cv2.blendLinear(code, flat, 1 - weight, weight), dtype=np.float32)
    return np.asarray(cv2.convertScaleAbs(code), dtype=np.uint8)


def _between(motion: Motion) -> tuple[Shares, Shares]:
    """The upper lip's rim (15, 2), in shares, and how far below it the lower lip's lies: (15, 2), (0, height)."""
    places = landed(motion)
    right, left = places["right_mouth_corner"], places["left_mouth_corner"]
    upper, lower = places["upper_lip"], places["lower_lip"]
    along = np.linspace(0.08, 0.92, _POINTS)[:, None]
    bulge = 1 - (2 * along - 1) ** 2
    rim = (
        upper + np.array([0, 0.0475]) - (right + left) / 2
    )  # lips are 0.0475 and 0.0575 thick: closed, they meet
    gap = np.array([[0.0, float((lower - upper)[1]) - 0.105]])
    return right + (left - right) * along + rim * bulge, gap * bulge


def _teeth_row(rim: Shares, gap: Shares, mouth: Mouth, face: Matrix, window: Window) -> Plane:
    """The upper teeth under the rim, their weight in [0, 1]: eight with dark lines between, the outer ones dimmer."""
    if mouth.teeth <= 0:
        return np.zeros([span.stop - span.start for span in window], dtype=np.float32)
    height = np.array([0.0, min(mouth.teeth_height, 0.6 * float(gap[_POINTS // 2, 1]))])
    places = (np.arange(_POINTS) / (_POINTS - 1)).astype(np.float64)

    def at(along: npt.NDArray[np.floating]) -> Shares:
        return np.stack([np.interp(along, places, rim[:, axis]) for axis in (0, 1)], axis=1)

    rows = []
    for start, end in zip(_TOOTH_EDGES[:-1] + _GAP, _TOOTH_EDGES[1:] - _GAP, strict=True):
        top = at(np.linspace(start, end, 3))
        rows.append(np.concatenate([top - 0.2 * height, (top + height * [[0.9], [1.0], [0.9]])[::-1]]))
    middle, outer = _region(rows[2:6], face, window), _region(rows[:2] + rows[6:], face, window)
    return np.asarray(np.float32(mouth.teeth) * (middle + np.float32(_OUTER) * outer), dtype=np.float32)


def _region(outlines: list[Shares], face: Matrix, window: Window) -> Plane:
    return inside([moved(outline, face) for outline in outlines], *window)


def on_lip_line(picture: Picture, face: Matrix) -> Matrix:
    """The matrix moved up or down to where the picture is darkest along a closed mouth, by at most 0.06 of the box.

    Args:
        picture: (height, width, 3) uint8 RGB, the whole scene.
        face: From shares to pixels, as `face_matrix`.
    """
    along, offsets = np.linspace(0.36, 0.64, 12), np.linspace(-0.06, 0.06, 25)
    x, y = np.meshgrid(along, 0.7075 + np.arange(-0.12, 0.1201, 0.005))
    places = moved(np.stack([x.ravel(), y.ravel()], axis=1), face).T
    map_x, map_y = np.ascontiguousarray(places).reshape(2, *x.shape)
    luma = cv2.cvtColor(
        cv2.remap(picture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        cv2.COLOR_RGB2GRAY,
    )
    level = luma.astype(np.float64).mean(axis=1)
    around = np.convolve(np.pad(level, 6, mode="edge"), np.ones(13) / 13, mode="valid")
    depth = np.convolve(around - level, np.ones(3) / 3, mode="same")[12:-12]
    likely = depth / max(float(level.mean()), 1.0) - 8 * offsets**2
    shift = np.array([0.0, offsets[int(np.argmax(likely))]]) if depth.max() > 0 else np.zeros(2)
    return np.asarray(np.c_[face[:, :2], face[:, 2] + face[:, :2] @ shift])


def _shows_teeth(driven: Picture, inner: Plane, face: Matrix, window: Window) -> bool:
    """Whether pale pixels fill a part of what lies between the lips."""
    where = (np.maximum(inner, lips(face, window)) > 0.5).astype(np.uint8)
    return bool(cv2.mean(teeth(driven, face, window), where)[0] > _SMILING)


def _tones(driven: Picture, mask: Plane) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """What the dark and the teeth are made of, (3,) each: the skin, redder; and the face's brightest, half as tinted."""
    where = (mask > 0.5).astype(np.uint8)
    skin = np.array(cv2.mean(driven, where if where.any() else None)[:3])
    luma = cv2.cvtColor(driven, cv2.COLOR_RGB2GRAY)
    counts = cv2.calcHist([luma], [0], where if where.any() else None, [256], [0, 256]).ravel().cumsum()
    limit = int(np.searchsorted(counts, 0.95 * counts[-1]))
    brightest = np.array(
        cv2.mean(driven, ((luma >= limit) & ((where > 0) | (not where.any()))).astype(np.uint8))[:3]
    )
    dark = skin * (skin / max(float(skin.mean()), 1.0)) ** 0.8
    return dark, brightest.mean() + 0.35 * (brightest - brightest.mean())
