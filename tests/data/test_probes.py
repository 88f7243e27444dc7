from __future__ import annotations

import cv2
import numpy as np
import pytest

from bonaface.contract import InputContract
from bonaface.data.probes import background_alone, blockiness, estimated_quality, probes
from bonaface.errors import PictureError
from bonaface.types import Box

CONTRACT = InputContract(margin_ratio=0.0, size=64, min_face_px=16)


def smooth(size: int = 160) -> np.ndarray:
    noise = np.random.default_rng(1).integers(0, 256, (size, size, 3), np.uint8)
    return np.asarray(cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 1.5), None, 0, 255, cv2.NORM_MINMAX))


def stored(picture: np.ndarray, quality: int) -> np.ndarray:
    data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def test_shapes_and_areas_by_hand():
    seen = probes(smooth(100)[:80], Box(20, 20, 60, 60), CONTRACT, file_bytes=1234)
    assert seen.file_bytes == 1234
    assert seen.aspect_ratio == 100 / 80
    assert seen.outside_ratio == 0
    assert seen.border_ratio == pytest.approx(1 - 1600 / 8000)


def test_what_the_crop_lacks_is_no_part_of_the_picture():
    seen = probes(smooth(80), Box(-20, 20, 20, 60), CONTRACT, file_bytes=1)
    assert seen.outside_ratio == pytest.approx(0.5)
    assert seen.border_ratio == pytest.approx(1 - 800 / 6400)


def test_a_flat_crop_takes_fewer_bytes_than_a_rich_one():
    flat, box = np.full((80, 80, 3), 128, np.uint8), Box(10, 10, 70, 70)
    few = probes(flat, box, CONTRACT, file_bytes=1).crop_bytes
    assert 0 < few < probes(smooth(80), box, CONTRACT, file_bytes=1).crop_bytes / 2


def test_a_face_that_gives_no_crop_gives_no_probes():
    with pytest.raises(PictureError):
        probes(smooth(80), Box(10, 10, 20, 20), CONTRACT, file_bytes=1)


@pytest.mark.parametrize("shift", [0, 3])
def test_a_grid_of_8_px_is_seen_wherever_it_starts(shift):
    tiles = np.random.default_rng(2).integers(0, 256, (21, 21), np.uint8)
    grid = np.repeat(
        np.kron(tiles, np.ones((8, 8), np.uint8))[shift : shift + 160, shift : shift + 160, None], 3, 2
    )
    assert blockiness(grid) > 100
    assert 1 <= blockiness(smooth()) < 1.4


def test_a_flat_crop_has_no_grid():
    assert blockiness(np.full((64, 64, 3), 9, np.uint8)) == 0


def test_coarse_storage_leaves_a_grid():
    assert blockiness(stored(smooth(), 10)) > blockiness(stored(smooth(), 95))


@pytest.mark.parametrize("quality", [50, 70, 90])
def test_the_quality_of_the_last_storage_is_estimated(quality):
    assert estimated_quality(stored(smooth(), quality)) == pytest.approx(quality, abs=5)


def test_the_background_alone_has_no_face():
    crop = smooth()
    alone = background_alone(crop, InputContract())
    assert (alone[40:120, 50:110] == 128).all()
    np.testing.assert_array_equal(alone[-8:, :8], crop[-8:, :8])
    np.testing.assert_array_equal(alone[:4, :4], crop[:4, :4])
    np.testing.assert_array_equal(crop, smooth())
