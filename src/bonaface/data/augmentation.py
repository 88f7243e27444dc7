"""Changes that say nothing about bona fide or attack, drawn alike for every class before the attack happens."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks import fields
from bonaface.attacks.light import YCBCR, saturation_matrix
from bonaface.attacks.scene import Plane, Scene, face_ellipse_mask
from bonaface.data.expression import with_expression
from bonaface.data.furrows import with_furrows
from bonaface.types import Box, Picture


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Strengths and chances of the changes.

    Attributes:
        flip: Chance of a mirror image.
        background: Chance that all but the head comes from another picture, of any class. Studio backdrops are
            common among bona fide portraits and natural scenes among generated ones: neither may become a sign.
        grey: Chance of a greyscale picture.
        rendering: Chance of another rendering: saturation, contrast, gamma and warmth as cameras, films and hands set
            them. Without it a vividly coloured face before a plain background reads as a swapped one.
        lighting: Chance of coloured light that falls unevenly, so that a slow change of tone or colour alone,
            without an edge or a change of detail, is no sign either.
        depth: Chance that all but the head is softer, sharper or noisier than the head: lenses blur what is behind, and
            film grain shows in a plain backdrop first. Without it a smooth face before grain reads as a swapped one.
        backdrop: Chance that all but the head has other colours.
        expression: Chance of another expression, see `data.expression`: without it a grimace reads as a driven face.
        furrows: Chance of deep folds of the skin, see `data.furrows`: without them a frown reads as an edited age.
        sharpening: Chance of the strong sharpening that scans and prints were given, halos and all, before the attack:
            without it such a portrait reads as a swapped one.
        distance: Chance that the face is farther from the camera or nearer, see `data.distance`: without it a face of few
            pixels reads as a redrawn one.
        development: Chance of another tone and colour after the attack and the camera, see `data.development`: without
            it a flat or tinted picture reads as a printed one.
        denoising: Chance that the camera has smoothed what is flat, see `data.denoising`: without it skin without pores reads as
            a decoder's.
        filters: Chance of an app's filter after the camera, see `data.filters`: without it faded blacks read as paper.
        noise: Chance of a sensor's noise after the camera, likewise: without it a dim room reads as paper.
        turn_deg: Largest rotation in the image plane, degrees.
        shift_ratio: Largest shift of the face box, as a share of its side: what finders differ by.
        zoom_ratio: Largest change of its side.
    """

    flip: float = 0.5
    background: float = 0.3
    grey: float = 0.06
    rendering: float = 0.5
    lighting: float = 0.35
    depth: float = 0.0
    backdrop: float = 0.0
    expression: float = 0.0
    furrows: float = 0.0
    sharpening: float = 0.0
    distance: float = 0.0
    development: float = 0.0
    denoising: float = 0.0
    filters: float = 0.0
    noise: float = 0.0
    turn_deg: float = 8.0
    shift_ratio: float = 0.05
    zoom_ratio: float = 0.1


def augmented(scene: Scene, other: Scene, how: Augmentation, rng: np.random.Generator) -> Scene:
    """The scene mirrored, turned, greyed, rendered, lit and before another background, by chance.

    Args:
        scene: The scene to change; it stays as it is.
        other: Whose surroundings may become the background.
        how: Strengths and chances.
        rng: Every draw comes from it.
    """
    chances = (how.flip, how.background, how.grey, how.rendering, how.lighting)
    flip, background, grey, rendering, lighting = rng.random(len(chances)) < chances
    turn_deg = rng.uniform(-how.turn_deg, how.turn_deg) * (rng.random() < 0.5)
    mirror_other = rng.random() < 0.5
    seeds = rng.integers(2**32, size=2)
    behind = np.random.default_rng([*seeds])
    if how.expression and behind.random() < how.expression:
        scene = with_expression(scene, behind)
    if how.furrows and behind.random() < how.furrows:
        scene = with_furrows(scene, behind)
    pixels, face, points = scene.pixels, scene.face, scene.landmarks
    if background:
        pixels = _before(scene, other.pixels[:, ::-1] if mirror_other else other.pixels)
    if behind.random() < how.depth:
        pixels = _apart(Scene(np.ascontiguousarray(pixels), face), behind)
    if behind.random() < how.backdrop:
        pixels = _behind(Scene(np.ascontiguousarray(pixels), face), _recoloured(pixels, behind), behind)
    if flip:
        width = pixels.shape[1]
        pixels, face = pixels[:, ::-1], Box(width - face.x2, face.y1, width - face.x1, face.y2)
        points = None if points is None else _mirrored(points, width)
    if turn_deg:
        turn = cv2.getRotationMatrix2D(face.center, turn_deg, 1.0)
        size = (pixels.shape[1], pixels.shape[0])
        upright = np.ascontiguousarray(pixels)
        turned = cv2.warpAffine(
            upright, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        pixels = np.asarray(turned, np.uint8)
        points = None if points is None else (points @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    pixels = np.ascontiguousarray(pixels, np.uint8)
    if behind.random() < how.sharpening:
        pixels = _sharpened(pixels, behind, most=2.2)
    if rendering:
        pixels = _rendered(pixels, np.random.default_rng(seeds[0]))
    if lighting:
        pixels = _lit(pixels, np.random.default_rng(seeds[1]))
    if grey:
        plane = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        pixels = np.asarray(cv2.cvtColor(plane, cv2.COLOR_GRAY2RGB), np.uint8)
    return Scene(pixels, face, points)


def jittered(face: Box, how: Augmentation, rng: np.random.Generator) -> Box:
    """The face box as another finder might have given it."""
    dx, dy = rng.uniform(-how.shift_ratio, how.shift_ratio, 2) * face.side
    half = face.side / 2 * (1 + rng.uniform(-how.zoom_ratio, how.zoom_ratio))
    cx, cy = face.center
    return Box(cx + dx - half, cy + dy - half, cx + dx + half, cy + dy + half)


def about_same_face(made: Scene, twin: Scene, how: Augmentation) -> Scene:
    """What was made of a scene, about the scene's own face box wherever jitter could have put it there.

    A new mouth or another's shape moves the box by a pixel or two; with a box of its own the attack would be cut, framed and given
    noise a pixel beside its twin, and all that no attack has touched would differ too.
    """
    (dx, dy), side = np.subtract(made.face.center, twin.face.center), twin.face.side
    is_near = max(abs(dx), abs(dy)) <= how.shift_ratio * side
    is_alike = abs(made.face.side - side) <= how.zoom_ratio * side
    return replace(made, face=twin.face) if made.size == twin.size and is_near and is_alike else made


def _mirrored(points: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    """The five points in the mirror image, where right is left."""
    swapped = points[[1, 0, 2, 4, 3]]
    return np.stack([width - 1 - swapped[:, 0], swapped[:, 1]], axis=1).astype(np.float32)


def _rendered(pixels: Picture, rng: np.random.Generator) -> Picture:
    """The picture with another saturation, contrast, gamma and warmth."""
    saturation, contrast, gamma = np.exp(rng.uniform([-0.7, -0.25, -0.3], [0.6, 0.3, 0.3]))
    warmth = rng.uniform(-0.08, 0.08)
    curve = 255 * np.clip(((np.arange(256) / 255) ** gamma - 0.5) * contrast + 0.5, 0, 1)
    toned = cv2.LUT(pixels, np.rint(curve).astype(np.uint8))
    colours = np.diag([1 + warmth, 1, 1 - warmth]) @ saturation_matrix(float(saturation))
    return np.asarray(cv2.transform(toned, colours.astype(np.float32)), np.uint8)


def _lit(pixels: Picture, rng: np.random.Generator) -> Picture:
    """The picture under light whose brightness and, less, whose colour change slowly over it."""
    height, width = pixels.shape[:2]
    cells = int(rng.integers(2, 7))
    strength, colour = rng.uniform(0, 0.16), rng.uniform(0, 0.07)
    planes = [fields.unevenness(rng, height, width, cells=cells) for _ in range(4)]
    light = cv2.merge([strength * planes[0] + colour * plane for plane in planes[1:]])
    return np.asarray(cv2.convertScaleAbs(cv2.multiply(pixels, cv2.exp(light), dtype=cv2.CV_32F)), np.uint8)


def _apart(scene: Scene, rng: np.random.Generator) -> Picture:
    """The head as it is, and all else softer, sharper or noisier."""
    side, kind = scene.face.side, rng.integers(3)
    if kind == 0:
        changed = cv2.GaussianBlur(scene.pixels, (0, 0), rng.uniform(0.004, 0.025) * side)
    elif kind == 1:
        changed = _sharpened(scene.pixels, rng, most=1.6)
    else:
        changed = _grained(scene.pixels, rng)
    return _behind(scene, np.asarray(changed, np.uint8), rng)


def _behind(scene: Scene, changed: Picture, rng: np.random.Generator) -> Picture:
    """The head of `scene`, and `changed` where it is not, more or less."""
    share = rng.uniform(0.5, 1.0) * (1 - _head_mask(scene))
    return np.asarray(
        cv2.blendLinear(scene.pixels, np.asarray(changed, np.uint8), 1 - share, share), np.uint8
    )


def _sharpened(pixels: Picture, rng: np.random.Generator, *, most: float) -> Picture:
    """The picture after an unsharp mask of some radius, and of an amount up to `most`."""
    soft = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.5, 1.5))
    amount = rng.uniform(0.4, most)
    return np.asarray(cv2.addWeighted(pixels, 1 + amount, soft, -amount, 0), np.uint8)


def _grained(pixels: Picture, rng: np.random.Generator) -> Picture:
    """The picture with film's grain: of some size, partly of its own in each channel, most in blue."""
    height, width = pixels.shape[:2]
    size, colour = rng.uniform(0, 0.7), rng.uniform(0, 1)
    shared, *own = (fields.grain(rng, height, width, sigma_px=size) for _ in range(4))
    deviations = rng.uniform(2, 9) * np.array([1, 1, rng.uniform(1, 2)])
    noise = [(1 - colour) * shared + colour * one for one in own]
    planes = [plane * np.float32(deviation) for plane, deviation in zip(noise, deviations, strict=True)]
    return np.asarray(cv2.add(pixels, cv2.merge(planes), dtype=cv2.CV_8U), np.uint8)


def _recoloured(pixels: Picture, rng: np.random.Generator) -> Picture:
    """The picture with its hues turned, more or less of them, and another brightness."""
    turn = rng.uniform(-np.pi, np.pi) * (rng.random() < 0.6)
    saturation, gain = np.exp(rng.uniform([-0.9, -0.35], [0.5, 0.35]))
    cos, sin = saturation * np.cos(turn), saturation * np.sin(turn)
    hues = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    colours = gain * np.linalg.inv(YCBCR) @ hues @ YCBCR
    return np.asarray(cv2.transform(np.ascontiguousarray(pixels), colours.astype(np.float32)), np.uint8)


def _head_mask(scene: Scene) -> Plane:
    """1 in the head, 0 outside, a soft edge between: (height, width)."""
    head = Scene(scene.pixels, scene.face.squared(0.12).shifted(0, -0.05 * scene.face.side))
    sigma = max(1.0, 0.05 * scene.face.side)
    return np.asarray(cv2.GaussianBlur(face_ellipse_mask(head), (0, 0), sigma), np.float32)


def _before(scene: Scene, behind: Picture) -> Picture:
    """The head of `scene` before `behind`, blended over a soft edge outside of the face."""
    height, width = scene.pixels.shape[:2]
    mask = _head_mask(scene)[..., None]
    stretched = cv2.resize(np.ascontiguousarray(behind), (width, height), interpolation=cv2.INTER_AREA)
    mixed = scene.pixels * mask + stretched * (1 - mask)
    return np.asarray(mixed + 0.5, np.uint8)
