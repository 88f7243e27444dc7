from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks.scene import Scene, ellipse_mask, face_ellipse_mask, face_window
from bonaface.errors import SimulationError
from bonaface.types import Box


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.zeros((4, 4), np.uint8), r"\(4, 4\) uint8"),
        (np.zeros((4, 4, 4), np.uint8), r"\(4, 4, 4\) uint8"),
        (np.zeros((4, 4, 3), np.float32), "float32"),
        (np.zeros((0, 4, 3), np.uint8), "at least one pixel"),
    ],
)
def test_a_scene_refuses_what_is_no_picture(pixels, says):
    with pytest.raises(SimulationError, match=says):
        Scene(pixels, Box(0, 0, 2, 2))


@pytest.mark.parametrize("box", [Box(2, 2, 2, 4), Box(4, 0, 2, 2), Box(0, 0, float("nan"), 2)])
def test_a_scene_refuses_a_box_without_size(box):
    with pytest.raises(SimulationError, match="positive size"):
        Scene(np.zeros((4, 4, 3), np.uint8), box)


def test_ellipse_mask_equals_its_definition_pixel_by_pixel():
    mask = ellipse_mask(9, 11, center=(5.0, 4.0), half_axes=(3.5, 2.5), edge_px=1.0)
    for y in range(9):
        for x in range(11):
            r = (((x - 5) / 3.5) ** 2 + ((y - 4) / 2.5) ** 2) ** 0.5
            assert mask[y, x] == pytest.approx(min(max((1 - r) * 2.5, 0), 1), abs=1e-5)


def test_face_ellipse_is_taller_than_the_box_and_above_its_middle():
    mask = face_ellipse_mask(Scene(np.zeros((300, 300, 3), np.uint8), Box(100, 100, 200, 200)))
    assert mask.shape == (300, 300)
    assert mask.dtype == np.float32
    rows, columns = np.flatnonzero(mask.max(axis=1) > 0), np.flatnonzero(mask.max(axis=0) > 0)
    assert (rows[0], rows[-1]) == pytest.approx((150 - 6 - 62, 150 - 6 + 62), abs=1)
    assert (columns[0], columns[-1]) == pytest.approx((150 - 46, 150 + 46), abs=1)
    assert mask[150, 150] == 1


def test_face_ellipse_mask_of_a_box_outside_is_empty():
    assert face_ellipse_mask(Scene(np.zeros((20, 20, 3), np.uint8), Box(90, 90, 99, 99))).max() == 0


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        (Box(2, 3, 6, 8), (3, 9), (2, 7)),
        (Box(-5, -5, 4, 4), (0, 5), (0, 5)),
        (Box(50, 3, 60, 8), (0, 20), (0, 30)),
    ],
)
def test_face_window_is_cut_at_the_picture(box, rows, columns):
    assert face_window(20, 30, box) == (slice(*rows), slice(*columns))
