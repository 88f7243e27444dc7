from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bonaface.attacks.folds import Folds, draw_folds, folded
from bonaface.attacks.view import View, source_maps

UPRIGHT = Folds(across_deg=(0.0,), offset=(0.0,), turn_deg=(10.0,), reach=(0.2,), wear=(0.0,), line_px=(0.5,))
SIDE = 201


def seen(folds: Folds, *, light_deg: float = 0.0):
    maps = source_maps(View(), SIDE, SIDE)
    return maps, *folded(folds, maps, np.random.default_rng(0), light_deg=light_deg)


def test_the_side_that_faces_the_light_is_brighter_by_as_much_as_worked_by_hand():
    """tan 10 degrees is 0.1763; times 1.2 and, 20 of 40.2 pixels away, exp(-20 / 40.2) = 0.608: 0.1286."""
    for light_deg, sign in ((0.0, 1), (180.0, -1)):
        _, _, shade, _ = seen(UPRIGHT, light_deg=light_deg)
        assert shade[50, 120] == pytest.approx(1 + sign * 0.1286, abs=1e-3)
        assert shade[50, 80] == pytest.approx(1 - sign * 0.1286, abs=1e-3)
    _, _, shade, _ = seen(UPRIGHT, light_deg=90.0)
    np.testing.assert_allclose(shade, 1, atol=1e-6)


def test_lines_across_a_fold_kink_where_it_lies():
    """A ridge 0.1763 * 0.2 sides high, 1.6 sides from the camera, is 2.2 % nearer: 80 pixels off it looks at 78.24."""
    flat, bent, _, _ = seen(UPRIGHT)
    moved = bent[1] - flat[1]
    assert moved[180, 100] == pytest.approx(-80 * 0.1763 * 0.2 / 1.6, abs=0.01)
    assert moved[20, 100] == pytest.approx(-moved[180, 100], abs=0.01)
    step = np.diff(moved[180])
    assert step[99] == pytest.approx(-step[100], abs=1e-3)
    assert abs(step[100] - step[99]) > 20 * abs(step[120] - step[119])
    assert np.abs(moved[180, [0, -1]]).max() < 0.2 * abs(moved[180, 100])


def test_a_valley_is_dark_and_ink_wears_off_along_the_line_alone():
    for turn, dark in ((10.0, 0.0), (-10.0, 0.1763)):
        _, _, shade, wear = seen(
            replace(UPRIGHT, turn_deg=(turn,), wear=(0.6,), line_px=(1.0,)), light_deg=90
        )
        assert shade[:, 100].mean() == pytest.approx(1 - dark, abs=1e-3)
        assert shade[:, 110].mean() == pytest.approx(1, abs=1e-3)
        assert 0.2 < wear[:, 100].mean() < 0.6
        assert wear[:, 100].std() > 0.05
        assert wear[:, 106].max() < 1e-4


def test_folds_lie_where_they_are_asked_for():
    letter = Folds((0.0, 90.0), (-0.2, 0.3), (10.0, 10.0), (0.1, 0.1), (1.0, 1.0), (0.6, 0.6))
    _, _, _, wear = seen(letter)
    assert int(wear.mean(axis=0).argmax()) == pytest.approx(100 - 0.2 * SIDE, abs=1)
    assert int(wear.mean(axis=1).argmax()) == pytest.approx(100 + 0.3 * SIDE, abs=1)


def test_strength_turns_and_wears_more_and_one_or_two_are_drawn():
    drawn = {
        strength: [draw_folds(np.random.default_rng(s), strength=strength) for s in range(80)]
        for strength in (0.3, 1.5)
    }
    for weak, strong in zip(*drawn.values(), strict=True):
        assert np.abs(strong.turn_deg) == pytest.approx(5 * np.abs(weak.turn_deg))
        assert all(a <= b <= 1 for a, b in zip(weak.wear, strong.wear, strict=True))
        assert (
            len({len(v) for v in (weak.across_deg, weak.offset, weak.turn_deg, weak.reach, weak.line_px)})
            == 1
        )
    assert {len(one.wear) for one in drawn[1.5]} == {1, 2}
    assert {np.sign(one.turn_deg[0]) for one in drawn[1.5]} == {-1.0, 1.0}
