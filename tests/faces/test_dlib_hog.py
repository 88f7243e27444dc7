from __future__ import annotations

import io
from dataclasses import astuple

import cv2
import numpy as np
import pytest
from PIL import Image

from bonaface.faces.dlib_hog import DlibHogFinder
from bonaface.faces.picture import read_picture

from .portraits import PORTRAITS, admiral, astronaut


@pytest.fixture(scope="module")
def finder() -> DlibHogFinder:
    return DlibHogFinder()


@pytest.mark.parametrize(("portrait", "middle"), PORTRAITS)
def test_one_face_about_the_middle_of_the_face(finder, portrait, middle):
    (face,) = finder.find(portrait())
    assert face.box.center == pytest.approx(middle, abs=0.2 * face.box.side)
    assert face.box.width == pytest.approx(face.box.height)
    assert 80 < face.box.side < 250
    assert face.confidence > 0
    assert face.landmarks is None


@pytest.mark.parametrize(("portrait", "_"), PORTRAITS)
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_picture_of_another_size_gives_the_box_of_that_size(finder, portrait, _, factor):
    picture = portrait()
    (face,) = finder.find(picture)
    resized = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    (other,) = finder.find(resized)
    assert astuple(other.box) == pytest.approx(
        astuple(face.box.scaled(factor)), abs=0.1 * factor * face.box.side
    )


def test_the_same_picture_gives_the_same_faces(finder):
    assert finder.find(astronaut()) == finder.find(astronaut().copy()) == DlibHogFinder().find(astronaut())


@pytest.mark.parametrize("is_swapped", [False, True])
def test_of_two_faces_the_larger_comes_first(finder, is_swapped):
    large = cv2.resize(admiral()[90:390, 110:410], (300, 300))
    small = cv2.resize(astronaut()[50:200, 150:300], (200, 200))
    small = cv2.copyMakeBorder(small, 50, 50, 0, 0, cv2.BORDER_REPLICATE)
    first, second = finder.find(np.hstack([small, large] if is_swapped else [large, small]))
    assert first.box.side > second.box.side
    assert (first.box.center[0] > second.box.center[0]) == is_swapped


def test_a_small_face_is_found_at_the_second_look(finder):
    small = cv2.resize(astronaut(), None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    wall = np.full((512, 512, 3), 128, np.uint8)
    wall[: small.shape[0], : small.shape[1]] = small
    assert DlibHogFinder(long_sides=(512,)).find(wall) == ()
    (face,) = finder.find(wall)
    assert face.box.center == pytest.approx((224 * 0.6, 122 * 0.6), abs=0.2 * face.box.side)


@pytest.mark.parametrize("size", [(200, 200), (5, 2000), (2000, 5), (1, 1), (16, 16)])
def test_no_face_where_there_is_none(finder, size):
    assert finder.find(np.full((*size, 3), 128, np.uint8)) == ()


def test_a_picture_on_its_side_is_turned_by_its_exif_orientation(finder):
    upright = astronaut()
    exif = Image.Exif()
    exif[0x0112] = 6  # the stored picture's first row is the right column
    file = io.BytesIO()
    Image.fromarray(np.rot90(upright)).save(file, "PNG", exif=exif, compress_level=1)
    assert finder.find(np.rot90(upright)) == ()
    assert finder.find(read_picture(file.getvalue())) == finder.find(upright)


def test_the_picture_stays_as_it_is(finder):
    before = astronaut().copy()
    finder.find(astronaut())
    np.testing.assert_array_equal(astronaut(), before)
