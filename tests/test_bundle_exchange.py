from __future__ import annotations

import shutil

import pytest

from bonaface.bundle import CARD, read_card
from bonaface.bundle_exchange import in_place_of
from tiny_bundle import tiny_bundle


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_stays_on_the_disk_of_its_place(tmp_path):
    """A folder may be a mounted disk, where nothing can be moved to from beside it."""
    folder = tmp_path / "bundle"
    with in_place_of(folder) as fresh:
        assert fresh.is_relative_to(folder)
        tiny_bundle(fresh)
    assert names(folder) == names(tiny_bundle(tmp_path / "plain"))
    assert read_card(folder)


def test_an_earlier_bundle_stays_whole_until_the_new_one_is(tmp_path):
    folder = tiny_bundle(tmp_path / "bundle")
    before = {name: (folder / name).read_bytes() for name in names(folder)}
    with pytest.raises(RuntimeError), in_place_of(folder) as fresh:
        fresh.mkdir()
        (fresh / CARD).write_text("{}")
        raise RuntimeError
    assert {name: (folder / name).read_bytes() for name in names(folder)} == before


def test_a_place_that_was_not_there_is_not_left_behind(tmp_path):
    with pytest.raises(RuntimeError), in_place_of(tmp_path / "new") as fresh:
        fresh.mkdir()
        raise RuntimeError
    assert names(tmp_path) == []


def test_what_a_stopped_process_left_is_no_reason_to_refuse(tmp_path):
    folder = tmp_path / "bundle"
    (folder / ".unfinished-abc").mkdir(parents=True)
    with in_place_of(folder) as fresh:
        shutil.copytree(tiny_bundle(tmp_path / "made"), fresh)
    assert read_card(folder)
