from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks.outlines import FaceFrame
from bonaface.attacks.relief import NUM_KNOTS, REACH, Lamp, lit, on_picture, relief, ripple

NOSE = (0.0, 0.03)
STILL = np.zeros((NUM_KNOTS, NUM_KNOTS), np.float32)
AXIS = np.linspace(-REACH, REACH, NUM_KNOTS)


def knot(x: float, y: float) -> tuple[int, int]:
    return int(np.abs(AXIS - y).argmin()), int(np.abs(AXIS - x).argmin())


def tilted(slope_deg: float) -> np.ndarray:
    """A plane that falls to the right."""
    return np.tile(-np.tan(np.deg2rad(slope_deg)) * AXIS, (NUM_KNOTS, 1)).astype(np.float32)


@pytest.mark.parametrize("slope_deg", [0.0, 20.0, -35.0])
@pytest.mark.parametrize("height_deg", [30.0, 60.0])
def test_a_plane_reflects_as_the_cosine_says(slope_deg, height_deg):
    matt, _ = lit(tilted(slope_deg), Lamp(0.0, height_deg), roll_deg=0.0, sharpness=10)
    wanted = max(np.cos(np.deg2rad(90 - height_deg - slope_deg)), 0) / np.sin(np.deg2rad(height_deg))
    assert matt[40, 40] == pytest.approx(wanted, abs=1e-3)


def test_a_mirror_shines_most_half_way_to_the_lamp():
    shine = {
        slope: lit(tilted(slope), Lamp(0.0, 40.0), roll_deg=0.0, sharpness=50)[1][40, 40]
        for slope in (0.0, 15.0, 25.0, 35.0)
    }
    assert max(shine, key=shine.get) == 25.0
    assert shine[25.0] == pytest.approx(1, abs=1e-3)
    assert shine[15.0] == pytest.approx(np.cos(np.deg2rad(10)) ** 50, abs=1e-3)


def test_a_turned_face_sees_the_lamp_from_elsewhere():
    upright = lit(tilted(30.0), Lamp(0.0, 40.0), roll_deg=0.0, sharpness=10)[0]
    turned = lit(tilted(30.0), Lamp(25.0, 40.0), roll_deg=25.0, sharpness=10)[0]
    assert turned == pytest.approx(upright, abs=1e-5)


def test_the_nose_stands_out_where_it_is_seen():
    middle = relief(NOSE, STILL)
    aside = relief((0.15, 0.03), STILL)
    assert middle.shape == (NUM_KNOTS, NUM_KNOTS)
    assert middle[knot(*NOSE)] > middle[knot(0.15, 0.03)] + 0.05
    assert aside[knot(0.15, 0.03)] > aside[knot(*NOSE)]
    assert middle == pytest.approx(middle[:, ::-1], abs=1e-5)


def test_light_from_above_lights_the_forehead_and_not_the_chin():
    matt, _ = lit(relief(NOSE, STILL), Lamp(-90.0, 50.0), roll_deg=0.0, sharpness=20)
    assert matt[knot(0.0, -0.5)] > 1 > matt[knot(0.0, 0.55)]


def test_ripple_has_the_deviation_it_says():
    fields = [ripple(np.random.default_rng(seed), 0.01) for seed in range(20)]
    assert np.std(fields) == pytest.approx(0.01, rel=0.3)
    assert not ripple(np.random.default_rng(0), 0.0).any()


def test_a_plane_lands_where_the_face_is():
    frame = FaceFrame((52.0, 47.0), 40.0, 25.0)
    window = slice(30, 60), slice(35, 70)
    across = on_picture(np.tile(AXIS, (NUM_KNOTS, 1)).astype(np.float32), frame, *window)
    down = on_picture(np.tile(AXIS[:, None], (1, NUM_KNOTS)).astype(np.float32), frame, *window)
    x, y = frame.grid(*window)
    assert np.abs(across - x).max() < 0.02
    assert np.abs(down - y).max() < 0.02
