import pytest

from bonaface.errors import CheckpointError
from bonaface.training.folder_lock import one_at_a_time


def test_the_second_is_refused_until_the_first_ends(tmp_path):
    folder = tmp_path / "new"
    with one_at_a_time(folder):
        with pytest.raises(CheckpointError) as error, one_at_a_time(folder):
            pass
        assert str(error.value) == (
            f"{folder} must be worked on by one process at a time; another one is at it; wait for its end, or choose "
            "another --out"
        )
        with one_at_a_time(tmp_path / "other"):
            pass
    with one_at_a_time(folder):
        pass


def test_an_error_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), one_at_a_time(tmp_path):
        raise ZeroDivisionError
    with one_at_a_time(tmp_path):
        pass
