from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks.seam import InnerFace
from bonaface.attacks.skin_reach import SHARES, skin_shares

FACE = np.array([[100.0, 0, 40], [0, 100, 40]])
WINDOW = slice(0, 180), slice(0, 180)
ROUND = InnerFace(seed=0, half_width=0.45, top=0.5, bottom=0.5, flatness=2.0, unevenness=0.0, edge=0.05)


def face(*, hair_above: int = 0, wall_left_of: int = 0) -> np.ndarray:
    pixels = np.full((180, 180, 3), (200, 150, 125), np.uint8)
    pixels[:hair_above] = (30, 20, 15)
    pixels[:, :wall_left_of] = (40, 80, 160)
    return pixels


def test_on_skin_alone_the_whole_region_stays():
    assert skin_shares(ROUND, FACE, WINDOW, [face(), face()]) == pytest.approx(np.ones(48))


def test_hair_in_one_picture_and_a_wall_in_the_other_draw_the_curve_in():
    shares = skin_shares(ROUND, FACE, WINDOW, [face(hair_above=46), face(wall_left_of=52)])
    right, bottom, left, top = shares[[0, 12, 24, 36]]
    assert right == bottom == pytest.approx(1.0)
    assert 90 - 50 * top > 45, "by hand: hair ends at 46 px, and the whole curve at 40"
    assert 90 - 45 * left > 52
    assert shares.min() >= SHARES[0]
    assert np.abs(np.diff(shares)).max() < 0.1


def test_where_no_radius_ends_on_skin_the_whole_one_stays():
    shares = skin_shares(ROUND, FACE, WINDOW, [face(hair_above=75)])
    assert shares[36] == pytest.approx(1.0)
