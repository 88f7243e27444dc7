"""Two portraits in the public domain (NASA, US Navy) that come with scikit-image and matplotlib."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from bonaface.faces.picture import read_picture


@functools.cache
def astronaut() -> np.ndarray:
    """Eileen Collins, (512, 512, 3); her eyes, nose and mouth lie about (224, 122)."""
    return pytest.importorskip("skimage.data").astronaut()


@functools.cache
def admiral() -> np.ndarray:
    """Grace Hopper, (600, 512, 3); her eyes, nose and mouth lie about (267, 235)."""
    path = pytest.importorskip("matplotlib.cbook").get_sample_data("grace_hopper.jpg", asfileobj=False)
    return read_picture(path)


PORTRAITS = [
    pytest.param(astronaut, (224, 122), id="astronaut"),
    pytest.param(admiral, (267, 235), id="admiral"),
]
"""The picture's function and a point between the eyes and the mouth, set by eye."""
