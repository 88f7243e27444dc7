"""Runs whose kept weights lean back to those that they started from."""

from dataclasses import replace

import pytest
import torch

from bonaface.data.manifest import Row, write_manifest
from bonaface.errors import RecipeError
from bonaface.training.checkpoint import BEST, LAST, load_checkpoint
from bonaface.training.loop import train
from bonaface.training.recipe import Optimisation
from bonaface.vocabulary import BONAFIDE, Label, Split

from .test_loop import assert_equal_runs, stopping, watched
from .test_run import started
from .tiny import TINY, material, tiny

__all__ = ["stopping", "watched"]

SHARE = 0.25


def leaning(share):
    return tiny(kept="last", optimisation=replace(TINY.optimisation, start_share=share), epochs=2)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    folder = tmp_path_factory.mktemp("earlier")
    train(tiny(seed=9, epochs=1), material(), folder)
    return load_checkpoint(folder / BEST).weights


def test_kept_weights_are_between_the_first_and_the_last(start, tmp_path):
    """The same training with and without: only what is kept differs, and by a quarter of the way back."""
    for name, share in (("plain", 0.0), ("leaning", SHARE)):
        train(leaning(share), material(), tmp_path / name, start=start)
    plain, mixed = (load_checkpoint(tmp_path / name / BEST).weights for name in ("plain", "leaning"))
    for name, learned in plain.items():
        if learned.is_floating_point():
            torch.testing.assert_close(mixed[name], (1 - SHARE) * learned + SHARE * start[name])
    one, other = (load_checkpoint(tmp_path / name / LAST).weights for name in ("plain", "leaning"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_that_was_stopped_leans_back_to_the_same_weights(start, tmp_path, stopping):
    train(leaning(SHARE), material(), tmp_path / "straight", start=start)
    stopping(leaning(SHARE), material(), tmp_path / "stopped", at=4, start=start)
    assert train(leaning(SHARE), material(), tmp_path / "stopped", is_resumed=True).is_finished
    assert_equal_runs(tmp_path / "straight", tmp_path / "stopped")


def test_without_a_start_there_is_nothing_to_lean_back_to(tmp_path):
    with pytest.raises(
        RecipeError, match=r"^optimisation.start_share wants weights to start from; give --start-from"
    ):
        train(leaning(SHARE), material(), tmp_path)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_it_is_a_share(share):
    with pytest.raises(RecipeError, match="must be between 0 and 1"):
        Optimisation(start_share=share)


def test_it_is_refused_before_any_picture_is_read(tmp_path):
    """The pictures are not even there, and no run is begun."""
    row = Row("nowhere.png", Label.BONAFIDE, BONAFIDE, subject="ann", split=Split.TRAIN)
    write_manifest(tmp_path / "manifest.csv", [row])
    with pytest.raises(RecipeError, match=r"^optimisation.start_share wants weights to start from"):
        started(tmp_path / "manifest.csv", tmp_path / "run", recipe=leaning(SHARE))
    assert not (tmp_path / "run").exists()
