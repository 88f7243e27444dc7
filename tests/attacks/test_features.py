from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks import features

FACE = np.array([[100.0, 0, 50], [0, 100, 60]])
WINDOW = (slice(10, 210), slice(5, 195))


def at(plane: np.ndarray, x: float, y: float) -> float:
    """The value at a point in shares."""
    return float(plane[round(100 * y + 60) - 10, round(100 * x + 50) - 5])


def painted(colour: tuple[int, int, int]) -> np.ndarray:
    picture = np.empty((200, 190, 3), np.uint8)
    picture[:] = colour
    return picture


def test_parts_lie_where_an_average_face_has_them():
    cases = {
        features.lips: ((0.5, 0.7), (0.5, 0.5)),
        features.lids: ((0.278, 0.21), (0.278, 0.268)),
        features.lashes: ((0.722, 0.233), (0.722, 0.3)),
        features.cheeks: ((0.18, 0.56), (0.5, 0.56)),
        features.eyes: ((0.722, 0.268), (0.5, 0.268)),
    }
    for part, (inner, outer) in cases.items():
        region = part(FACE, WINDOW)
        assert region.shape == (200, 190)
        assert at(region, *inner) > 0.5 > 0.1 > at(region, *outer), part.__name__


def test_skin_leaves_other_colours_and_known_features_out():
    picture = painted((200, 150, 125))
    picture[:, :40] = (40, 60, 160)
    found, guessed = (features.skin(picture, FACE, WINDOW, is_found=f) for f in (True, False))
    assert at(guessed, 0.5, 0.4) > 0.9
    assert at(guessed, 0.278, 0.268) > 0.9 > 0.2 > at(found, 0.278, 0.268)
    assert at(found, 0.5, 0.7) < 0.1
    assert guessed[:, :35].max() < 0.01


def test_hair_has_the_colour_above_the_forehead():
    picture = painted((90, 120, 170))
    picture[10:35, 40:150] = (60, 40, 30)
    hair = features.hair(picture, FACE, WINDOW)
    assert at(hair, 0.5, -0.34) > 0.8
    assert at(hair, 1.05, 0.2) < 0.05
    assert at(hair, 0.5, 0.5) < 0.05


def test_likeness_is_a_gaussian_of_the_colour():
    picture = painted((100, 100, 100))
    picture[:, 100:] = (130, 130, 130)
    seed = np.zeros((200, 190), np.float32)
    seed[:, :50] = 1
    near = features.alike(picture, seed, deviations=(30, 10, 10))
    assert near[50, 20] == pytest.approx(1)
    assert near[50, 180] == pytest.approx(np.exp(-0.5), abs=1e-3)
    assert (features.alike(picture, 0 * seed, deviations=(30, 10, 10)) == 1).all()


def test_red_lips_are_found_beside_their_guess():
    picture = painted((200, 150, 125))
    picture[118:124, 80:110] = (190, 90, 95)
    lips = features.red_lips(picture, FACE, WINDOW)
    assert lips[121, 95] > 0.8
    assert lips[132, 95] < 0.1


def test_dark_lines_are_level_and_long():
    picture = painted((180, 180, 180))
    picture[100:103, 40:80] = 60
    picture[50:53, 100:106] = 60
    picture[120:160, 150:153] = 60
    dark = features.dark_lines(picture, side=100, length=0.2, reach=0.0)
    assert dark[101, 60] > 0.9
    assert dark[51, 103] == 0
    assert dark[140, 151] == 0
    grown = features.dark_lines(picture, side=100, length=0.2, reach=0.16)
    assert grown[108, 60] > 0.9 > dark[108, 60]


def test_teeth_are_paler_than_the_skin():
    picture = painted((200, 150, 125))
    picture[118:124, 80:110] = (215, 210, 200)
    teeth = features.teeth(picture, FACE, WINDOW)
    assert teeth[121, 95] > 0.9
    assert teeth[140, 95] == 0
