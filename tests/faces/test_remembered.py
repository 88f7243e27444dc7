from __future__ import annotations

import numpy as np

from bonaface.faces.remembered import RememberedFaces
from bonaface.types import Box, Face


class Counting:
    name = "dlib_hog"

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def find(self, picture):
        self.seen.append(picture.shape)
        return (Face(Box(0, 0, 8, 8), float(picture.mean())),) if picture.any() else ()


def test_each_picture_is_looked_at_once() -> None:
    counting = Counting()
    finder = RememberedFaces(counting)
    bright, dark = np.full((8, 12, 3), 9, np.uint8), np.zeros((8, 12, 3), np.uint8)
    assert finder.name == "dlib_hog"
    for _ in range(3):
        assert finder.find(bright) == Counting().find(bright)
        assert finder.find(dark) == ()
    turned = np.asfortranarray(np.full((12, 8, 3), 9, np.uint8))  # the same bytes in another shape
    assert finder.find(turned) == Counting().find(turned)
    assert counting.seen == [(8, 12, 3), (8, 12, 3), (12, 8, 3)]


def test_one_other_pixel_is_another_picture() -> None:
    counting = Counting()
    finder = RememberedFaces(counting)
    picture = np.full((8, 8, 3), 9, np.uint8)
    first = finder.find(picture)
    picture[3, 3, 1] = 200
    assert finder.find(picture) != first
    assert len(counting.seen) == 2
