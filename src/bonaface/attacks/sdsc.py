"""SDSC, simulated digital spoofing clues: a face blended into itself after small changes of colour and place.

Reference: He et al., Joint Physical-Digital Facial Attack Detection Via Simulating Spoofing Clues, CVPR Workshops
2024 (arXiv 2404.08450), after Shiohara and Yamasaki, Detecting Deepfakes with Self-Blended Images, CVPR 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks import fields
from bonaface.attacks.scene import Plane, Scene, face_ellipse_mask
from bonaface.errors import SimulationError
from bonaface.types import Picture

Mode = Literal["minor", "major"]


@dataclass(frozen=True, slots=True)
class SdscMode:
    """Ranges of one mode of the paper.

    Attributes:
        shuffle_p: Probability of a shuffle of the channels.
        hue: Largest shift of OpenCV's hue (0 to 179), either way.
        saturation: Largest shift of saturation (0 to 255), either way.
        value: Largest shift of value (0 to 255), either way.
        tone: Largest change of brightness (share of 255) and of contrast (share), either way.
        downscale: Range of the downscaling factor.
        sharpen: Range of the sharpening's weight.
        geometry: Largest change of size and place, as a share of the picture.
        ratios: Blending ratios, one drawn.
    """

    shuffle_p: float
    hue: float
    saturation: float
    value: float
    tone: float
    downscale: tuple[float, float]
    sharpen: tuple[float, float]
    geometry: float
    ratios: tuple[float, ...]


MODES: dict[Mode, SdscMode] = {
    "minor": SdscMode(0.0, 5, 5, 10, 0.1, (0.35, 0.65), (0.1, 0.3), 0.02, (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)),
    "major": SdscMode(0.03, 9, 9, 20, 0.2, (0.25, 0.65), (0.2, 0.5), 0.04, (0.75, 1.0, 1.0, 1.0)),
}


@dataclass(frozen=True, slots=True)
class SdscParameters:
    """One self-blended face.

    Attributes:
        seed: Of the mask's deformation.
        changes_source: Whether the colours of the blended-in copy change, or those of the picture that it enters.
        channels: Order of the channels; (0, 1, 2) leaves them.
        hue: Shift of OpenCV's hue (0 to 179).
        saturation: Shift of saturation (0 to 255).
        value: Shift of value (0 to 255).
        brightness: Added, as a share of 255.
        contrast: Factor about 0, 1 leaves the picture.
        downscale: Factor down and back up by nearest neighbours; 1 is none.
        sharpen: Weight of the sharpened picture; 0 is none.
        sharpen_lightness: The sharpening kernel's middle is 8 plus this.
        resize_x: Factor of the copy's width.
        resize_y: Factor of the copy's height.
        shift_x: Shift as a share of the width, floored to whole pixels.
        shift_y: Shift as a share of the height, floored to whole pixels.
        moves_source: Whether the copy is shifted.
        moves_mask: Whether the mask is; as the copy, but for `legacy_mask_coin`.
        mask_sigma_px: Deviation of the mask's deformation at its 6 by 6 knots, in pixels.
        small_kernel_first: Order of the mask's two blurs.
        ratio: Weight of the blended-in face at the mask's middle, in [0, 1].
    """

    seed: int
    changes_source: bool
    channels: tuple[int, int, int]
    hue: float
    saturation: float
    value: float
    brightness: float
    contrast: float
    downscale: float
    sharpen: float
    sharpen_lightness: float
    resize_x: float
    resize_y: float
    shift_x: float
    shift_y: float
    moves_source: bool
    moves_mask: bool
    mask_sigma_px: float
    small_kernel_first: bool
    ratio: float


def draw_sdsc(
    rng: np.random.Generator,
    *,
    strength: float = 1.0,
    mode: Mode = "minor",
    legacy_mask_coin: bool = False,
) -> SdscParameters:
    """Draws the clues; strength 1 is the paper.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales the ranges of colour and geometry, and the blending ratio up to 1.
        mode: `minor` is what the paper trained with.
        legacy_mask_coin: Whether the mask's shift tosses a coin of its own, as the authors' code does, so that mask
            and copy may disagree.
    """
    m = MODES[mode]

    def either_way(reach: float) -> float:
        return float(rng.uniform(-reach, reach)) * strength

    has_hsv, has_tone, has_sharpen = (bool(rng.random() < 0.5) for _ in range(3))
    has_downscale = bool(rng.random() < 0.4)
    order = rng.permutation(3) if rng.random() < m.shuffle_p else np.arange(3)
    moves_source, mask_coin = (bool(rng.random() < 0.5) for _ in range(2))
    return SdscParameters(
        seed=int(rng.integers(2**31)),
        changes_source=bool(rng.random() < 0.5),
        channels=(int(order[0]), int(order[1]), int(order[2])),
        hue=either_way(m.hue) if has_hsv else 0.0,
        saturation=either_way(m.saturation) if has_hsv else 0.0,
        value=either_way(m.value) if has_hsv else 0.0,
        brightness=either_way(m.tone) if has_tone else 0.0,
        contrast=1 + either_way(m.tone) if has_tone else 1.0,
        downscale=float(rng.uniform(*m.downscale)) if has_downscale else 1.0,
        sharpen=float(rng.uniform(*m.sharpen)) * min(strength, 1.0) if has_sharpen else 0.0,
        sharpen_lightness=float(rng.uniform(0.5, 1.0)),
        resize_x=1 + either_way(m.geometry),
        resize_y=1 + either_way(m.geometry),
        shift_x=either_way(m.geometry),
        shift_y=either_way(m.geometry),
        moves_source=moves_source,
        moves_mask=mask_coin if legacy_mask_coin else moves_source,
        mask_sigma_px=4.0,
        small_kernel_first=bool(rng.random() < 0.5),
        ratio=min(float(rng.choice(m.ratios)) * strength, 1.0),
    )


def apply_sdsc(scene: Scene, parameters: SdscParameters, mask: Plane | None = None) -> Scene:
    """The scene with its face blended into itself.

    Args:
        scene: The picture and its face.
        parameters: What `draw_sdsc` drew.
        mask: (height, width) float32 in [0, 1], 1 in the face; the face box's ellipse by default.

    Raises:
        SimulationError: If the mask's size is not the picture's.
    """
    p = parameters
    weight = blend_mask(scene, p, mask)
    changed = _recoloured(scene.pixels, p)
    source, target = (changed, scene.pixels) if p.changes_source else (scene.pixels, changed)
    source = _moved(source, p, is_shifted=p.moves_source)
    before = target.astype(np.float32)
    mixed = before + cv2.merge([weight, weight, weight]) * (source.astype(np.float32) - before)
    return Scene(mixed.astype(np.uint8), scene.face)


def blend_mask(scene: Scene, parameters: SdscParameters, mask: Plane | None = None) -> Plane:
    """The weight of the blended-in copy, (height, width) in [0, 1]: moved, deformed, blurred and scaled mask.

    The deformation's cubic overshoots, hence the clip.
    """
    p = parameters
    given = face_ellipse_mask(scene) if mask is None else mask
    if given.shape != scene.size:
        raise SimulationError(
            f"the mask must be {scene.size} as the picture is; got {given.shape}; resize it"
        )
    height, width = scene.size
    weight = _moved(given.astype(np.float32), p, is_shifted=p.moves_mask)
    rng = np.random.default_rng(p.seed)
    dx, dy = fields.displacement(rng, height, width, points=6, sigma_px=p.mask_sigma_px)
    dx, dy = fields.moved_grid(dx, dy)
    weight = cv2.remap(weight, dx, dy, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    for kernel in (3, 5) if p.small_kernel_first else (5, 3):
        weight = cv2.GaussianBlur(weight, (kernel, kernel), 3)
    return np.asarray(np.clip(weight * np.float32(p.ratio), 0, 1), dtype=np.float32)


def sdsc_mask(scene: Scene, parameters: SdscParameters) -> Plane:
    """Where `apply_sdsc` may change the scene: where the copy is blended in, or everywhere where the rest is recoloured."""
    if parameters.changes_source:
        return blend_mask(scene, parameters)
    return np.ones(scene.size, dtype=np.float32)


def _recoloured(pixels: Picture, p: SdscParameters) -> Picture:
    """Channels, HSV, tone, downscale and sharpen, in this order."""
    out = pixels
    if p.channels != (0, 1, 2):
        out = np.ascontiguousarray(out[..., list(p.channels)])
    if p.hue or p.saturation or p.value:
        out = _shifted_hsv(out, p)
    if p.brightness or p.contrast != 1:
        levels = np.arange(256, dtype=np.float32) * np.float32(p.contrast) + np.float32(255 * p.brightness)
        out = cv2.LUT(out, np.clip(levels, 0, 255).astype(np.uint8))
    if p.downscale < 1:
        height, width = out.shape[:2]
        size = (max(int(width * p.downscale), 1), max(int(height * p.downscale), 1))
        small = cv2.resize(out, size, interpolation=cv2.INTER_NEAREST)
        out = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
    if p.sharpen > 0:
        kernel = np.full((3, 3), -p.sharpen, dtype=np.float32)
        kernel[1, 1] = (1 - p.sharpen) + p.sharpen * (8 + p.sharpen_lightness)
        out = cv2.filter2D(out, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(out, dtype=np.uint8)


def _shifted_hsv(pixels: Picture, p: SdscParameters) -> Picture:
    """Hue turned modulo 180, saturation and value shifted and clipped, in uint8 HSV."""
    levels = np.arange(256, dtype=np.float64)
    curves = np.stack(
        [
            np.mod(levels + p.hue, 180),
            np.clip(levels + p.saturation, 0, 255),
            np.clip(levels + p.value, 0, 255),
        ],
        axis=1,
    ).astype(np.uint8)
    hsv = cv2.LUT(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV), np.ascontiguousarray(curves[:, None, :]))
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), dtype=np.uint8)


def _moved(image: npt.NDArray[Any], p: SdscParameters, *, is_shifted: bool) -> npt.NDArray[Any]:
    """Resized by its two factors, padded with zeros or cropped about the centre, then shifted by whole pixels."""
    height, width = image.shape[:2]
    size = (max(int(width * p.resize_x), 1), max(int(height * p.resize_y), 1))
    resized = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    centred = _placed(resized, height, width, (height - size[1]) // 2, (width - size[0]) // 2)
    if not is_shifted:
        return centred
    return _placed(centred, height, width, floor(p.shift_y * height), floor(p.shift_x * width))


def _placed(image: npt.NDArray[Any], height: int, width: int, top: int, left: int) -> npt.NDArray[Any]:
    """A canvas of zeros with the image's corner at (left, top), cut where it reaches outside."""
    canvas = np.zeros((height, width, *image.shape[2:]), dtype=image.dtype)
    y1, y2 = max(top, 0), min(top + image.shape[0], height)
    x1, x2 = max(left, 0), min(left + image.shape[1], width)
    if y1 < y2 and x1 < x2:
        canvas[y1:y2, x1:x2] = image[y1 - top : y2 - top, x1 - left : x2 - left]
    return canvas
