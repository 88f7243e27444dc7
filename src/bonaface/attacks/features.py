"""Soft regions of a face, drawn from its few points and what its colours say: skin, hair, lips, lids, cheeks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.mesh import HULL, Matrix, moved
from bonaface.attacks.outlines import inside
from bonaface.attacks.scene import Plane
from bonaface.types import Picture

Shares = npt.NDArray[np.float64]
"""(points, 2): x and y in shares of an average face's box."""

Window = tuple[slice, slice]
"""Rows and columns of the picture."""

EYES = ((0.278, 0.268), (0.722, 0.268))
_LIP_X = np.array([0.0, 0.14, 0.3, 0.42, 0.5, 0.58, 0.7, 0.86, 1.0])
_UPPER = np.array([0.0, 0.028, 0.05, 0.055, 0.047, 0.055, 0.05, 0.028, 0.0])
_LOWER = np.array([0.0, 0.035, 0.058, 0.068, 0.07, 0.068, 0.058, 0.035, 0.0])


def oval(x: float, y: float, half_width: float, half_height: float) -> Shares:
    """An ellipse of 20 corners."""
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    return np.stack([x + half_width * np.cos(angle), y + half_height * np.sin(angle)], axis=1)


def drawn(outlines: Sequence[npt.NDArray[Any]], face: Matrix, window: Window, *, blur: float) -> Plane:
    """The union of outlines (in shares) as a soft region of a window, in [0, 1].

    Args:
        outlines: Closed curves, (points, 2) each.
        face: From shares to pixels, as `face_matrix`.
        window: Of the picture.
        blur: Gaussian sigma, in shares.
    """
    region = inside([moved(outline, face) for outline in outlines], *window)
    sigma = max(blur * side_of(face), 0.4)
    return np.asarray(cv2.GaussianBlur(region, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def side_of(face: Matrix) -> float:
    """Side of the average face's box, in pixels."""
    return float(np.sqrt(np.abs(np.linalg.det(face[:, :2]))))


def lips(face: Matrix, window: Window) -> Plane:
    """Both lips, the line between them too."""
    x = 0.301 + 0.398 * _LIP_X
    outline = np.concatenate(
        [np.stack([x, 0.71 - _UPPER], axis=1), np.stack([x, 0.71 + _LOWER], axis=1)[::-1]]
    )
    return drawn([outline], face, window, blur=0.008)


def teeth(picture: Picture, face: Matrix, window: Window) -> Plane:
    """What is paler than the skin: teeth, where lips are looked for."""
    red = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)[..., 1], dtype=np.float32)
    skin_red = cv2.mean(red, (cheeks(face, window) > 0.5).astype(np.uint8))[0]
    paler = np.float32(skin_red - 3) - np.asarray(cv2.GaussianBlur(red, (0, 0), 0.8), dtype=np.float32)
    return np.asarray(np.clip(paler * np.float32(1 / 6), 0, 1), dtype=np.float32)


def red_lips(picture: Picture, face: Matrix, window: Window) -> Plane:
    """What is redder than the skin about a mouth whose place is only guessed."""
    near = drawn([oval(0.5, 0.72, 0.25, 0.13)], face, window, blur=0.02)
    red = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)[..., 1], dtype=np.float32)
    soft = cv2.GaussianBlur(red, (0, 0), max(0.012 * side_of(face), 0.5))
    mean, deviation = (float(v[0, 0]) for v in cv2.meanStdDev(soft, mask=(near > 0.5).astype(np.uint8)))
    redness = np.clip((soft - np.float32(mean + 0.4 * deviation)) * np.float32(1 / max(deviation, 1.5)), 0, 1)
    return np.asarray(near * redness, dtype=np.float32)


def lids(face: Matrix, window: Window) -> Plane:
    """The upper lids up to the brows, without the eyes."""
    shadow = drawn([oval(x, y - 0.045, 0.12, 0.055) for x, y in EYES], face, window, blur=0.015)
    return np.asarray(shadow * (1 - eyes(face, window)), dtype=np.float32)


def lashes(face: Matrix, window: Window) -> Plane:
    """The upper lids' rims."""
    arc = np.stack([np.linspace(-0.105, 0.105, 9), -0.042 + 3.2 * np.linspace(-0.105, 0.105, 9) ** 2], axis=1)
    bands = [np.concatenate([arc + eye, (arc + np.array([0, 0.012]))[::-1] + eye]) for eye in EYES]
    return drawn(bands, face, window, blur=0.005)


def cheeks(face: Matrix, window: Window) -> Plane:
    """Where blush goes."""
    return drawn([oval(x, 0.56, 0.13, 0.085) for x in (0.18, 0.82)], face, window, blur=0.05)


def eyes(face: Matrix, window: Window) -> Plane:
    """The eyes' openings."""
    return drawn([oval(x, y, 0.09, 0.036) for x, y in EYES], face, window, blur=0.01)


def skin(picture: Picture, face: Matrix, window: Window, *, is_found: bool) -> Plane:
    """The face as far as it has the cheeks' and the nose's own colour.

    Args:
        picture: The window's part of the scene.
        face: From shares to pixels, as `face_matrix`.
        window: Of the picture.
        is_found: Whether `face` comes from landmarks: eyes, brows and lips are then left out.
    """
    region = drawn([HULL], face, window, blur=0.03)
    seed = drawn([oval(x, 0.5, 0.1, 0.09) for x in (0.24, 0.5, 0.76)], face, window, blur=0.0)
    region *= alike(picture, seed, deviations=(55, 12, 12))
    if is_found:
        parts = [oval(x, 0.13, 0.15, 0.04) for x, _ in EYES] + [oval(x, y, 0.11, 0.05) for x, y in EYES]
        region *= (1 - drawn(parts, face, window, blur=0.015)) * (1 - lips(face, window))
    return region


def hair(picture: Picture, face: Matrix, window: Window) -> Plane:
    """About the upper face, as far as it has the colour above the forehead; a cap counts as hair.

    Args:
        picture: The window's part of the scene.
        face: From shares to pixels, as `face_matrix`.
        window: Of the picture.
    """
    around = drawn([oval(0.5, 0.12, 0.66, 0.78)], face, window, blur=0.05)
    inner = drawn([oval(0.5, 0.42, 0.42, 0.48)], face, window, blur=0.03)
    seed = drawn([oval(0.5, -0.34, 0.26, 0.09)], face, window, blur=0.0)
    return np.asarray(around * (1 - inner) * alike(picture, seed, deviations=(32, 9, 9)), dtype=np.float32)


def alike(picture: Picture, seed: Plane, *, deviations: tuple[float, float, float]) -> Plane:
    """How near each pixel's colour is to the mean where `seed` is above a half, smoothed a little: in [0, 1].

    Args:
        picture: (height, width, 3) uint8 RGB.
        seed: (height, width); empty: everything is alike.
        deviations: Of the Gaussians in Y', Cr and Cb, in steps of uint8.
    """
    where = (seed > 0.5).astype(np.uint8)
    if not where.any():
        return np.ones(picture.shape[:2], dtype=np.float32)
    coded = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)
    mean = np.array(cv2.mean(coded, where)[:3])
    curves = np.exp(-0.5 * ((np.arange(256)[:, None] - mean) / np.array(deviations)) ** 2)
    near = cv2.split(cv2.LUT(coded, np.ascontiguousarray(curves[:, None, :], dtype=np.float32)))
    return np.asarray(cv2.GaussianBlur(near[0] * near[1] * near[2], (0, 0), 1.0), dtype=np.float32)


def dark_lines(picture: Picture, *, side: float, length: float, reach: float) -> Plane:
    """Where the picture is darker than its surroundings along a level line, as lips' or lids' rims are: in [0, 1].

    Args:
        picture: (height, width, 3) uint8 RGB.
        side: Of the face's box, in pixels; the surroundings reach about a tenth of it.
        length: Of the shortest line that counts (a morphological opening), in shares.
        reach: By how much dark places grow, up and down; half as much to the sides. In shares.
    """
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    around = cv2.GaussianBlur(luma, (0, 0), max(0.05 * side, 0.5))
    depth = cv2.dilate(cv2.subtract(around, luma), np.ones((max(round(0.025 * side), 1), 1), np.uint8))
    line = np.ones((1, max(round(length * side), 1)), np.uint8)
    level = cv2.morphologyEx(depth, cv2.MORPH_OPEN, line).astype(np.float32)
    dark = np.clip(level * np.float32(1 / max(0.1 * cv2.mean(luma)[0], 2.0)) - np.float32(0.4), 0, 1)
    size = max(round(reach * side), 1)
    return np.asarray(cv2.dilate(dark, np.ones((size, max(size // 2, 1)), np.uint8)), dtype=np.float32)
