"""Deep folds of a genuine face: knitted brows, laughter, a frown and age.

An edited age is drawn as wrinkles, and a pool of retouched portraits has few of its own: a detector that meets folds in
attacks alone takes whoever frowns for edited. So some genuine faces, and what attacks are made from, get them too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.features import drawn, side_of, skin
from bonaface.attacks.mesh import face_matrix
from bonaface.attacks.motion import Shares
from bonaface.attacks.outlines import is_empty, window_about
from bonaface.attacks.scene import Plane, Scene
from bonaface.errors import SimulationError

REACH = 0.4
"""How far around the face box folds may reach, as a share of its side."""

DEPTH = (0.05, 0.6)
"""Light that the deepest place of a fold loses, as a natural logarithm."""

WIDTH = (0.003, 0.02)
"""Half width of a fold, as a share of the face's side."""

REDNESS = np.array([0.85, 1.05, 1.1])
"""Depth in red, green and blue over the mean: what is left in a fold has been through skin."""

_COURSE = np.linspace(0, 1, 12)


def with_furrows(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene with folds in one to all regions of its face; box and landmarks stay.

    Args:
        scene: It stays as it is; one whose landmarks span no face comes back unchanged.
        rng: Every draw comes from it.
    """
    try:
        face = face_matrix(scene)
    except SimulationError:
        return scene
    box = scene.face
    corners = np.array([[box.x1, box.y1], [box.x2, box.y2]])
    window = window_about([corners], REACH * box.side, scene.size)
    if is_empty(window):
        return scene
    height, width = (span.stop - span.start for span in window)
    loss: Plane = np.zeros((height, width), np.float32)
    chosen = rng.random(len(REGIONS)) < rng.uniform(0.2, 0.9)
    chosen[rng.integers(len(REGIONS))] = True
    for courses, is_chosen in zip(REGIONS.values(), chosen, strict=True):
        if is_chosen:
            loss += _folded([_band(course, rng) for course in courses(rng)], face, window, rng)
    loss *= skin(scene.pixels[window], face, window, is_found=scene.landmarks is not None)
    factors = np.exp(-loss[..., None] * REDNESS.astype(np.float32))
    pixels = scene.pixels.copy()
    pixels[window] = np.clip(np.rint(pixels[window] * factors), 0, 255).astype(np.uint8)
    return Scene(pixels, scene.face, scene.landmarks)


def _band(course: Shares, rng: np.random.Generator) -> Shares:
    """The outline of a fold along a course: thin at both ends, deepest anywhere between."""
    across = np.gradient(course, axis=0)[:, ::-1] * (-1, 1)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    half = np.exp(rng.uniform(*np.log(WIDTH))) * np.sin(np.pi * _COURSE ** rng.uniform(0.6, 1.6))[:, None]
    return np.concatenate([course + across * half, (course - across * half)[::-1]])


def _folded(
    bands: list[npt.NDArray[np.float64]],
    face: npt.NDArray[np.float64],
    window: tuple[slice, slice],
    rng: np.random.Generator,
) -> Plane:
    """Logarithmic light that a region's folds take, and give back to the skin that swells beside them."""
    soft, depth, swelling = rng.uniform(0.003, 0.015), rng.uniform(*DEPTH), rng.uniform(0, 0.8)
    dark = drawn(bands, face, window, blur=soft)
    wide = cv2.GaussianBlur(dark, (0, 0), max((soft + 0.012) * side_of(face), 0.6))
    return np.asarray(np.float32(depth / max(dark.max(), 0.1)) * (dark - np.float32(swelling) * wide))


def _forehead(rng: np.random.Generator) -> list[Shares]:
    courses = []
    for y in np.linspace(-0.2, 0.06, int(rng.integers(1, 6))):
        left, right = rng.uniform([0.12, 0.6], [0.4, 0.88])
        sag = rng.uniform(-0.01, 0.05) * (2 * _COURSE - 1) ** 2 + 0.008 * np.sin(
            5 * _COURSE + rng.uniform(0, 6.3)
        )
        courses.append(np.stack([left + (right - left) * _COURSE, y + rng.normal(0, 0.015) + sag], axis=1))
    return courses


def _between_brows(rng: np.random.Generator) -> list[Shares]:
    courses = []
    for x in rng.uniform(-0.07, 0.07, int(rng.integers(1, 4))):
        top, bottom = rng.uniform([0.02, 0.16], [0.12, 0.27])
        lean = rng.uniform(-0.02, 0.02)
        courses.append(np.stack([0.5 + x + lean * _COURSE, top + (bottom - top) * _COURSE], axis=1))
    return courses


def _nose(rng: np.random.Generator) -> list[Shares]:
    """Across its root, and down its sides: a wrinkled nose."""
    y = rng.uniform(0.22, 0.32)
    across = np.stack([0.44 + 0.12 * _COURSE, y + rng.uniform(-0.02, 0.02) * np.sin(np.pi * _COURSE)], axis=1)
    fall = rng.uniform(0.04, 0.12)
    sides = [
        np.stack([0.5 + sign * (0.05 + 0.05 * _COURSE), y + 0.03 + fall * _COURSE], axis=1)
        for sign in (-1, 1)
    ]
    return [across, *sides]


def _about_eyes(rng: np.random.Generator) -> list[Shares]:
    """Bags, and the lines that laughter leaves beside the corners."""
    courses = []
    sink, length = rng.uniform(0.0, 0.05), rng.uniform(0.04, 0.12)
    rises = rng.uniform(-0.08, 0.08, int(rng.integers(0, 5)))
    for sign in (-1, 1):
        bag = 0.32 + sink + rng.uniform(0.02, 0.05) * np.sin(np.pi * _COURSE)
        courses.append(np.stack([0.5 + sign * (0.11 + 0.22 * _COURSE), bag], axis=1))
        for rise in rises + rng.normal(0, 0.01, len(rises)):
            courses.append(np.stack([0.5 + sign * (0.35 + length * _COURSE), 0.27 + rise * _COURSE], axis=1))
    return courses


def _beside_mouth(rng: np.random.Generator) -> list[Shares]:
    """From nose to mouth, and on to the chin."""
    bend, fall, further = rng.uniform(1.0, 1.8), rng.uniform(0.15, 0.3), rng.random() < 0.4
    courses = []
    for sign in (-1, 1):
        out = 0.12 + rng.uniform(0.08, 0.18) * _COURSE**bend
        courses.append(np.stack([0.5 + sign * out, 0.52 + fall * _COURSE], axis=1))
        if further:
            down = 0.72 + rng.uniform(0.08, 0.16) * _COURSE
            courses.append(np.stack([0.5 + sign * (0.22 + 0.03 * _COURSE), down], axis=1))
    return courses


def _chin(rng: np.random.Generator) -> list[Shares]:
    half, y = rng.uniform(0.06, 0.14), rng.uniform(0.8, 0.88)
    return [
        np.stack(
            [0.5 + half * (2 * _COURSE - 1), y + rng.uniform(-0.03, 0.03) * np.sin(np.pi * _COURSE)], axis=1
        )
    ]


REGIONS: Mapping[str, Callable[[np.random.Generator], list[Shares]]] = {
    "forehead": _forehead,
    "between_brows": _between_brows,
    "nose": _nose,
    "about_eyes": _about_eyes,
    "beside_mouth": _beside_mouth,
    "chin": _chin,
}
"""Courses of folds in shares of an average face's box, drawn, by region."""
