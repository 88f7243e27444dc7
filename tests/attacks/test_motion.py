from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from bonaface.attacks.motion import FEATURES, MOTIONS, REACHES, Motion, landed, warp_of

REST = Motion(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
FACE = np.array([[80.0, 0, 40], [0, 80, 50]])


def place(motion: Motion, feature: str) -> np.ndarray:
    return landed(motion)[feature]


def test_a_face_at_rest_stays():
    for name, (x, y, _) in FEATURES.items():
        assert place(REST, name) == pytest.approx([x, y])
    assert np.abs(np.stack(warp_of(REST, FACE).planes((slice(0, 90), slice(3, 77))))).max() < 1e-4


def test_every_motion_is_a_field_and_moves_known_features():
    names = {field.name for field in fields(Motion)}
    assert set(MOTIONS) <= names
    assert all(set(moves) <= set(FEATURES) for moves in MOTIONS.values())


@pytest.mark.parametrize(
    ("motion", "feature", "move"),
    [
        ({"brow_raise": 0.05}, "left_brow_inner", (0, -0.05)),
        ({"mouth_open": 0.1}, "chin", (0, 0.08)),
        ({"mouth_open": 0.1}, "upper_lip", (0, -0.015)),
        ({"smile": 0.1}, "right_mouth_corner", (-0.08, -0.06)),
        ({"eye_close": 1.0}, "right_lid", (0, 0.055)),
        ({"frown": 0.05}, "right_brow_inner", (0.04, 0.03)),
        ({"smile": 0.1}, "chin", (0, 0)),
        ({"yaw_deg": 30.0}, "nose_tip", (0.85 / 2, 0)),
        ({"pitch_deg": 30.0}, "nose_root", (0, 0.7 / 2 - 0.2 * (np.cos(np.pi / 6) - 1))),
        ({"roll_deg": 90.0}, "crown", (0.83, 0.83)),
    ],
)
def test_motions_worked_by_hand(motion, feature, move):
    x, y, _ = FEATURES[feature]
    assert place(replace(REST, **motion), feature) - (x, y) == pytest.approx(move, abs=1e-9)


def test_the_warp_is_exact_at_the_features_and_zero_far_away():
    motion = Motion(0.04, 0.02, 0.7, 0.06, 0.08, 7.0, -4.0, 5.0)
    warp = warp_of(motion, FACE)
    here = np.array([(x, y) for x, y, _ in FEATURES.values()])
    there = np.stack(list(landed(motion).values()))
    assert np.abs(warp.shift(there * 80 + (40, 50)) - (here - there) * 80).max() < 0.05
    far = np.array([[1 + max(REACHES) + 0.3, 0.5], [0.5, -0.6 - max(REACHES)]]) * 80 + (40, 50)
    assert (warp.shift(far) == 0).all()


def test_planes_are_the_shifts_of_their_pixels():
    warp = warp_of(Motion(0.03, 0.0, 0.6, 0.04, 0.06, 6.0, 0.0, 0.0), FACE)
    rows, columns = slice(20, 140), slice(11, 133)
    dx, dy = warp.planes((rows, columns))
    for y, x in ((30, 20), (71, 66), (80, 118), (121, 97)):
        seen = warp.shift(np.array([[x, y]]))[0]
        assert (dx[y - 20, x - 11], dy[y - 20, x - 11]) == pytest.approx(tuple(seen), abs=0.2)


def test_carried_points_are_seen_where_the_warp_says():
    warp = warp_of(Motion(0.0, 0.0, 0.0, 0.05, 0.06, 6.0, 3.0, -4.0), FACE)
    where = np.ones((200, 200), dtype=bool)
    points = np.array([[60.0, 70], [85, 92], [99, 108]])
    landed_there = warp.carried(points, where)
    assert np.abs(landed_there + warp.shift(landed_there) - points).max() < 1e-3
    assert np.abs(landed_there - points).max() > 1
    assert (warp.carried(points, np.zeros_like(where)) == points).all()
    outside = np.array([[-30.0, 20], [500, 500]])
    assert (warp.carried(outside, where) == outside).all()
