"""Tone, colour and detail after the camera."""

import cv2
import numpy as np
import pytest

from bonaface.data.augmentation import Augmentation
from bonaface.data.development import LOUDEST, after_camera, developed, in_dim_light

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


def in_the_dark(number: int, picture: np.ndarray = SMOOTH) -> np.ndarray:
    return in_dim_light(picture, np.random.default_rng(number))


def test_dim_light_brings_noise_from_hardly_any_to_the_loudest():
    grey = np.full((96, 96, 3), 128, np.uint8)
    deviations = np.array([in_the_dark(number, grey).std() for number in range(120)])
    assert deviations.min() < 1.3
    assert 0.8 * LOUDEST < deviations.max() < 1.1 * LOUDEST
    assert all(abs(in_the_dark(number, grey).mean() - 128) < 0.5 for number in range(120))


def test_dim_light_is_grey_or_coloured_and_sharp_or_smeared():
    grey = np.full((96, 96, 3), 128, np.uint8)
    loud = [noise for noise in (in_the_dark(number, grey) for number in range(200)) if noise.std() > 4]
    alike = [np.corrcoef(noise[..., 0].ravel(), noise[..., 2].ravel())[0, 1] for noise in loud]
    smeared = [np.corrcoef(noise[:, 1:, 1].ravel(), noise[:, :-1, 1].ravel())[0, 1] for noise in loud]
    assert min(alike) < 0.2
    assert max(alike) > 0.8
    assert min(smeared) < 0.1
    assert max(smeared) > 0.5


def test_noise_is_never_less_in_shadows_than_in_light():
    half = np.full((96, 96, 3), 30, np.uint8)
    half[:, 48:] = 225
    loud = [noise for noise in (in_the_dark(number, half) for number in range(60)) if noise[:, :48].std() > 3]
    shares = np.array([noise[:, :48].std() / noise[:, 48:].std() for noise in loud])
    assert shares.min() > 0.9
    assert shares.max() > 1.8


def test_a_noisy_picture_is_the_same_for_the_same_seed_and_what_came_stays():
    before = SMOOTH.copy()
    assert in_the_dark(2).tobytes() == in_the_dark(2).tobytes() != in_the_dark(3).tobytes()
    assert (before == SMOOTH).all()


def test_after_the_camera_chances_are_kept():
    def changed(**chances: float) -> float:
        how = Augmentation(**chances)
        shown = (after_camera(SMOOTH, np.random.default_rng(number), how) for number in range(200))
        return float(np.mean([(one != SMOOTH).any() for one in shown]))

    assert changed() == 0
    assert 0.2 < changed(noise=0.3) < 0.4
    assert changed(development=0.3) == pytest.approx(changed(development=0.3, noise=0.0))
    assert 0.4 < changed(development=0.3, noise=0.3) < 0.6
