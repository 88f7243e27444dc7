from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path

import cv2
import numpy as np
import pytest

from bonaface.contract import InputContract
from bonaface.errors import DownloadError
from bonaface.faces.dlib_hog import DlibHogFinder
from bonaface.faces.finder import finder_for
from bonaface.faces.yunet import CENTER_SHIFT, SIDE_FACTOR, YuNetFinder, _face

from .portraits import PORTRAITS, admiral, astronaut

FILE = Path(__file__).parents[3] / "shared/models/face_detection_yunet_2023mar.onnx"


@pytest.fixture(scope="module")
def finder() -> YuNetFinder:
    if not FILE.is_file():
        pytest.skip(f"{FILE} is not there")
    return YuNetFinder(FILE)


def test_a_missing_file_says_how_to_get_it(tmp_path):
    path = tmp_path / "yunet.onnx"
    with pytest.raises(DownloadError) as e:
        YuNetFinder(path)
    assert str(e.value) == (
        f"{path} must be YuNet's ONNX file; it does not exist; fetch it with: bonaface models fetch yunet"
    )


@pytest.mark.parametrize("data", [b"", b"no network", bytes(range(256)) * 40])
def test_a_broken_file_says_to_fetch_it_again(data, tmp_path, capfd):
    path = tmp_path / "yunet.onnx"
    path.write_bytes(data)
    with pytest.raises(DownloadError) as e:
        YuNetFinder(path)
    assert str(e.value) == (
        f"{path} must be YuNet's ONNX file; OpenCV can not load it; "
        "fetch it again with: bonaface models fetch yunet"
    )


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DownloadError, match="it is a folder"):
        YuNetFinder(tmp_path)


def test_a_row_of_the_network_becomes_a_face_by_hand():
    row = np.array([10, 20, 40, 90, *range(10), 0.9], np.float32)
    face = _face(row, 0.5)
    side = 120  # sqrt(80 x 180), in the large picture
    assert face.box.center == pytest.approx((60, 130 + CENTER_SHIFT * side))
    assert (face.box.width, face.box.height) == pytest.approx((SIDE_FACTOR * side,) * 2)
    assert face.confidence == pytest.approx(0.9)
    assert face.landmarks is not None
    assert face.landmarks.dtype == np.float32
    assert face.landmarks.tolist() == [[0, 2], [4, 6], [8, 10], [12, 14], [16, 18]]


@pytest.mark.shared
@pytest.mark.parametrize(("portrait", "_"), PORTRAITS)
def test_the_box_agrees_with_dlibs(finder, portrait, _):
    (face,), (witness,) = finder.find(portrait()), DlibHogFinder().find(portrait())
    assert face.box.center == pytest.approx(witness.box.center, abs=0.25 * witness.box.side)
    assert face.box.side == pytest.approx(witness.box.side, rel=0.25)
    assert face.box.width == pytest.approx(face.box.height)
    assert 0.7 <= face.confidence <= 1


@pytest.mark.shared
@pytest.mark.parametrize(("portrait", "_"), PORTRAITS)
def test_landmarks_are_right_eye_left_eye_nose_and_the_mouths_corners(finder, portrait, _):
    (face,) = finder.find(portrait())
    assert face.landmarks is not None
    assert face.landmarks.shape == (5, 2)
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]  # the person's right is the picture's left
    assert right_mouth[0] < nose[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    inside = (face.landmarks > [face.box.x1, face.box.y1]) & (face.landmarks < [face.box.x2, face.box.y2])
    assert inside.all()


@pytest.mark.shared
def test_the_network_sees_the_colours_that_opencv_reads(finder):
    bgr = np.ascontiguousarray(admiral()[..., ::-1])
    witness = cv2.FaceDetectorYN.create(str(FILE), "", (bgr.shape[1], bgr.shape[0]), 0.7)
    (row,) = witness.detect(bgr)[1]
    (face,) = finder.find(admiral())
    assert face.confidence == pytest.approx(float(row[14]), abs=1e-6)
    assert face.landmarks == pytest.approx(row[4:14].reshape(5, 2), abs=1e-3)


@pytest.mark.shared
def test_a_picture_of_twice_the_size_gives_twice_the_box(finder):
    (face,) = finder.find(astronaut())
    (large,) = finder.find(cv2.resize(astronaut(), None, fx=2, fy=2))
    assert astuple(large.box) == pytest.approx(astuple(face.box.scaled(2)), abs=0.1 * large.box.side)
    assert large.landmarks == pytest.approx(2 * face.landmarks, abs=0.1 * large.box.side)


@pytest.mark.shared
def test_of_two_faces_the_larger_comes_first(finder):
    picture = np.hstack([astronaut(), admiral()[:512]])
    first, second = finder.find(picture)
    assert first.box.side > second.box.side
    assert first.box.center[0] > 512 > second.box.center[0]


@pytest.mark.shared
@pytest.mark.parametrize("size", [(200, 200), (5, 2000), (2000, 5), (1, 1)])
def test_no_face_where_there_is_none(finder, size):
    assert finder.find(np.full((*size, 3), 128, np.uint8)) == ()


@pytest.mark.shared
def test_threads_do_not_disturb_each_other(finder):
    pictures = [astronaut(), admiral(), astronaut()[:300, 100:400]] * 3
    alone = [finder.find(picture) for picture in pictures]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(finder.find, pictures)) == alone


@pytest.mark.shared
def test_a_given_file_chooses_yunet(finder):
    assert isinstance(finder_for(InputContract(finder="yunet"), yunet=FILE), YuNetFinder)
    assert finder.name == "yunet"
