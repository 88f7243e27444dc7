from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bonaface.attacks.scene import Scene
from bonaface.data.manifest import Manifest, Row
from bonaface.data.scenes import LARGEST_FACTOR, MAX_FACE_PX, cut_scene, found_scenes
from bonaface.errors import PictureError
from bonaface.types import Box, Face, Picture
from bonaface.vocabulary import BONAFIDE, Label, Reason


class WhiteFinder:
    """Finds the white square of a picture, as a face; or says whatever it is told to."""

    name = "white"

    def __init__(self, *boxes: Box) -> None:
        self._boxes = boxes

    def find(self, picture: Picture) -> tuple[Face, ...]:
        if self._boxes:
            return tuple(Face(box, 1.0) for box in self._boxes)
        y, x = np.nonzero(picture.min(axis=2) == 255)
        return (Face(Box(x.min(), y.min(), x.max() + 1, y.max() + 1), 1.0),) if len(x) else ()


def with_marker(height: int, width: int, box: Box) -> Picture:
    """White under the box, black elsewhere."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[max(0, int(box.y1)) : int(box.y2), max(0, int(box.x1)) : int(box.x2)] = 255
    return picture


def manifest(folder: Path, *names: str) -> Manifest:
    return Manifest(tuple(Row(name, Label.BONAFIDE, BONAFIDE, name) for name in names), folder)


def edges_of_marker(scene: Scene) -> tuple[int, int, int, int]:
    y, x = np.nonzero(scene.pixels[..., 0] > 127)
    return x.min(), y.min(), x.max() + 1, y.max() + 1


def test_room_is_kept_on_every_side():
    box = Box(100, 100, 200, 200)
    scene = cut_scene(with_marker(300, 400, box), box)
    assert scene.pixels.shape == (198, 198, 3)  # 0.9 of 100 px and of 60 px on both sides
    assert astuple(scene.face) == pytest.approx((54, 54, 144, 144))
    assert edges_of_marker(scene) == (54, 54, 144, 144)


def test_landmarks_follow_the_picture():
    picture, points = (
        np.zeros((700, 900, 3), np.uint8),
        np.array([[300, 150], [400, 160], [350, 200], [310, 250], [390, 251]]),
    )
    for x, y in points:
        picture[y - 4 : y + 5, x - 4 : x + 5] = 255
    scene = cut_scene(picture, Box(211, 97, 468, 354), landmarks=points.astype(np.float32))
    assert scene.landmarks is not None
    assert scene.landmarks.dtype == np.float32
    light = scene.pixels[..., 0].astype(float)
    for x, y in scene.landmarks:
        left, top = round(float(x)) - 6, round(float(y)) - 6
        spot = light[top : top + 13, left : left + 13]
        rows, columns = np.mgrid[: spot.shape[0], : spot.shape[1]]
        centre = (left + (spot * columns).sum() / spot.sum(), top + (spot * rows).sum() / spot.sum())
        assert centre == pytest.approx((x, y), abs=0.3)  # sizes are whole pixels


def test_a_finders_points_come_with_the_scene(tmp_path):
    Image.fromarray(with_marker(60, 60, Box(20, 20, 40, 40))).save(tmp_path / "face.png")

    class Pointed(WhiteFinder):
        def find(self, picture: Picture) -> tuple[Face, ...]:
            (face,) = super().find(picture)
            return (Face(face.box, 1.0, np.full((5, 2), 30, np.float32)),)

    (found,) = found_scenes(manifest(tmp_path, "face.png"), Pointed())
    assert found.face is not None
    assert found.face.box == Box(20, 20, 40, 40)
    assert found.scene is not None
    assert found.scene.landmarks is not None
    corner = 20 - round(20 * 0.6)  # of the region with its room
    np.testing.assert_allclose(found.scene.landmarks, (30.5 - corner) * LARGEST_FACTOR - 0.5, rtol=1e-6)
    (plain,) = found_scenes(manifest(tmp_path, "face.png"), WhiteFinder())
    assert plain.scene is not None
    assert plain.scene.landmarks is None


def test_a_large_face_is_shrunk_and_the_box_follows():
    box = Box(100, 100, 180, 180)
    scene = cut_scene(with_marker(300, 400, box), box, max_face_px=40)
    assert scene.pixels.shape == (88, 88, 3)
    assert scene.face == Box(24, 24, 64, 64)
    np.testing.assert_array_equal(scene.pixels, with_marker(88, 88, scene.face))


def test_the_box_follows_by_a_broken_factor_too():
    box = Box(211, 97, 468, 354)
    scene = cut_scene(with_marker(700, 900, box), box)
    assert scene.face.side == pytest.approx(MAX_FACE_PX)
    assert edges_of_marker(scene) == pytest.approx(astuple(scene.face), abs=1)


@pytest.mark.parametrize("side", [20, 60, 150])
def test_every_face_shrinks_a_little_so_that_no_grid_of_its_file_survives(side):
    box = Box(100, 100, 100 + side, 100 + side)
    scene = cut_scene(with_marker(400, 400, box), box)
    assert scene.face.side == pytest.approx(LARGEST_FACTOR * side)
    assert edges_of_marker(scene) == pytest.approx(astuple(scene.face), abs=1)


def test_where_the_picture_has_no_room_there_is_none():
    box = Box(10, -4, 90, 76)
    scene = cut_scene(with_marker(90, 300, box), box, max_face_px=40)
    assert scene.face == Box(5, -2, 45, 38)
    np.testing.assert_array_equal(scene.pixels, with_marker(45, 69, scene.face))  # (50 + 88) / 2


def test_a_scene_is_its_own_memory():
    box = Box(100, 100, 180, 180)
    picture = with_marker(300, 400, box)
    scene = cut_scene(picture, box)
    scene.pixels[:] = 9
    np.testing.assert_array_equal(picture, with_marker(300, 400, box))


@pytest.mark.parametrize("box", [Box(-300, 0, -200, 100), Box(0, -300, 100, -200), Box(300, 0, 400, 100)])
def test_a_face_outside_the_picture_is_no_face(box):
    with pytest.raises(PictureError, match="its box lies outside") as e:
        cut_scene(np.zeros((90, 90, 3), np.uint8), box)
    assert e.value.reason is Reason.NO_FACE


def test_a_box_that_is_not_finite_is_no_face():
    with pytest.raises(PictureError, match="four finite numbers"):
        cut_scene(np.zeros((90, 90, 3), np.uint8), Box(0, float("nan"), 50, 50))


def test_every_row_comes_back_in_order_with_a_scene_or_a_reason(tmp_path):
    Image.fromarray(with_marker(60, 60, Box(20, 20, 40, 40))).save(tmp_path / "face.png")
    Image.fromarray(np.zeros((60, 60, 3), np.uint8)).save(tmp_path / "wall.png")
    Image.fromarray(np.zeros((60, 60, 4), np.uint8)).save(tmp_path / "clear.png")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "cut.png").write_bytes((tmp_path / "face.png").read_bytes()[:60])
    names = ("wall.png", "face.png", "nowhere.png", "text.png", "empty.png", "cut.png", "clear.png")
    rows = manifest(tmp_path, *names)
    found = list(found_scenes(rows, WhiteFinder()))
    assert tuple(one.row for one in found) == rows.rows
    assert [one.reason for one in found] == [
        Reason.NO_FACE,
        None,
        Reason.NOT_FOUND,
        Reason.NOT_AN_IMAGE,
        Reason.EMPTY_FILE,
        Reason.BROKEN_IMAGE,
        Reason.UNSUPPORTED_IMAGE,
    ]
    assert [one.scene is None for one in found] == [True, False, *[True] * 5]
    assert found[0].detail == "no face was found in wall.png"
    assert found[2].detail == f"{tmp_path}/nowhere.png does not exist; give the path of an image"
    scene = found[1].scene
    assert scene is not None
    assert astuple(scene.face) == pytest.approx([LARGEST_FACTOR * edge for edge in (12, 12, 32, 32)])
    assert found[1].detail == ""


def test_a_finder_that_points_outside_gives_a_reason(tmp_path):
    Image.fromarray(np.zeros((60, 60, 3), np.uint8)).save(tmp_path / "a.png")
    (found,) = found_scenes(manifest(tmp_path, "a.png"), WhiteFinder(Box(-300, 0, -200, 100)))
    assert found.scene is None
    assert found.reason is Reason.NO_FACE
    assert "its box lies outside" in found.detail


def test_of_several_faces_the_first_is_taken(tmp_path):
    Image.fromarray(np.zeros((60, 60, 3), np.uint8)).save(tmp_path / "a.png")
    finder = WhiteFinder(Box(0, 0, 30, 30), Box(40, 40, 50, 50))
    (found,) = found_scenes(manifest(tmp_path, "a.png"), finder)
    assert found.scene is not None
    assert astuple(found.scene.face) == pytest.approx([LARGEST_FACTOR * edge for edge in (0, 0, 30, 30)])


def test_progress_is_told_once_a_row(tmp_path):
    ticks: list[int] = []
    for number, _ in enumerate(
        found_scenes(manifest(tmp_path, "a", "b", "c"), WhiteFinder(), on_row=lambda: ticks.append(1))
    ):
        assert len(ticks) == number  # a row counts when the next one is asked for
    assert len(ticks) == 3
