"""Two people for species that need both: portraits with points set by eye, and a painted pair."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from bonaface.attacks.scene import Scene
from bonaface.types import Box
from faces.portraits import admiral, astronaut

from .conftest import make_scene

EYES_NOSE_MOUTH = {
    "astronaut": [[200, 102], [247, 103], [220, 125], [199, 143], [240, 144]],
    "admiral": [[227, 193], [308, 195], [266, 240], [229, 268], [302, 270]],
}
"""In pixels of the whole portraits."""


@functools.cache
def portraits() -> tuple[Scene, Scene]:
    """Eileen Collins and Grace Hopper with landmarks; her face is 2.4 times as large as the former's."""
    return (
        _cut(astronaut(), Box(179, 83, 267, 171), "astronaut"),
        _cut(admiral(), Box(157, 134, 368, 345), "admiral"),
    )


def _cut(picture: np.ndarray, face: Box, name: str) -> Scene:
    wide = face.squared(0.6)
    x1, y1 = max(0, round(wide.x1)), max(0, round(wide.y1))
    pixels = np.ascontiguousarray(picture[y1 : round(wide.y2), x1 : round(wide.x2)])
    points = np.array(EYES_NOSE_MOUTH[name], np.float32) - np.array([x1, y1], np.float32)
    return Scene(pixels, face.shifted(-x1, -y1), points)


@functools.cache
def painted() -> Scene:
    """A partner for `face_scene`: larger, paler, turned by 4 degrees, its face elsewhere in the picture."""
    scene = make_scene(300, 260, face=Box(70, 90, 210, 230), texture=6.0)
    turn = cv2.getRotationMatrix2D(scene.face.center, -4, 1.0)
    turned = cv2.warpAffine(scene.pixels, turn, (260, 300), borderMode=cv2.BORDER_REFLECT_101)
    pale = np.clip(turned.astype(float) * [0.9, 1.0, 1.2] + 15, 0, 255).astype(np.uint8)
    return Scene(pale, scene.face)


def aligned(scene: Scene, points: np.ndarray, *, side: int = 96) -> np.ndarray:
    """The grey inner face with eyes and mouth brought to fixed places by three points: (side, side) float64."""
    eyes_mouth = np.array([points[0], points[1], points[3:].mean(axis=0)], np.float32)
    wanted = np.array([[0.22, 0.25], [0.78, 0.25], [0.5, 0.85]], np.float32) * side
    matrix = cv2.getAffineTransform(eyes_mouth, wanted)
    grey = cv2.cvtColor(np.ascontiguousarray(scene.pixels), cv2.COLOR_RGB2GRAY)
    return cv2.warpAffine(grey, matrix, (side, side), flags=cv2.INTER_AREA).astype(float)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two aligned faces, slow changes of light and the finest detail left out."""
    bands = [cv2.GaussianBlur(p, (0, 0), 1.5) - cv2.GaussianBlur(p, (0, 0), 14) for p in (one, other)]
    return float(np.corrcoef(bands[0].ravel(), bands[1].ravel())[0, 1])
