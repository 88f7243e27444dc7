"""Tone, colour and detail after the camera."""

import cv2
import numpy as np
import pytest

from bonaface.data.development import developed

RNG = np.random.default_rng(5)
NOISE = cv2.GaussianBlur(RNG.standard_normal((96, 96, 3)), (0, 0), 3)
SMOOTH = np.clip(128 + 50 * NOISE / NOISE.std(), 0, 255).astype(np.uint8)


def drawn(number: int) -> np.ndarray:
    return developed(SMOOTH, np.random.default_rng(number))


MANY = [drawn(number) for number in range(150)]


def fine_detail(picture: np.ndarray) -> np.ndarray:
    """Mean energy of each channel of YCrCb above a small blur."""
    planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb).astype(np.float64)
    return ((planes - cv2.GaussianBlur(planes, (0, 0), 1)) ** 2).mean(axis=(0, 1))


def test_the_same_seed_gives_the_same_bytes_and_the_picture_stays_as_it_is():
    before = SMOOTH.copy()
    assert drawn(3).tobytes() == drawn(3).tobytes()
    assert (before == SMOOTH).all()
    assert drawn(3).tobytes() != drawn(4).tobytes()


def test_what_comes_is_a_picture_of_the_same_size():
    assert all(one.shape == SMOOTH.shape and one.dtype == np.uint8 for one in MANY)


def test_contrast_and_brightness_reach_far_below_and_above():
    soft = [cv2.GaussianBlur(one, (0, 0), 2).astype(float).mean(axis=2).std() for one in (SMOOTH, *MANY)]
    contrast = np.array(soft[1:]) / soft[0]
    assert np.quantile(contrast, 0.1) < 0.7
    assert np.quantile(contrast, 0.9) > 1.3
    assert np.ptp([one.mean() for one in MANY]) > 60


def test_colour_casts_go_every_way():
    casts = np.array([one.mean(axis=(0, 1)) - one.mean() for one in MANY])
    assert (casts.max(axis=0) > 10).all()
    assert (casts.min(axis=0) < -10).all()


def test_fine_detail_comes_and_goes_in_light_and_in_colour_apart():
    ratios = np.log(np.array([fine_detail(one) for one in MANY]) / fine_detail(SMOOTH))
    assert (np.quantile(ratios, 0.9, axis=0) > 1).all()
    apart = ratios[:, 0] - ratios[:, 1]
    assert apart.max() > 1
    assert apart.min() < -1


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_of_one_value_is_no_error(value):
    flat = np.full((40, 40, 3), value, np.uint8)
    for number in range(40):
        assert developed(flat, np.random.default_rng(number)).shape == flat.shape
