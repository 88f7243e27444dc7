"""Patches in the words of a small book."""

from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks.codebook import in_words

from .conftest import make_scene


def through(picture: np.ndarray, *, side: int = 4, words: int = 32, atoms: int = 1) -> np.ndarray:
    return in_words(picture, np.random.default_rng(3), side=side, words=words, atoms=atoms)


@pytest.mark.parametrize("side", [4, 6])
def test_a_picture_of_one_word_is_said_whole(side):
    """Ramps to the right: every patch is its mean and the same slope."""
    ramp = np.tile(np.linspace(40, 200, 96), (80, 1))
    picture = np.repeat(np.rint(ramp).astype(np.uint8)[..., None], 3, axis=2)
    inside = (slice(8, -8), slice(8, -8))
    assert np.abs(through(picture, side=side) - picture)[inside].max() < 2.5


def test_more_words_and_longer_sums_say_more():
    picture = make_scene(96, 96).pixels

    def lost(**how) -> float:
        return float(np.abs(through(picture, **how) - picture).mean())

    by_atoms = [lost(atoms=atoms) for atoms in (1, 2, 3)]
    assert by_atoms[0] > by_atoms[1] > by_atoms[2] > 0.05
    assert lost(words=128) < lost(words=8)


def test_flat_stays_flat_whatever_the_size():
    for height, width in ((17, 23), (16, 16), (5, 31)):
        picture = np.full((height, width, 3), (90, 120, 150), np.uint8)
        assert np.abs(through(picture) - picture).max() < 2


def test_colours_are_slower_than_light():
    """A chequer of red and blue, of equal light, one pixel each: the light stays, the colours meet."""
    picture = np.empty((64, 64, 3), np.uint8)
    chequer = np.indices((64, 64)).sum(axis=0) % 2 == 0
    picture[chequer], picture[~chequer] = (150, 60, 60), (60, 90, 150)
    said = through(picture, atoms=3)[8:-8, 8:-8]
    assert said[..., 0].std() < 0.4 * picture[..., 0].std()
