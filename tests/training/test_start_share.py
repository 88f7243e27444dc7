"""Runs whose kept weights lean back to those that they started from."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from bonaface.data.manifest import Row, write_manifest
from bonaface.errors import RecipeError
from bonaface.models.pixels import normalise
from bonaface.training.checkpoint import BEST, LAST, load_checkpoint
from bonaface.training.detection import Detection
from bonaface.training.feeding import loader_of, samples_of
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


def is_statistic(name):
    return name.endswith(("running_mean", "running_var"))


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
        if learned.is_floating_point() and not is_statistic(name):
            torch.testing.assert_close(mixed[name], (1 - SHARE) * learned + SHARE * start[name])
    one, other = (load_checkpoint(tmp_path / name / LAST).weights for name in ("plain", "leaning"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_statistics_of_norms_are_those_of_the_last_epochs_first_batches(start, tmp_path):
    """What the first norm gets is caught on its way, and its mean formed from all of it at once."""
    train(leaning(SHARE), material(), tmp_path, start=start)
    recipe, weights = leaning(SHARE), load_checkpoint(tmp_path / BEST).weights
    model = Detection(recipe, material().dev.species_names, None).model
    model.load_state_dict(weights)
    name, norm = next((n, m) for n, m in model.named_modules() if isinstance(m, nn.BatchNorm2d))
    got = []
    norm.register_forward_pre_hook(lambda _, given: got.append(given[0]))
    samples = samples_of(recipe, material())
    samples.set_epoch(1)
    for batch in loader_of(samples, recipe, drops_last=True):
        model(normalise(batch["crop"], mean=recipe.contract.mean, std=recipe.contract.std))
    mean = torch.cat(got).mean(dim=(0, 2, 3))
    torch.testing.assert_close(weights[f"{name}.running_mean"], mean, rtol=1e-4, atol=1e-5)


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
