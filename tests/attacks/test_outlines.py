from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks.outlines import (
    FaceFrame,
    cut_oval,
    face_frame,
    inside,
    is_empty,
    turn_matrix,
    window_about,
)
from bonaface.attacks.scene import Scene
from bonaface.types import Box

FRAME = FaceFrame((30.0, 40.0), 20.0, 90.0)


def oval(seed: int = 0, **settings) -> np.ndarray:
    return cut_oval(
        np.random.default_rng(seed), **({"center": (0.0, 0.0), "half_axes": (1.0, 1.0)} | settings)
    )


def test_a_quarter_turn_carries_right_to_down():
    assert FRAME.to_pixels(np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx(
        np.array([[30.0, 60.0], [10.0, 40.0]])
    )
    assert turn_matrix(90) == pytest.approx(np.array([[0, -1], [1, 0]]))


def test_shares_and_pixels_undo_each_other():
    points = np.random.default_rng(0).uniform(-1, 1, (9, 2))
    frame = FaceFrame((30.0, 40.0), 20.0, 17.0)
    assert frame.to_shares(frame.to_pixels(points)) == pytest.approx(points)


def test_the_grid_is_every_pixels_share():
    frame = FaceFrame((30.0, 40.0), 20.0, 17.0)
    x, y = frame.grid(slice(5, 9), slice(20, 26))
    assert x.shape == y.shape == (4, 6)
    assert x.dtype == y.dtype == np.float32
    for row, column in ((0, 0), (3, 5), (2, 1)):
        share = frame.to_shares(np.array([[20.0 + column, 5.0 + row]]))[0]
        assert (x[row, column], y[row, column]) == pytest.approx(tuple(share), abs=1e-6)


def test_the_frame_stands_between_eyes_and_mouth():
    landmarks = np.array([[40, 50], [60, 60], [45, 65], [30, 80], [50, 90]], np.float32)
    frame = face_frame(Scene(np.zeros((120, 120, 3), np.uint8), Box(20, 30, 80, 90), landmarks))
    assert frame.center == (45.0, 70.0)
    assert frame.side == 60
    assert frame.roll_deg == pytest.approx(np.rad2deg(np.arctan(0.5)))
    guessed = face_frame(Scene(np.zeros((120, 120, 3), np.uint8), Box(20, 30, 80, 90)))
    assert guessed.center == pytest.approx((50.0, 30 + 60 * 0.4865), abs=1e-3)
    assert guessed.roll_deg == 0


@pytest.mark.parametrize("squareness", [1.5, 2.0, 4.0])
def test_a_steady_hand_cuts_the_superellipse(squareness):
    points = oval(center=(3.0, -1.0), half_axes=(2.0, 0.5), squareness=squareness, snips=16)
    x, y = np.abs((points - (3.0, -1.0)) / (2.0, 0.5)).T
    assert points.shape == (16, 2)
    assert x**squareness + y**squareness == pytest.approx(np.ones(16))


def test_a_shaky_hand_leaves_it_and_the_seed_says_how():
    radius = np.linalg.norm(oval(wobble=0.1, snips=64), axis=1)
    assert 0.03 < radius.std() < 0.3
    assert (oval(wobble=0.1) == oval(wobble=0.1)).all()
    assert (oval(1, wobble=0.1) != oval(2, wobble=0.1)).any()
    spread = [np.linalg.norm(oval(seed, wobble=0.1), axis=1).std() for seed in range(200)]
    assert np.sqrt(np.mean(np.square(spread))) == pytest.approx(0.1, rel=0.15)


def test_a_taper_narrows_the_chin():
    points = oval(taper=0.2, snips=8)
    width = {round(y, 3): np.abs(x) for x, y in points}
    assert width[0.0] == pytest.approx(1)
    assert width[round(np.sqrt(0.5), 3)] < 0.9 * width[-round(np.sqrt(0.5), 3)]


def test_inside_covers_the_area_of_the_ellipse():
    ring = oval(center=(40.3, 30.7), half_axes=(20.0, 12.0), snips=90)
    share = inside([ring], slice(0, 70), slice(0, 90))
    assert share.dtype == np.float32
    assert share.sum() == pytest.approx(np.pi * 20 * 12, rel=0.025)
    assert share[31, 40] == 1
    assert share[0, 0] == 0
    assert 0 < np.mean((share > 0) & (share < 1)) < 0.1
    part = inside([ring], slice(20, 40), slice(30, 50))
    assert np.abs(part - share[20:40, 30:50]).max() < 1 / 15  # one of its sixteen parts


def test_inside_of_nothing_or_of_something_far_away():
    assert inside([], slice(0, 3), slice(0, 4)).tolist() == [[0.0] * 4] * 3
    ring = oval(half_axes=(1e9, 1e9))
    assert inside([ring], slice(0, 5), slice(0, 5)).min() == 1
    assert inside([ring + 4e9], slice(0, 5), slice(0, 5)).max() == 0


def test_windows_hold_the_outlines_and_stop_at_the_picture():
    ring = np.array([[10.0, 20.0], [14.0, 26.0]])
    assert window_about([ring], 2.0, (100, 100)) == (slice(18, 29), slice(8, 17))
    assert window_about([ring, ring + 5], 0.0, (30, 18)) == (slice(20, 30), slice(10, 18))
    assert not is_empty(window_about([ring], 2.0, (100, 100)))
    for away in (ring + 500, ring - 500):
        assert is_empty(window_about([away], 2.0, (100, 100)))
