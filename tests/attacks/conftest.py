"""Pictures made here: a smooth face-like scene with texture, so that no file is needed."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from bonaface.attacks.scene import Scene
from bonaface.types import Box

MakeScene = Callable[..., Scene]


def make_scene(
    height: int = 200,
    width: int = 160,
    *,
    face: Box | None = None,
    is_grey: bool = False,
    texture: float = 10.0,
) -> Scene:
    """A skin-coloured ellipse with eyes and a mouth on a bluish wall, with fine texture all over."""
    rng = np.random.default_rng(height * 1000 + width)
    box = face or Box(width * 0.25, height * 0.3, width * 0.75, height * 0.3 + width * 0.5)
    x = np.arange(width, dtype=np.float64)[None, :]
    y = np.arange(height, dtype=np.float64)[:, None]
    wall = np.stack(
        [60 + 20 * x / width + 0 * y, 90 + 20 * y / height + 0 * x, 140 - 15 * x / width + 0 * y], 2
    )
    (cx, cy), side = box.center, box.side
    radius = ((x - cx) / (0.46 * side)) ** 2 + ((y - cy + 0.06 * side) / (0.62 * side)) ** 2
    inside = np.clip(6 * (1 - np.sqrt(radius)), 0, 1)[..., None]
    picture = wall * (1 - inside) + inside * np.array([205, 155, 125.0])
    for ex, ey, size, depth in ((-0.2, -0.12, 0.07, 120), (0.2, -0.12, 0.07, 120), (0, 0.28, 0.12, 60)):
        spot = np.exp(-(((x - cx - ex * side) ** 2 + (y - cy - ey * side) ** 2) / (size * side) ** 2))
        picture = picture - depth * spot[..., None]
    picture = picture + texture * rng.standard_normal((height, width, 1))
    if is_grey:
        picture = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    pixels = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    pixels[: max(height // 25, 1)] = 2
    pixels.setflags(write=False)
    return Scene(pixels, box)


@pytest.fixture(scope="session")
def face_scene() -> Scene:
    return make_scene()


@pytest.fixture(scope="session")
def odd_scenes() -> dict[str, Scene]:
    """What real folders hold besides good pictures."""
    return {
        "odd sizes": make_scene(151, 117),
        "wide": make_scene(90, 210, face=Box(70, 5, 140, 75)),
        "grey": make_scene(128, 128, is_grey=True),
        "tiny": make_scene(48, 48, face=Box(6, 8, 42, 44)),
        "box outside": make_scene(120, 100, face=Box(-30, 40, 70, 140)),
        "face elsewhere": make_scene(60, 60, face=Box(400, 400, 440, 440)),
        "three pixels": make_scene(3, 3, face=Box(0, 0, 3, 3)),
    }


def energy(pixels: np.ndarray, *, low: float, high: float) -> float:
    """Mean spectral power of the grey picture between two frequencies in cycles for each pixel."""
    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY).astype(np.float64)
    window = np.outer(np.hanning(grey.shape[0]), np.hanning(grey.shape[1]))
    power = np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2
    fy, fx = np.fft.fftfreq(grey.shape[0])[:, None], np.fft.fftfreq(grey.shape[1])[None, :]
    frequency = np.hypot(fx, fy)
    return float(power[(frequency >= low) & (frequency < high)].mean())
