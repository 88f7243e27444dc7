import hashlib
import json
import os
import pickle
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bonaface.errors import CheckpointError
from bonaface.training import checkpoint
from bonaface.training.checkpoint import Progress, has_checkpoint, load_checkpoint, save_checkpoint

PROGRESS = Progress(epoch=2, step=5, loss_sum=1 / 3, best_epoch=1, best_value=0.9, seconds=12.5)
RECIPE = {"name": "tiny", "model": {"stem_widths": [4, 6, 8]}}


def save(folder, *, value: float = 1.0, loop: bool = True):
    weights = {"a.weight": torch.full((3, 2), value), "a.count": torch.tensor(7)}
    state = {"optimizer": {"state": {0: {"exp_avg": torch.ones(2) * value}}, "lr": 0.1}}
    save_checkpoint(folder, weights=weights, loop=state if loop else None, progress=PROGRESS, recipe=RECIPE)
    return weights, state


def fails(folder) -> str:
    """The error of loading, which must be one sentence."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 300
    return text


def rehash(folder, name):
    """Make the card agree with the file, as someone would who can write to the folder."""
    card = json.loads((folder / "checkpoint.json").read_text())
    card["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "checkpoint.json").write_text(json.dumps(card))


def test_round_trip(tmp_path):
    weights, state = save(tmp_path / "last")
    held = load_checkpoint(tmp_path / "last")
    assert held.weights.keys() == weights.keys()
    assert all(torch.equal(held.weights[name], weights[name]) for name in weights)
    assert held.weights["a.count"].dtype == torch.int64
    assert torch.equal(
        held.loop["optimizer"]["state"][0]["exp_avg"], state["optimizer"]["state"][0]["exp_avg"]
    )
    assert held.loop["optimizer"]["lr"] == 0.1
    assert held.progress == PROGRESS
    assert held.progress.seconds == 12.5
    assert held.progress.loss_sum == 1 / 3
    assert held.recipe == RECIPE


def test_weights_alone(tmp_path):
    save(tmp_path / "best", loop=False)
    assert load_checkpoint(tmp_path / "best").loop == {}
    assert sorted(file.name for file in (tmp_path / "best").iterdir()) == [
        "checkpoint.json",
        "model.safetensors",
    ]


def test_strided_tensors_keep_their_values(tmp_path):
    kernel = torch.arange(24.0).reshape(2, 3, 2, 2).to(memory_format=torch.channels_last)
    save_checkpoint(tmp_path / "best", weights={"k": kernel}, loop=None, progress=PROGRESS, recipe=RECIPE)
    assert torch.equal(load_checkpoint(tmp_path / "best").weights["k"], kernel)


def test_a_later_one_takes_the_place_and_leaves_nothing(tmp_path):
    save(tmp_path / "last", value=1.0)
    save(tmp_path / "last", value=2.0, loop=False)
    assert load_checkpoint(tmp_path / "last").weights["a.weight"][0, 0] == 2.0
    assert [folder.name for folder in tmp_path.iterdir()] == ["last"]


def test_two_runs_may_be_equal_but_for_their_seconds():
    assert replace(PROGRESS, seconds=99.0) == PROGRESS
    assert replace(PROGRESS, step=6) != PROGRESS


@pytest.mark.parametrize("name", ["model.safetensors", "loop.pt"])
def test_a_file_cut_in_half(tmp_path, name):
    save(tmp_path / "last")
    file = tmp_path / "last" / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert fails(tmp_path / "last") == (
        f"{file} is cut or altered (its sha256 differs); use an earlier checkpoint"
    )
    rehash(tmp_path / "last", name)
    fails(tmp_path / "last")


@pytest.mark.parametrize("name", ["model.safetensors", "loop.pt"])
def test_an_altered_byte(tmp_path, name):
    save(tmp_path / "last")
    file = tmp_path / "last" / name
    held = bytearray(file.read_bytes())
    held[-20] ^= 1
    file.write_bytes(held)
    assert "its sha256 differs" in fails(tmp_path / "last")


@pytest.mark.parametrize("name", ["model.safetensors", "loop.pt"])
def test_a_missing_file(tmp_path, name):
    save(tmp_path / "last")
    (tmp_path / "last" / name).unlink()
    assert name in fails(tmp_path / "last")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: "3",
        lambda text: text.replace('"progress"', '"progres"'),
        lambda text: text.replace('"epoch"', '"epok"'),
        lambda text: text.replace('"step": 5', '"step": "far"'),
        lambda text: text.replace('"recipe": {', '"recipe": 3, "other": {'),
        lambda text: text.replace('"sha256": {', '"sha256": 3, "other": {'),
    ],
)
def test_a_cut_or_altered_card(tmp_path, spoil):
    save(tmp_path / "last")
    card = tmp_path / "last" / "checkpoint.json"
    card.write_text(spoil(card.read_text()))
    assert fails(tmp_path / "last") == f"{card} is cut or altered; use an earlier checkpoint"


def test_a_card_that_is_no_text(tmp_path):
    save(tmp_path / "last")
    (tmp_path / "last" / "checkpoint.json").write_bytes(b"\xff\xfe\x00")
    fails(tmp_path / "last")


def test_a_model_that_the_card_does_not_vouch_for(tmp_path):
    save(tmp_path / "last")
    card = tmp_path / "last" / "checkpoint.json"
    held = json.loads(card.read_text())
    del held["sha256"]["model.safetensors"]
    card.write_text(json.dumps(held))
    assert "model.safetensors is cut or altered" in fails(tmp_path / "last")


def test_a_folder_that_is_none(tmp_path):
    assert fails(tmp_path) == (
        f"{tmp_path} must be a checkpoint; it has no checkpoint.json; give a run's folder"
    )
    assert not has_checkpoint(tmp_path)
    fails(tmp_path / "nothing")


@pytest.mark.parametrize("cut_at", [1, 2])
def test_a_save_cut_at_a_rename_leaves_one_whole(tmp_path, monkeypatch, cut_at):
    save(tmp_path / "last", value=1.0)
    renames = []

    def rename(self, target):
        renames.append(target)
        if len(renames) == cut_at:
            raise KeyboardInterrupt
        return self.replace(target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        with pytest.raises(KeyboardInterrupt):
            save(tmp_path / "last", value=2.0)
    assert has_checkpoint(tmp_path / "last")
    assert load_checkpoint(tmp_path / "last").weights["a.weight"][0, 0] == 1.0

    # and the one after it too, though the place is empty
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            save(tmp_path / "last", value=3.0)
    assert load_checkpoint(tmp_path / "last").weights["a.weight"][0, 0] == 1.0
    save(tmp_path / "last", value=4.0)
    assert load_checkpoint(tmp_path / "last").weights["a.weight"][0, 0] == 4.0
    assert [folder.name for folder in tmp_path.iterdir()] == ["last"]


def test_a_save_cut_while_writing_leaves_the_old_one(tmp_path, monkeypatch):
    save(tmp_path / "last", value=1.0)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.torch, "save", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            save(tmp_path / "last", value=2.0)
    assert load_checkpoint(tmp_path / "last").weights["a.weight"][0, 0] == 1.0


class Payload:
    """Unpickling it writes a file."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.system, (f"touch {self.trace}",)


def test_a_planted_pickle_is_refused_unexecuted(tmp_path):
    trace = tmp_path / "executed"
    folder = tmp_path / "last"
    for plant in (
        lambda file: torch.save({"optimizer": Payload(trace)}, file),
        lambda file: file.write_bytes(pickle.dumps(Payload(trace))),
        lambda file: file.write_bytes(b"no pickle at all"),
        lambda file: file.write_bytes(b""),
        lambda file: zipfile.ZipFile(file, "w").close(),
    ):
        save(folder)
        plant(folder / "loop.pt")
        rehash(folder, "loop.pt")
        assert fails(folder) == (
            f"{folder / 'loop.pt'} must hold tensors and plain values only; it does not; use a checkpoint you trust"
        )
        assert not trace.exists()
        shutil.rmtree(folder)
    pickle.loads(pickle.dumps(Payload(trace)))
    assert trace.exists()  # the payload would have worked
