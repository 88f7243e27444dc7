from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks.motion import Motion
from bonaface.attacks.mouth import Mouth, draw_mouth, on_lip_line, opened

FACE = np.array([[100.0, 0, 20], [0, 100, 10]])
WINDOW = slice(0, 140), slice(0, 140)
OPEN = Motion(0.0, 0.0, 0.0, 0.0, 0.12, 0.0, 0.0, 0.0)
MOUTH = Mouth(code=0.15, teeth=0.0, teeth_code=0.9, teeth_height=0.05, blur=0.004)
SKIN = (200, 150, 125)


def wall() -> np.ndarray:
    return np.full((140, 140, 3), SKIN, np.uint8)


def parted(picture: np.ndarray, mouth: Mouth) -> np.ndarray:
    return opened(picture, np.ones((140, 140), np.float32), WINDOW, FACE, OPEN, mouth, is_found=True)


@pytest.mark.parametrize("shift", [-4, 0, 5])
def test_the_mouth_is_looked_for_where_it_is_dark(shift):
    picture = wall()
    row = round(10 + 70.75) + shift
    picture[row - 1 : row + 2, 52:88] = (90, 50, 45)
    assert (on_lip_line(picture, FACE) - FACE)[:, 2] == pytest.approx([0, shift], abs=1.1)
    assert on_lip_line(wall(), FACE) == pytest.approx(FACE)


def test_the_inside_is_dark_and_redder_than_the_skin():
    inside = parted(wall(), MOUTH)[88, 70].astype(float)
    assert inside.mean() < 0.25 * np.mean(SKIN)
    assert inside[0] / inside[2] > 1.3 * SKIN[0] / SKIN[2]


def test_teeth_are_nearly_as_bright_as_the_skin_and_paler():
    out = parted(wall(), Mouth(code=0.15, teeth=1.0, teeth_code=1.0, teeth_height=0.05, blur=0.003))
    tooth = out[74:90, 74:78].astype(float)
    is_pale = (tooth.mean(axis=2) > 0.8 * np.mean(SKIN)) & (np.ptp(tooth, axis=2) < 0.6 * np.ptp(SKIN))
    assert is_pale.sum() >= 4


def test_a_smile_keeps_its_own_teeth():
    smiling = wall()
    smiling[76:90, 50:90] = 215
    assert (parted(smiling, MOUTH) == smiling).all()


def test_two_in_three_show_teeth():
    drawn = [draw_mouth(np.random.default_rng(seed)) for seed in range(300)]
    assert np.mean([mouth.teeth > 0 for mouth in drawn]) == pytest.approx(0.66, abs=0.08)
