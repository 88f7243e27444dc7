from __future__ import annotations

import errno
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
