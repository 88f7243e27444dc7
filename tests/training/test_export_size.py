"""Bundles that judge crops of another size than they have learned from."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy.special import expit

from bonaface.bundle import read_card
from bonaface.errors import RecipeError
from bonaface.inference.session import Session
from bonaface.models.carried_over import carried_over
from bonaface.training.export import export_run
from bonaface.training.recipe import to_dict
from bonaface.training.trained import detector_of_run

from .test_export import saved
from .tiny import TINY

LARGER = 48


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resized")
    saved(folder / "run", TINY, seed=1)
    record = {"command": "bonaface train tiny", "seed": 1, "seconds": 9.0, "recipe": to_dict(TINY)}
    (folder / "run/run.json").write_text(json.dumps(record))
    return folder / "run"


def exported(run, out, size):
    return export_run(run, out, version="1", licence="CC0-1.0", size=size)


def test_positions_are_interpolated_and_nothing_else_moves(run):
    plain, resized = detector_of_run(run)[0].state_dict(), detector_of_run(run, size=LARGER)[0].state_dict()
    changed = {name for name in plain if plain[name].shape != resized[name].shape}
    assert changed == {name for name in plain if name.endswith("position_embedding.weight")}
    assert all(torch.equal(plain[name], resized[name]) for name in plain.keys() - changed)


def test_the_bundle_says_what_the_detector_says(run, tmp_path):
    exported(run, tmp_path / "bundle", LARGER)
    crops = np.random.default_rng(0).integers(0, 256, (3, LARGER, LARGER, 3), np.uint8)
    detector, recipe = detector_of_run(run, size=LARGER)
    mean, std = np.float32(recipe.contract.mean), np.float32(recipe.contract.std)
    pixels = torch.from_numpy((np.float32(crops) / 255 - mean) / std).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = np.mean(
            [detector(view).family_logits.numpy() for view in (pixels, pixels.flip(3))], axis=0
        )
    np.testing.assert_allclose(Session(tmp_path / "bundle").score(crops).families, expit(expected), atol=1e-4)


def test_the_card_tells_both_sizes(run, tmp_path):
    card = exported(run, tmp_path / "bundle", LARGER)
    assert card.contract.size == read_card(tmp_path / "bundle").contract.size == LARGER
    assert "It has learned from crops of 32 pixels, and judges crops of 48." in card.notes


@pytest.mark.parametrize("size", [None, 32])
def test_at_its_own_size_nothing_changes(run, tmp_path, size):
    card = exported(run, tmp_path / "bundle", size)
    assert card.contract.size == 32
    assert not card.notes
    plain, same = detector_of_run(run)[0].state_dict(), detector_of_run(run, size=size)[0].state_dict()
    assert all(torch.equal(plain[name], same[name]) for name in plain)


def test_a_size_that_is_no_multiple_of_a_token_is_refused(run):
    with pytest.raises(RecipeError, match=r"image_size must be a multiple of 16; got 50"):
        detector_of_run(run, size=50)


def test_weights_of_another_size_are_carried_as_a_start_carries_them(run):
    """The same way on which a run starts from another of a smaller size."""
    resized, _ = detector_of_run(run, size=LARGER)
    carried = carried_over(detector_of_run(run)[0].state_dict(), resized)
    assert all(torch.equal(value, carried[name]) for name, value in resized.state_dict().items())
