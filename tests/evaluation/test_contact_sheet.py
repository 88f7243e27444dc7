from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given

from bonaface.evaluation.contact_sheet import MAX_TILES, worst_errors

from .tables import ROWS, THRESHOLDS, Row, table_of


@pytest.fixture
def folder(tmp_path):
    """Pictures of three samples: a wide one, a small one, and a file that is none."""
    colours = np.zeros((100, 400, 3), np.uint8)
    colours[:, :200] = (200, 30, 30)  # blue in OpenCV's order
    (tmp_path / "test-0").write_bytes(cv2.imencode(".png", colours)[1].tobytes())
    (tmp_path / "test-1").write_bytes(cv2.imencode(".png", colours[:40, :30])[1].tobytes())
    (tmp_path / "test-2").write_bytes(b"no picture at all")
    return tmp_path


def none(sample: str) -> None:
    return None


@given(ROWS, THRESHOLDS)
def test_worst_errors_are_those_farthest_on_the_wrong_side(rows: list[Row], threshold: float) -> None:
    table = table_of(*rows)
    sheets = worst_errors(table, threshold, none)
    named = [(score, f"test-{i}", species) for i, (species, score) in enumerate(rows) if score is not None]
    accepted = sorted(one for one in named if one[2] != "bonafide" and one[0] < threshold)
    rejected = sorted((-one[0], *one[1:]) for one in named if one[2] == "bonafide" and one[0] >= threshold)
    for sheet, wanted, sign in zip(sheets, (accepted, rejected), (1, -1), strict=True):
        assert sheet.count == len(wanted)
        assert [(sign * tile.score, tile.sample, tile.species) for tile in sheet.tiles] == wanted[:MAX_TILES]


def test_no_more_pictures_are_asked_for_than_are_shown() -> None:
    asked: list[str] = []
    rows: list[Row] = [("print", i / 1000) for i in range(60)]
    accepted, rejected = worst_errors(table_of(*rows), 0.5, asked.append)
    assert asked == [f"test-{i}" for i in range(MAX_TILES)]
    assert (accepted.count, len(accepted.tiles), rejected.count) == (60, MAX_TILES, 0)


def test_a_picture_is_whole_and_small(folder) -> None:
    sheet, _ = worst_errors(table_of(("print", 0.1), ("print", 0.2)), 0.5, lambda sample: folder / sample)
    wide, small = (
        cv2.imdecode(
            np.frombuffer(base64.b64decode(tile.image.partition(",")[2]), np.uint8), cv2.IMREAD_COLOR
        )
        for tile in sheet.tiles
    )
    assert [tile.image[:23] for tile in sheet.tiles] == ["data:image/jpeg;base64,"] * 2
    assert (wide.shape, small.shape) == ((24, 96, 3), (40, 30, 3))
    assert np.abs(wide[12, 20].astype(int) - (200, 30, 30)).max() < 12
    assert wide[12, 80].max() < 12
    assert [tile.word for tile in sheet.tiles] == ["", ""]


def test_without_a_picture_there_is_a_word(folder) -> None:
    where = {
        "test-0": None,
        "test-1": folder / "nowhere",
        "test-2": folder / "test-2",
        "test-3": folder / ("x" * 999),
    }
    sheet, _ = worst_errors(table_of(*[("print", 0.1)] * 4), 0.5, where.__getitem__)
    assert [tile.word for tile in sheet.tiles] == ["no picture", "no picture", "not readable", "not readable"]
    assert {tile.image for tile in sheet.tiles} == {""}


def test_devices_are_no_pictures() -> None:
    sheet, _ = worst_errors(table_of(("print", 0.1)), 0.5, lambda sample: Path("/dev/zero"))
    assert [tile.word for tile in sheet.tiles] == ["no picture"]
