from __future__ import annotations

import os
from pathlib import Path

import dlib
import numpy as np
import pytest

from bonaface.attacks.anatomy import AVERAGE
from bonaface.errors import DownloadError
from bonaface.faces import landmarks
from bonaface.faces.dlib_hog import DlibHogFinder
from bonaface.faces.landmarks import ShapePredictor, five_points
from bonaface.types import Box

from .portraits import PORTRAITS

BOX = Box(20, 30, 100, 110)
EYES_NOSE_BASE = [(85, 50), (71, 50), (35, 50), (49, 50), (60, 75)]
"""dlib's five parts: the corners of the person's left eye, outer first, then of the right one; the nose's base."""


def predictor_file(folder: Path, parts: list[tuple[int, int]]) -> Path:
    """A predictor that learnt from one picture, twice, that the parts of the face in `BOX` are always there."""
    options = dlib.shape_predictor_training_options()
    options.cascade_depth, options.num_trees_per_cascade_level, options.tree_depth = 2, 3, 2
    options.oversampling_amount, options.feature_pool_size, options.num_test_splits = 2, 12, 4
    options.num_threads = 1
    face = dlib.full_object_detection(
        dlib.rectangle(20, 30, 99, 109), dlib.points([dlib.point(*part) for part in parts])
    )
    picture = np.random.default_rng(0).integers(0, 256, (140, 120, 3), dtype=np.uint8)
    file = folder / f"parts_{len(parts)}.dat"
    dlib.train_shape_predictor([picture, picture], [[face], [face]], options).save(str(file))
    return file


def test_sixty_eight_parts_give_five_points(tmp_path):
    parts = [(20 + number, 30 + number) for number in range(68)]
    points = ShapePredictor(predictor_file(tmp_path, parts)).points(np.zeros((140, 120, 3), np.uint8), BOX)
    assert points.dtype == np.float32
    worked = [(58.5, 68.5), (64.5, 74.5), (50, 60), (68, 78), (74, 84)]
    assert points == pytest.approx(np.array(worked), abs=1.5), "eyes of 36 to 41 and 42 to 47; 30, 48 and 54"


def test_the_box_scales_and_shifts_the_points(tmp_path):
    predictor = ShapePredictor(predictor_file(tmp_path, [(20 + number, 30 + number) for number in range(68)]))
    picture = np.zeros((400, 400, 3), np.uint8)
    points, far = predictor.points(picture, BOX), predictor.points(picture, Box(100, 200, 260, 360))
    assert far == pytest.approx((points - [20, 30]) * 2 + [100, 200], abs=2.5)


def test_of_five_parts_the_eyes_are_measured_and_the_rest_is_the_average_face(tmp_path):
    """Worked by hand: eyes at (42, 50) and (78, 50), 36 px apart; the base of the nose 25 px below them, where the
    average face has it 27.9 px below.

    About their means (60, 58.33) and, in the model, (0, 9.3): factor (2 * 18 * 18 + 2 * 8.33 * 9.3 + 16.67 * 18.6) /
    (2 * 18^2 + 2 * 9.3^2 + 18.6^2) = (648 + 155 + 310) / (648 + 173 + 346) = 0.954. The nose tip is 0.574 * 36 = 20.66
    down: 58.33 + 0.954 * (20.66 - 9.3) = 69.2. The mouth is 0.984 * 36 = 35.42 down and 16.13 sideways:
    58.33 + 0.954 * 26.12 = 83.3, and 60 -+ 15.4.
    """
    points = ShapePredictor(predictor_file(tmp_path, EYES_NOSE_BASE)).points(
        np.zeros((140, 120, 3), np.uint8), BOX
    )
    worked = [(42, 50), (78, 50), (60, 69.2), (44.6, 83.3), (75.4, 83.3)]
    assert points == pytest.approx(np.array(worked), abs=1.0)


def test_the_average_face_is_that_of_the_attacks():
    distance = AVERAGE[1, 0] - AVERAGE[0, 0]
    from_eyes = (AVERAGE - [0.5, AVERAGE[0, 1]]) / distance
    assert from_eyes[2] == pytest.approx(landmarks.NOSE_TIP, abs=1e-3)
    assert from_eyes[4] == pytest.approx(landmarks.MOUTH, abs=1e-3)


@pytest.fixture
def fresh(monkeypatch):
    landmarks._packaged.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    landmarks._packaged.cache_clear()


def test_without_the_package_there_are_no_points(fresh, tmp_path):
    fresh.setattr("sys.path", [str(tmp_path)])
    assert five_points(np.zeros((140, 120, 3), np.uint8), BOX) is None
    (tmp_path / "face_recognition_models").mkdir()
    landmarks._packaged.cache_clear()
    assert five_points(np.zeros((140, 120, 3), np.uint8), BOX) is None, "a package without the file"


def test_the_package_is_read_without_being_imported(fresh, tmp_path):
    package = tmp_path / "face_recognition_models"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('no pkg_resources here')")
    predictor_file(tmp_path, EYES_NOSE_BASE).rename(
        package / "models" / "shape_predictor_5_face_landmarks.dat"
    )
    fresh.syspath_prepend(tmp_path)
    points = five_points(np.zeros((140, 120, 3), np.uint8), BOX)
    assert points is not None
    assert points[:2] == pytest.approx(np.array([(42, 50), (78, 50)]), abs=1.0)


def test_files_that_are_no_predictor_of_faces_are_refused(tmp_path):
    with pytest.raises(
        DownloadError, match=r"nothing\.dat must be a file of one of.*; it does not exist; give its path$"
    ):
        ShapePredictor(tmp_path / "nothing.dat")
    junk = tmp_path / "junk.dat"
    junk.write_bytes(b"BZh91AY&SY" + bytes(200))
    with pytest.raises(DownloadError, match="dlib can not load it; unpack or fetch it again"):
        ShapePredictor(junk)
    other = predictor_file(tmp_path, [(30, 40), (50, 60), (70, 80)])
    with pytest.raises(DownloadError, match="of 68 or 5 parts; it has 3; give one of dlib's own"):
        ShapePredictor(other)


REAL = os.environ.get("BONAFACE_SHAPE_PREDICTOR_68", "shape_predictor_68_face_landmarks.dat")


@pytest.mark.skipif(
    not Path(REAL).is_file(), reason="the 68-part file is not here; BONAFACE_SHAPE_PREDICTOR_68 names it"
)
@pytest.mark.parametrize(("portrait", "middle"), PORTRAITS)
def test_the_common_file_finds_the_parts_of_portraits(portrait, middle):
    (face,) = DlibHogFinder().find(portrait())
    points = ShapePredictor(Path(REAL)).points(portrait(), face.box)
    assert points.mean(axis=0) == pytest.approx(middle, abs=0.15 * face.box.side)
    assert points[0, 0] < points[2, 0] < points[1, 0]
    assert points[:2, 1].max() < points[2, 1] < points[3:, 1].min()
