import json
import os
import signal
from dataclasses import replace

import pytest

from bonaface.data.manifest import write_manifest
from bonaface.errors import CheckpointError
from bonaface.training import detection, run
from bonaface.training.checkpoint import load_checkpoint
from bonaface.training.run import run_recipe

from .test_material import MiddleFinder, usual
from .tiny import tiny

RECIPE = tiny(epochs=2, samples_per_epoch=8)


@pytest.fixture
def manifest(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    write_manifest(folder / "manifest.csv", usual(folder))
    return folder / "manifest.csv"


def started(manifest, out, *, recipe=RECIPE, **settings):
    return run_recipe(
        recipe, manifest, out, **{"finder": MiddleFinder(), "command": "bonaface train tiny"} | settings
    )


def record(out):
    return json.loads((out / "run.json").read_text())


def test_from_a_manifest_to_a_run_with_its_record(manifest, tmp_path):
    out, rows = tmp_path / "run", []
    result = started(manifest, out, on_row=lambda: rows.append(1))
    assert result.is_finished
    assert len(rows) == 7
    assert sorted(path.name for path in out.iterdir()) == ["best", "events.jsonl", "last", "run.json"]
    held = record(out)
    assert held["command"] == "bonaface train tiny"
    assert held["finished"] is not None
    assert held["best_epoch"] == result.progress.best_epoch
    assert held["dev"]["mean_auc"] == result.progress.best_value
    assert held["seconds"] == pytest.approx(result.progress.seconds, abs=0.06)
    assert {(p["species"], p["count"]) for p in held["pictures"] if p["source"] == "made"} == {
        ("bonafide", 4),
        ("diffusion", 2),
    }


def test_the_record_is_there_while_the_run_goes_on(manifest, tmp_path, monkeypatch):
    seen = []

    def train(recipe, material, out, *, is_resumed, start):
        seen.append(record(out))
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "train", train)
    with pytest.raises(KeyboardInterrupt):
        started(manifest, tmp_path / "run")
    assert seen[0]["finished"] is None
    assert record(tmp_path / "run") == seen[0]


def test_stopped_resumed_and_resumed_again(manifest, tmp_path, monkeypatch):
    out = tmp_path / "run"
    real = detection.evidence_loss

    def stopping(*args, **settings):
        os.kill(os.getpid(), signal.SIGTERM)
        return real(*args, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(detection, "evidence_loss", stopping)
        assert not started(manifest, out).is_finished
    stopped = record(out)
    assert stopped["finished"] is None

    resumed = started(manifest, out, command="bonaface train tiny --resume", is_resumed=True)
    held = record(out)
    assert resumed.is_finished
    assert (held["command"], held["started"]) == ("bonaface train tiny", stopped["started"])
    assert held["resumed_by"] == ["bonaface train tiny --resume"]
    assert held["seconds"] > stopped["seconds"]
    assert held["finished"] is not None
    assert load_checkpoint(out / "last").progress.seconds == pytest.approx(held["seconds"], abs=0.06)

    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert started(manifest, out, command="again", is_resumed=True).is_finished
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_refusals_come_before_any_face_is_looked_for(manifest, tmp_path):
    out, rows = tmp_path / "run", []
    started(manifest, out, recipe=tiny(epochs=1, samples_per_epoch=4))
    before = record(out)
    settings = {"on_row": lambda: rows.append(1)}
    with pytest.raises(CheckpointError, match="holds a run already"):
        started(manifest, out, **settings)
    with pytest.raises(CheckpointError, match="of another recipe"):
        started(manifest, out, is_resumed=True, **settings)
    with pytest.raises(CheckpointError, match="must be a checkpoint"):
        started(manifest, tmp_path / "nowhere", is_resumed=True, **settings)
    assert rows == []
    assert record(out) == before
    assert not (tmp_path / "nowhere").exists()


def test_a_run_starts_from_the_best_weights_of_another(manifest, tmp_path):
    parent, child = tmp_path / "parent", tmp_path / "child"
    started(manifest, parent)
    still = tiny(epochs=1, samples_per_epoch=8, **{"optimisation": replace(RECIPE.optimisation, lr_new=0.0)})
    started(
        manifest, child, recipe=still, start_from=parent, command="bonaface train tiny --start-from parent"
    )
    best, kept = load_checkpoint(parent / "best").weights, load_checkpoint(child / "last").weights
    learned = [name for name in best if "running_" not in name and "num_batches" not in name]
    assert learned
    assert all((best[name] == kept[name]).all() for name in learned)
    held = record(child)
    (earlier,) = held["earlier_runs"]
    assert earlier["command"] == "bonaface train tiny"
    for word in ("seed", "seconds", "recipe", "pictures", "learned"):
        assert earlier[word] == record(parent)[word]


def test_a_run_can_not_start_from_another_model(manifest, tmp_path):
    started(manifest, tmp_path / "parent")
    other = tiny(model=replace(RECIPE.model, embedding_size=4))
    with pytest.raises(CheckpointError, match=r"^the weights to start from must fit the recipe's model"):
        started(manifest, tmp_path / "child", recipe=other, start_from=tmp_path / "parent")
    with pytest.raises(CheckpointError, match="must be a checkpoint"):
        started(manifest, tmp_path / "orphan", start_from=tmp_path / "nothing")
