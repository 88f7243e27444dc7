from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from bonaface.bundle import WEIGHTS, read_card
from bonaface.data.manifest import write_manifest
from bonaface.errors import BundleError, CheckpointError
from bonaface.training.checkpoint import load_checkpoint
from bonaface.training.export import export_run
from bonaface.training.start import start_of

from .test_material import usual
from .test_run import record, started
from .tiny import tiny


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run and its bundle with weights: exporting takes seconds, so once for all."""
    folder = tmp_path_factory.mktemp("start")
    write_manifest(folder / "manifest.csv", usual(folder))
    started(folder / "manifest.csv", folder / "run")
    export_run(folder / "run", folder / "bundle", version="1", licence="CC0-1.0", is_trainable=True)
    return folder


@pytest.fixture
def bundle(made, tmp_path):
    """A copy of the bundle to change."""
    shutil.copytree(made / "bundle", tmp_path / "bundle")
    return tmp_path / "bundle"


def test_a_bundle_brings_the_weights_of_its_run(made, bundle):
    best, found = load_checkpoint(made / "run/best").weights, start_of(bundle)
    assert found.weights.keys() == best.keys()
    assert all(torch.equal(best[name], value) for name, value in found.weights.items())
    assert found.record is not None
    assert found.record.command == record(made / "run")["command"]
    assert read_card(bundle).weights.file == WEIGHTS
    assert load_file(bundle / WEIGHTS).keys() == best.keys()


def test_a_run_that_starts_from_a_bundle_says_so(made, bundle, tmp_path):
    child = tmp_path / "child"
    started(made / "manifest.csv", child, recipe=tiny(epochs=1, samples_per_epoch=8), start_from=bundle)
    assert [one["command"] for one in record(child)["earlier_runs"]] == ["bonaface train tiny"]


def test_a_bundle_exported_anew_without_weights_has_none(made, bundle):
    export_run(made / "run", bundle, version="1", licence="CC0-1.0")
    assert not (bundle / WEIGHTS).exists()
    with pytest.raises(CheckpointError, match=r"brings no weights to go on from; .*--trainable"):
        start_of(bundle)


def test_altered_weights_are_refused(bundle):
    whole = (bundle / WEIGHTS).read_bytes()
    (bundle / WEIGHTS).write_bytes(whole[:-1] + b"x")
    with pytest.raises(BundleError, match="altered or cut"):
        start_of(bundle)
    (bundle / WEIGHTS).unlink()
    with pytest.raises(BundleError, match=r"must have the model file weights\.safetensors"):
        start_of(bundle)


def test_a_record_that_can_not_be_read_is_refused(bundle):
    card = json.loads((bundle / "bundle.json").read_text())
    card["training"] = {"command": 3}
    (bundle / "bundle.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="a record that can not be read"):
        start_of(bundle)


def test_what_is_neither_run_nor_bundle_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="must be a checkpoint"):
        start_of(tmp_path / "nothing")
