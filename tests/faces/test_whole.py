import cv2
import numpy as np
import pytest

from bonaface.contract import InputContract
from bonaface.errors import BundleError, PictureError
from bonaface.faces.crop import prepare
from bonaface.faces.finder import finder_for
from bonaface.faces.whole import WholePicture
from bonaface.types import Box

CONTRACT = InputContract(finder="whole", size=20, min_face_px=8)


def picture(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_it_finds_the_picture_itself():
    (face,) = WholePicture().find(picture(30, 50))
    assert face.box == Box(0, 0, 50, 30)
    assert isinstance(finder_for(CONTRACT), WholePicture)


def test_yunet_has_no_part_in_it(tmp_path):
    with pytest.raises(BundleError, match=r"^this bundle takes pictures whole; it can not use YuNet; leave"):
        finder_for(CONTRACT, yunet=tmp_path / "yunet.onnx")


def test_a_picture_of_the_size_stays_as_it_is():
    whole = picture(20, 20)
    (face,) = WholePicture().find(whole)
    np.testing.assert_array_equal(prepare(whole, face.box, CONTRACT).pixels, whole)


def test_shrinking_to_half_averages_two_by_two_pixels_and_width_may_shrink_more():
    whole = picture(40, 80)
    (face,) = WholePicture().find(whole)
    crop = prepare(whole, face.box, CONTRACT)
    expected = whole.reshape(20, 2, 20, 4, 3).mean(axis=(1, 3))
    assert np.abs(crop.pixels - expected).max() <= 0.5 + 1e-6
    assert (crop.box, crop.num_faces, crop.outside_ratio) == (face.box, 1, 0.0)


def test_by_way_of_another_size():
    whole = picture(64, 48)
    (face,) = WholePicture().find(whole)
    through = InputContract(finder="whole", size=20, min_face_px=8, through_size=28)
    first = cv2.resize(whole, (28, 28), interpolation=cv2.INTER_AREA)
    expected = cv2.resize(first, (20, 20), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(prepare(whole, face.box, through).pixels, expected)
    assert (prepare(whole, face.box, CONTRACT).pixels != expected).any()


def test_a_speck_is_refused():
    whole = picture(5, 7)
    (face,) = WholePicture().find(whole)
    with pytest.raises(PictureError, match="at least 8 px wide; it is 7"):
        prepare(whole, face.box, CONTRACT)
