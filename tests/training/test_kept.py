"""Runs whose simulated pairs are kept."""

from dataclasses import replace

import pytest

from bonaface.data.dataset import Mixture, SimulatedFaces
from bonaface.errors import RecipeError
from bonaface.training.feeding import samples_of
from bonaface.training.loop import train
from bonaface.training.recipe import Simulated

from .test_loop import assert_equal_runs, stopping, watched
from .tiny import material, tiny

__all__ = ["stopping", "watched"]

KEPT = tiny(data=Simulated(kept_pairs=5), mixture=Mixture(shares={"sdsc": 0.6, "diffusion": 0.4}))


def kept_in(folder):
    return replace(material(), kept_in=folder)


def test_a_run_that_was_stopped_goes_on_with_the_same_pairs(tmp_path, stopping):
    train(KEPT, kept_in(tmp_path / "pairs"), tmp_path / "straight")
    stopping(KEPT, kept_in(tmp_path / "others"), tmp_path / "stopped", at=4)
    assert train(KEPT, kept_in(tmp_path / "others"), tmp_path / "stopped", is_resumed=True).is_finished
    assert_equal_runs(tmp_path / "straight", tmp_path / "stopped")


def test_a_second_run_draws_nothing(tmp_path, monkeypatch):
    train(KEPT, kept_in(tmp_path / "pairs"), tmp_path / "first")

    def never(self, index):
        raise AssertionError("drawn again")

    monkeypatch.setattr(SimulatedFaces, "__getitem__", never)
    train(KEPT, kept_in(tmp_path / "pairs"), tmp_path / "second")
    assert_equal_runs(tmp_path / "first", tmp_path / "second")


def test_kept_pairs_need_a_folder():
    with pytest.raises(RecipeError, match=r"^pairs that are kept need a folder; give one, or set "):
        samples_of(KEPT, material())


def test_their_number_is_not_negative():
    with pytest.raises(RecipeError, match=r"^data.kept_pairs must be at least 0; got -1$"):
        tiny(data=Simulated(kept_pairs=-1))
