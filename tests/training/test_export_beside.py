"""Bundles of two runs: the second looks at the same crop at a smaller size."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bonaface.bundle import WEIGHTS, read_card
from bonaface.errors import CheckpointError
from bonaface.inference.session import Session
from bonaface.training.export import export_run
from bonaface.training.recipe import to_dict

from .test_export import saved
from .tiny import TINY, tiny

SMALLER = tiny(name="tiny_smaller")
LARGER = tiny(model=replace(TINY.model, image_size=48), contract=replace(TINY.contract, size=48))
FIRST = {"command": "bonaface train first", "seed": 1, "seconds": 60.0}
THEN = {"command": "bonaface train larger", "seed": 2, "seconds": 120.0, "earlier_runs": [FIRST]}
BESIDE = {
    "command": "bonaface train smaller", "seed": 3, "seconds": 30.0, "recipe": to_dict(SMALLER),
    "earlier_runs": [FIRST, {key: THEN[key] for key in ("command", "seed", "seconds")}],
}  # fmt: skip


def recorded(folder, recipe, record, *, seed):
    detector = saved(folder, recipe, seed=seed)
    (folder / "run.json").write_text(json.dumps(record))
    return detector


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("beside")
    detectors = (
        recorded(folder / "larger", LARGER, THEN, seed=1),
        recorded(folder / "smaller", SMALLER, BESIDE, seed=2),
    )
    export_run(
        folder / "larger", folder / "bundle", version="1", licence="CC0-1.0", is_trainable=True, beside=folder / "smaller"
    )  # fmt: skip
    return folder, detectors


def test_the_bundle_averages_what_both_say(made):
    folder, detectors = made
    crops = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 3), np.uint8)
    shrunk = [cv2.resize(crop.astype(np.float32), (32, 32), interpolation=cv2.INTER_AREA) for crop in crops]
    mean, std = np.float32(TINY.contract.mean), np.float32(TINY.contract.std)
    expected = []
    for detector, seen in zip(detectors, (crops, np.stack(shrunk)), strict=True):
        pixels = torch.from_numpy((np.float32(seen) / 255 - mean) / std).permute(0, 3, 1, 2)
        with torch.no_grad():
            expected += [detector(view).family_logits.numpy() for view in (pixels, pixels.flip(3))]
    found = Session(folder / "bundle").score(crops).families.astype(float)  # passes its own self-test
    np.testing.assert_allclose(np.log(found) - np.log1p(-found), np.mean(expected, axis=0), atol=1e-3)


def test_the_card_tells_of_both(made):
    folder, _ = made
    card = read_card(folder / "bundle")
    assert (card.contract.size, card.training, card.beside) == (48, THEN, BESIDE)
    text = (folder / "bundle/CARD.md").read_text()
    assert "at 32 x 32; recipe of the last command tiny_smaller" in text
    # each run once, whoever went on from it
    assert "| seeds | 1, 2, 3 |" in text
    assert "| time | 4 minutes in all |" in text
    assert text.count("bonaface train first") == text.count("bonaface train larger") == 1


def test_weights_to_go_on_from_are_those_of_the_first_run(made):
    folder, (larger, _) = made
    found = load_file(folder / "bundle" / WEIGHTS)
    assert found.keys() == larger.state_dict().keys()
    assert all(torch.equal(larger.state_dict()[name], value) for name, value in found.items())


@pytest.mark.parametrize(
    ("contract", "said"),
    [
        ({"size": 48}, "its crop has 48 pixels and the same settings"),
        ({"size": 32, "margin_ratio": 0.4}, "its crop has 32 pixels and other settings"),
    ],
)
def test_a_run_that_does_not_fit(made, tmp_path, contract, said):
    folder, _ = made
    model = replace(TINY.model, image_size=contract["size"])
    recorded(tmp_path / "other", tiny(model=model, contract=replace(TINY.contract, **contract)), {}, seed=0)
    with pytest.raises(
        CheckpointError, match=f"must look at the same crop at a smaller size than 48 pixels; {said}"
    ):
        export_run(folder / "larger", tmp_path / "out", version="1", licence="x", beside=tmp_path / "other")
    assert not (tmp_path / "out").exists()


def test_licences_and_species_are_those_of_every_run(tmp_path):
    """What a run started from and what looks beside it count as the run itself does."""
    shares = {"print": 0.5, "diffusion": 0.1}
    first = tiny(mixture=replace(TINY.mixture, shares=shares))
    before = {
        **FIRST, "recipe": to_dict(first), "learned": [],
        "pictures": [{"source": "A", "licence": "CC-BY-4.0", "species": "bonafide", "count": 5}],
    }  # fmt: skip
    pictures = [
        {"source": "A", "licence": "CC-BY-4.0", "species": "bonafide", "count": 7},
        {"source": "B", "licence": "CC0-1.0", "species": "diffusion", "count": 3},
    ]
    recorded(tmp_path / "larger", LARGER, {**THEN, "earlier_runs": [before]}, seed=1)
    recorded(tmp_path / "smaller", SMALLER, {**BESIDE, "earlier_runs": [], "pictures": pictures}, seed=2)
    card = export_run(
        tmp_path / "larger", tmp_path / "bundle", version="1", licence="CC0-1.0", beside=tmp_path / "smaller"
    )
    assert [(one.source, one.licence, one.count) for one in card.training_data] == [
        ("A", "CC-BY-4.0", 7),
        ("B", "CC0-1.0", 3),
    ]
    assert {"print", "diffusion"} <= set(card.species)
    assert "print" in card.simulated_species
    assert "CC-BY-4.0" in (tmp_path / "bundle/CARD.md").read_text()
