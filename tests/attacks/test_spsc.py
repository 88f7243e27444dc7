from __future__ import annotations

import colorsys
import math
from dataclasses import replace

import numpy as np
import pytest

from bonaface.attacks.scene import Scene
from bonaface.attacks.spsc import SpscParameters, apply_spsc, draw_spsc, jitter, moire
from bonaface.types import Box

PLAIN = SpscParameters(0, "jitter", (0, 1, 2, 3), 1.0, 1.0, 1.0, 0.0, 0.005)


def slow_moire(pixels: np.ndarray, delta: float, center: tuple[int, int]) -> np.ndarray:
    """The equation as it is written, a pixel at a time, in polar coordinates."""
    height, width, _ = pixels.shape
    cx, cy = center
    out = np.empty_like(pixels)
    for y in range(height):
        for x in range(width):
            rho, theta = math.hypot(x - cx, y - cy), math.atan2(y - cy, x - cx)
            sx = min(max(cx + rho * math.cos(theta + delta * rho), 0), width - 1)
            sy = min(max(cy + rho * math.sin(theta + delta * rho), 0), height - 1)
            for c in range(3):
                total = 8 * int(pixels[y, x, c]) + 2 * int(pixels[int(sy), int(sx), c])
                out[y, x, c] = total // 10
    return out


@pytest.mark.parametrize("size", [(31, 22), (20, 37), (16, 16), (1, 9)])
@pytest.mark.parametrize("delta", [0.0005, 0.0043, 0.0997])
def test_moire_equals_its_definition_about_both_centres(size, delta):
    height, width = size
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert (moire(pixels, delta=delta) == slow_moire(pixels, delta, (width // 2, height // 2))).all()
    legacy = moire(pixels, delta=delta, legacy_center=True)
    assert (legacy == slow_moire(pixels, delta, (height // 2, width // 2))).all()


def test_the_centre_stays_and_the_corners_do_not():
    pixels = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    out = moire(pixels, delta=0.01)
    assert (out[45, 60] == pixels[45, 60]).all()
    assert (out[:10, :10] != pixels[:10, :10]).mean() > 0.5


def test_jitter_of_one_pixel_worked_by_hand():
    """(200, 100, 50) and (100, 100, 100): brightness 0.5, contrast 1.2, saturation 0.5, no hue.

    Brightness: (100, 50, 25), (50, 50, 50). Greys 0.299 * 100 + 0.587 * 50 + 0.114 * 25 = 62.1 and 50, mean 56.05.
    Contrast: 1.2 * v - 0.2 * 56.05 = (108.79, 48.79, 18.79), (48.79, 48.79, 48.79).
    Saturation: grey 0.299 * 108.79 + 0.587 * 48.79 + 0.114 * 18.79 = 63.31; (86.05, 56.05, 41.05).
    """
    pixels = np.array([[[200, 100, 50], [100, 100, 100]]], np.uint8)
    out = jitter(pixels, replace(PLAIN, brightness=0.5, contrast=1.2, saturation=0.5))
    assert out[0].tolist() == [[86, 56, 41], [49, 49, 49]]


def test_the_order_of_the_steps_counts():
    pixels = np.array([[[250, 10, 10], [120, 130, 140]]], np.uint8)
    drawn = replace(PLAIN, brightness=1.4, saturation=0.6)
    assert jitter(pixels, drawn).tolist() != jitter(pixels, replace(drawn, order=(2, 1, 0, 3))).tolist()


@pytest.mark.parametrize("hue", [-0.4, -0.1, 0.25, 0.4])
def test_hue_turns_as_the_standard_library_turns_it(hue):
    pixels = np.random.default_rng(2).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    out = jitter(pixels, replace(PLAIN, hue=hue))
    for before, after in zip(pixels.reshape(-1, 3), out.reshape(-1, 3), strict=True):
        h, s, v = colorsys.rgb_to_hsv(*(before / 255))
        assert after == pytest.approx(255 * np.array(colorsys.hsv_to_rgb((h + hue) % 1, s, v)), abs=0.75)


def test_neutral_jitter_changes_nothing():
    pixels = np.random.default_rng(2).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    assert np.abs(jitter(pixels, PLAIN).astype(int) - pixels).max() <= 1


def test_the_switch(face_scene):
    both = draw_spsc(np.random.default_rng(0))
    only_moire, only_jitter = (draw_spsc(np.random.default_rng(0), clues=c) for c in ("moire", "jitter"))
    pixels = face_scene.pixels
    assert (apply_spsc(face_scene, only_moire).pixels == moire(pixels, delta=both.delta)).all()
    assert (apply_spsc(face_scene, only_jitter).pixels == jitter(pixels, both)).all()
    expected = moire(jitter(pixels, both), delta=both.delta)
    assert (apply_spsc(face_scene, both).pixels == expected).all()
    legacy = draw_spsc(np.random.default_rng(0), clues="moire", legacy_center=True)
    expected = moire(pixels, delta=both.delta, legacy_center=True)
    assert (apply_spsc(face_scene, legacy).pixels == expected).all()


def test_draws_stay_in_the_papers_ranges():
    rng = np.random.default_rng(0)
    drawn = [draw_spsc(rng) for _ in range(400)]
    for name, low, high in (
        ("brightness", 0.6, 1.4),
        ("contrast", 0.6, 1.4),
        ("saturation", 0.6, 1.4),
        ("hue", -0.4, 0.4),
        ("delta", 0.0005, 0.01),
    ):
        values = [getattr(p, name) for p in drawn]
        assert low <= min(values) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < max(values) <= high
    assert len({p.order for p in drawn}) == 24


def test_a_flat_picture_has_no_moire():
    scene = Scene(np.full((20, 30, 3), (3, 77, 255), np.uint8), Box(5, 5, 15, 15))
    assert (apply_spsc(scene, replace(PLAIN, clues="moire")).pixels == scene.pixels).all()
