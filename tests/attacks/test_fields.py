from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks import fields


@pytest.mark.parametrize("sigma_px", [0.0, 0.5, 1.1])
def test_grain_has_zero_mean_and_unit_deviation(sigma_px):
    noise = fields.grain(np.random.default_rng(3), 300, 300, sigma_px=sigma_px)
    assert noise.dtype == np.float32
    assert abs(float(noise.mean())) < 0.02
    assert float(noise.std()) == pytest.approx(1, rel=0.1)


def test_smooth_goes_through_its_corner_knots_and_keeps_constants_and_slopes():
    knots = np.random.default_rng(0).standard_normal((5, 4))
    field = fields.smooth(knots, 33, 31)
    assert field[[0, 0, -1, -1], [0, -1, 0, -1]] == pytest.approx(
        [knots[0, 0], knots[0, -1], knots[-1, 0], knots[-1, -1]], abs=1e-5
    )
    assert field[8, 0] == pytest.approx(knots[1, 0], abs=1e-5)
    assert fields.smooth(np.full((6, 6), 2.5), 20, 30) == pytest.approx(np.full((20, 30), 2.5), abs=1e-5)
    ramp = fields.smooth(np.tile(np.arange(6.0), (6, 1)), 11, 51)
    assert ramp[5, 10:41] == pytest.approx(np.arange(10, 41) / 10, abs=1e-4)


def test_displacement_has_the_asked_deviation_at_its_knots():
    pairs = [fields.displacement(np.random.default_rng(s), 51, 51, points=6, sigma_px=4.0) for s in range(40)]
    at_knots = np.stack([[dx[::10, ::10], dy[::10, ::10]] for dx, dy in pairs])
    assert float(at_knots.std()) == pytest.approx(4, rel=0.06)


def test_moved_grid_adds_positions():
    dx, dy = fields.moved_grid(np.full((2, 3), 0.5, np.float32), np.zeros((2, 3), np.float32))
    assert dx.tolist() == [[0.5, 1.5, 2.5]] * 2
    assert dy.tolist() == [[0, 0, 0], [1, 1, 1]]
