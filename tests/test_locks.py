from __future__ import annotations

import errno

import pytest

from bonaface import locks

fcntl = pytest.importorskip("fcntl")


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_file_system_without_locks_holds_nothing_up(tmp_path, monkeypatch, number):
    def refusing(_file, _how):
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refusing)
    with (tmp_path / "table").open("w") as file:
        assert locks.is_held(file)


def test_another_error_is_not_taken_for_that(tmp_path, monkeypatch):
    def failing(_file, _how):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(fcntl, "flock", failing)
    with (tmp_path / "table").open("w") as file, pytest.raises(OSError, match="broken"):
        locks.is_held(file)


def test_one_at_a_time(tmp_path):
    with (tmp_path / "table").open("w") as one, (tmp_path / "table").open("w") as other:
        assert locks.is_held(one)
        assert not locks.is_held(other)
