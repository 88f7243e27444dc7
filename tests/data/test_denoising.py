"""A camera's noise reduction, after the camera."""

import cv2
import numpy as np
import pytest
from scipy import ndimage

from bonaface.data.augmentation import Augmentation
from bonaface.data.denoising import denoised
from bonaface.data.development import after_camera, in_dim_light

from .by_chance import share_changed

RNG = np.random.default_rng(7)
SIDES = np.where(np.arange(96) < 48, 70, 180)[None, :, None]
GRAIN = RNG.normal(0, 4, (96, 96, 3))
PICTURE = np.clip(SIDES + GRAIN, 0, 255).astype(np.uint8)


def drawn(number: int, picture: np.ndarray = PICTURE) -> np.ndarray:
    return denoised(picture, np.random.default_rng(number))


MANY = [drawn(number) for number in range(150)]


def test_the_same_seed_gives_the_same_bytes_and_the_picture_stays_as_it_is():
    before = PICTURE.copy()
    assert drawn(3).tobytes() == drawn(3).tobytes() != drawn(4).tobytes()
    assert (before == PICTURE).all()
    assert {(one.shape, one.dtype.name) for one in MANY} == {(PICTURE.shape, "uint8")}


def test_grain_goes_wholly_or_in_part():
    """What a high-pass filter that the code does not use leaves of it where the picture is flat."""

    def grain(picture: np.ndarray) -> float:
        flat = picture[10:86, 10:38].astype(float)
        return float((flat - ndimage.uniform_filter(flat, (3, 3, 0))).std())

    left = np.array([grain(one) for one in MANY]) / grain(PICTURE)
    assert np.quantile(left, 0.1) < 0.25
    assert 0.15 < np.median(left) < 0.6
    assert (left > 0.9).mean() < 0.15


def test_edges_stay_where_they_are_and_as_steep():
    steps = [np.abs(np.diff(one[10:86].mean(axis=(0, 2)))) for one in MANY]
    assert {int(step.argmax()) for step in steps} == {47}
    assert np.median([step.max() for step in steps]) > 90


def test_some_are_sharpened_past_what_was_there():
    brightest = [one[10:86].mean(axis=0).max() for one in MANY]
    assert np.mean(np.array(brightest) > 190) > 0.1
    assert np.mean(np.array(brightest) < 184) > 0.3


@pytest.mark.parametrize("value", [0, 255])
def test_a_picture_of_one_value_stays_one(value):
    flat = np.full((40, 30, 3), value, np.uint8)
    assert all((drawn(number, flat) == flat).all() for number in range(40))


def test_they_are_drawn_by_chance_after_the_camera():
    assert [share_changed(PICTURE, Augmentation(denoising=chance)) for chance in (0, 1)] == [0, 1]
    assert 0.2 < share_changed(PICTURE, Augmentation(denoising=0.5)) < 0.8


def test_without_a_chance_nothing_is_drawn_for_it():
    """Samples of recipes from before it are what they were: two chances, of tone and of noise, and then the noise."""
    rng = np.random.default_rng(1)
    rng.random(2)
    found = after_camera(PICTURE, np.random.default_rng(1), Augmentation(noise=1.0))
    assert (found == in_dim_light(PICTURE, rng)).all()


def test_skin_keeps_its_shading():
    ramp = np.linspace(60, 200, 96)[None, :, None] * np.ones((96, 1, 3))
    shaded = np.rint(ramp).astype(np.uint8)
    for number in range(30):
        found = cv2.blur(drawn(number, shaded), (9, 9))[20:76, 20:76].astype(float)
        assert np.abs(found - ramp[20:76, 20:76]).max() < 6
