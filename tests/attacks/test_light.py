from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks import light
from bonaface.attacks.scene import Scene
from bonaface.types import Box


def test_to_picture_rounds_and_clips():
    code = np.array([[[-0.4, 0.0, 0.5]], [[1.0, 1.7, 100.4 / 255]]], np.float32)
    assert light.to_picture(code).ravel().tolist() == [0, 0, 128, 255, 255, 100]


def test_look_up_gives_each_channel_its_curve():
    pixels = np.array([[[1, 2, 3]]], np.uint8)
    curves = np.arange(256)[:, None] * np.array([1.0, 10.0, 100.0])
    assert light.look_up(pixels, curves).ravel().tolist() == [1, 20, 300]


def test_expose_meets_the_faces_brightness_and_the_cast():
    rng = np.random.default_rng(0)
    code = np.repeat(rng.uniform(0.1, 0.5, (50, 40, 1)), 3, axis=2).astype(np.float32)
    code[:10] = 3.0
    before = Scene(np.full((50, 40, 3), 100, np.uint8), Box(0, 0, 20, 20))
    seen = light.expose(before, code, Box(10, 20, 30, 40), ratio=1.2, cast=(1.1, 1.0, 0.9))
    face = seen.pixels[20:41, 10:31].astype(float)
    assert face.mean() == pytest.approx(120, abs=1)
    assert face[..., 0].mean() / face[..., 2].mean() == pytest.approx(1.1 / 0.9, rel=0.03)
    assert seen.face == Box(10, 20, 30, 40)
    assert light.expose(before, np.zeros((50, 40, 3), np.float32), before.face, ratio=1.0).pixels.max() == 0


def test_saturation_matrix_keeps_grey_and_reaches_it():
    grey_out = light.saturation_matrix(0.0) @ np.array([1.0, 0.0, 0.0])
    assert grey_out == pytest.approx([0.299] * 3)
    assert light.saturation_matrix(0.4) @ np.ones(3) == pytest.approx(np.ones(3))
    assert light.saturation_matrix(1.0) == pytest.approx(np.eye(3))


def test_slope_rises_by_its_amount_in_its_direction():
    plane = light.slope(5, 9, angle_deg=0.0, amount=0.2)
    assert plane[:, 0] == pytest.approx(np.full(5, 0.9))
    assert plane[:, -1] == pytest.approx(np.full(5, 1.1))


def test_blob_peaks_at_its_centre():
    plane = light.blob(80, 120, center=(0.25, 0.5), radius=(0.1, 0.05), angle_deg=0.0, hardness=1.0)
    row, column = np.unravel_index(int(plane.argmax()), plane.shape)
    assert abs(row - 40) <= 4
    assert abs(column - 30) <= 4
    assert plane[40, 42] == pytest.approx(np.exp(-0.5), abs=0.08)
    assert plane[0, -1] < 1e-6


def test_surroundings_are_dull():
    rng = np.random.default_rng(0)
    colours = np.array([light.surroundings(rng) for _ in range(200)])
    assert colours.min() >= 0
    assert colours.max() <= 1
    assert (colours.max(axis=1) - colours.min(axis=1)).mean() < 0.1


def test_covered_mixes_by_weight():
    image = np.full((2, 2, 3), 0.2, np.float32)
    weight = np.array([[0.0, 0.5], [0.25, 1.0]], np.float32)
    out = light.covered(image, (1.0, 0.0, 0.2), weight)
    assert out[..., 0] == pytest.approx(np.array([[0.2, 0.6], [0.4, 1.0]]), abs=1e-4)
    assert out[..., 1] == pytest.approx(np.array([[0.2, 0.1], [0.15, 0.0]]), abs=1e-4)
    assert out[..., 2] == pytest.approx(np.full((2, 2), 0.2), abs=1e-4)
