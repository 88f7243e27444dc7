"""Noise in and out again: what is weaker than the noise goes, what is stronger stays."""

from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks.diffused import OPPONENT, diffused


def through(picture: np.ndarray, *, noise: float, passes: int = 3, colour_noise: float = 0.1) -> np.ndarray:
    return diffused(picture, np.random.default_rng(7), passes=passes, noise=noise, colour_noise=colour_noise)


def grey(plane: np.ndarray) -> np.ndarray:
    return np.repeat(np.rint(plane).astype(np.uint8)[..., None], 3, axis=2)


def wave(amplitude: float) -> np.ndarray:
    x = np.arange(128)
    return grey(np.tile(128 + amplitude * np.sin(2 * np.pi * x / 4), (128, 1)))


def amplitude_of(picture: np.ndarray) -> float:
    """Of the wave of four pixels, by Fourier's sum over whole periods."""
    row = picture[..., 1].astype(float).mean(axis=0)
    return 2 * abs((row * np.exp(-2j * np.pi * np.arange(len(row)) / 4)).mean())


@pytest.mark.parametrize(("amplitude", "low", "high"), [(3, 0.0, 0.35), (60, 0.9, 1.02)])
def test_the_weak_goes_and_the_strong_stays(amplitude, low, high):
    kept = amplitude_of(through(wave(amplitude), noise=8)) / amplitude_of(wave(amplitude))
    assert low <= kept <= high


def test_without_noise_nothing_changes():
    picture = np.random.default_rng(1).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    assert np.abs(through(picture, noise=1e-4) - picture).max() < 0.05


def test_most_of_the_noise_is_taken_out_again():
    """A flat picture comes back nearly flat: of noise of 9, 6 and 3 levels, 11 together, a sixth."""
    flat = grey(np.full((96, 96), 120.0))
    left = through(flat, noise=9) - flat
    assert left.std() < np.hypot(np.hypot(9, 6), 3) / 6
    assert abs(left.mean()) < 0.5


def test_steps_do_not_blur_an_edge():
    edge = grey(np.where(np.arange(96) < 48, 60.0, 180.0)[None, :].repeat(96, axis=0))
    row = through(edge, noise=6)[..., 0].mean(axis=0)
    assert row[47] < 70 < 170 < row[48]


def test_light_and_colours_are_apart():
    assert np.abs(OPPONENT @ OPPONENT.T - np.eye(3)).max() < 1e-12
    assert np.abs((OPPONENT @ np.array([50.0, 50.0, 50.0]))[1:]).max() < 1e-12
