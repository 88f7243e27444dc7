"""An app's filter after the camera."""

import cv2
import numpy as np
import pytest

from bonaface.data.augmentation import Augmentation
from bonaface.data.filters import filtered

from .by_chance import share_changed

RNG = np.random.default_rng(5)
COARSE = cv2.GaussianBlur(RNG.standard_normal((96, 96, 3)), (0, 0), 6)
FINE = RNG.standard_normal((96, 96, 1))
PICTURE = np.clip(120 + 45 * COARSE / COARSE.std() + 6 * FINE, 0, 255).astype(np.uint8)


def drawn(number: int, picture: np.ndarray = PICTURE) -> np.ndarray:
    return filtered(picture, np.random.default_rng(number))


MANY = [drawn(number) for number in range(200)]


def detail(picture: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(float)
    return (grey - cv2.GaussianBlur(grey, (0, 0), 1)).ravel()


def test_the_same_seed_gives_the_same_bytes_and_the_picture_stays_as_it_is():
    before = PICTURE.copy()
    assert drawn(3).tobytes() == drawn(3).tobytes() != drawn(4).tobytes()
    assert (before == PICTURE).all()
    assert {(one.shape, one.dtype.name) for one in MANY} == {(PICTURE.shape, "uint8")}


def test_black_becomes_grey_or_coloured_and_white_dimmer():
    black, white = (
        np.array(
            [drawn(number, np.full((8, 8, 3), value, np.uint8)).mean(axis=(0, 1)) for number in range(200)]
        )
        for value in (0, 255)
    )
    assert (np.quantile(black, 0.9, axis=0) > 20).all()
    assert np.quantile(np.ptp(black, axis=1), 0.9) > 10
    assert (np.quantile(white, 0.1, axis=0) < 235).all()
    assert (black.mean(axis=1) < 1).any()
    assert (white.mean(axis=1) > 254).any()


def test_some_are_of_one_colour_and_some_have_dark_corners():
    spread = [np.ptp(one.astype(int) - one.mean(axis=(0, 1)), axis=2).mean() for one in (PICTURE, *MANY)]
    assert min(spread[1:]) < 0.3 * spread[0]
    flat = np.full((60, 60, 3), 128, np.uint8)
    corners = [drawn(number, flat)[0, 0].mean() - drawn(number, flat)[30, 30].mean() for number in range(100)]
    assert min(corners) < -15


def test_fine_detail_stays_what_it_was():
    """Its correlation with the picture's own, by plain filters that the code does not know."""
    kept = [np.corrcoef(detail(PICTURE), detail(one))[0, 1] for one in MANY]
    assert np.median(kept) > 0.95
    assert np.quantile(kept, 0.05) > 0.6


@pytest.mark.parametrize("value", [0, 255])
def test_a_picture_of_one_value_is_no_error(value):
    flat = np.full((40, 30, 3), value, np.uint8)
    assert all(drawn(number, flat).shape == flat.shape for number in range(40))


def test_they_are_drawn_by_chance_after_the_camera():
    share = {chance: share_changed(PICTURE, Augmentation(filters=chance)) for chance in (0, 0.5, 1)}
    assert share[0] == 0
    assert 0.2 < share[0.5] < 0.8
    assert share[1] > 0.9
