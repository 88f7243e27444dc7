from __future__ import annotations

import itertools

import numpy as np
import pytest

from bonaface.contract import InputContract
from bonaface.errors import DownloadError
from bonaface.faces.dlib_hog import DlibHogFinder
from bonaface.faces.finder import finder_for, fitted, largest_first
from bonaface.types import Box, Face


def test_a_contract_names_its_finder():
    finder = finder_for(InputContract(finder="dlib_hog"))
    assert isinstance(finder, DlibHogFinder)
    assert finder.name == "dlib_hog"


def test_yunet_without_its_file_says_where_to_get_it():
    with pytest.raises(DownloadError) as e:
        finder_for(InputContract(finder="yunet"))
    assert str(e.value) == "this bundle finds faces with YuNet; fetch it with: bonaface models fetch yunet"


def test_a_yunet_file_that_is_not_there_is_never_replaced_by_another_finder(tmp_path):
    with pytest.raises(DownloadError, match="it does not exist"):
        finder_for(InputContract(finder="dlib_hog"), yunet=tmp_path / "nothing.onnx")


def test_the_order_of_faces_is_size_then_confidence_then_place():
    faces = [
        Face(Box(0, 0, 90, 90), 0.1),
        Face(Box(0, 0, 50, 50), 0.9),
        Face(Box(0, 0, 50, 50), 0.3),
        Face(Box(5, 0, 55, 50), 0.3),
        Face(Box(5, 4, 55, 54), 0.3),
    ]
    for shuffled in itertools.permutations(faces):
        assert largest_first(shuffled) == tuple(faces)
    assert largest_first([]) == ()


@pytest.mark.parametrize(
    ("size", "long_side", "max_zoom", "fitted_size", "factor"),
    [
        ((100, 200), 50, 1.0, (25, 50), 0.25),
        ((200, 100), 50, 1.0, (50, 25), 0.25),
        ((100, 200), 400, 1.0, (100, 200), 1.0),
        ((100, 200), 300, 2.0, (150, 300), 1.5),
        ((100, 200), 900, 2.0, (200, 400), 2.0),
        ((1, 2000), 20, 1.0, (1, 20), 0.01),
    ],
)
def test_a_picture_is_fitted_to_its_longer_side(size, long_side, max_zoom, fitted_size, factor):
    picture = np.full((*size, 3), 9, np.uint8)
    small, by = fitted(picture, long_side, max_zoom=max_zoom)
    assert small.shape == (*fitted_size, 3)
    assert by == factor
    assert (small == 9).all()
    assert (small is picture) == (factor == 1.0)
