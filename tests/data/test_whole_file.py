from __future__ import annotations

import errno
import multiprocessing
from pathlib import Path

import pytest

from bonaface.data.whole_file import write_whole


def test_a_file_and_its_folders_are_written(tmp_path):
    write_whole(tmp_path / "a/b/c.bin", b"123")
    write_whole(tmp_path / "a/b/c.bin", b"45")
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == [b"45"]


def test_a_refused_file_leaves_nothing_and_the_old_one_as_it_was(tmp_path, monkeypatch):
    write_whole(tmp_path / "c.bin", b"old")

    def half(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:1])
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="full"):
        write_whole(tmp_path / "c.bin", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("c.bin", b"old")]


def written_often(path: Path) -> None:
    for _ in range(200):
        write_whole(path, b"the same bytes")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes_that_write_the_same_file_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "shared.json"
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=written_often, args=(path,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [
        ("shared.json", b"the same bytes")
    ]
