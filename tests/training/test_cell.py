import json
import os
import signal
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from bonaface.data.manifest import Manifest, write_manifest
from bonaface.errors import CheckpointError, ManifestError
from bonaface.training import cell as room
from bonaface.training import detection
from bonaface.training.cell import Cell, check_manifests, known_cell, run_cell, seconds_left
from bonaface.training.checkpoint import load_checkpoint
from bonaface.training.events import read_events

from .test_material import MiddleFinder, row, usual
from .tiny import tiny

RECIPE = tiny(epochs=1, samples_per_epoch=12)


@pytest.fixture
def manifest(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    rows = [*usual(folder), row(folder, "test", "bonafide", 8), row(folder, "test", "diffusion", 9)]
    write_manifest(folder / "S1.csv", rows)
    return folder / "S1.csv"


@pytest.fixture
def cell(manifest):
    return Cell("plain", "S1", "", RECIPE, manifest)


@pytest.fixture(autouse=True)
def exported(monkeypatch):
    """Exports take seconds each: here they leave a file, and are counted."""
    names = []

    def export_run(run, out, *, name, version, licence):
        names.append(f"{name} {version}")
        assert load_checkpoint(run / "best").weights
        out.mkdir()
        (out / "model.onnx").write_bytes(b"model")

    monkeypatch.setattr(room, "export_run", export_run)
    return names


def score(bundle, manifest, scores):
    assert (bundle / "model.onnx").is_file()
    scores.write_text("sample\n")


@contextmanager
def bar(title, total):
    assert title == "reading pictures"
    seen = []
    yield lambda: seen.append(1)
    assert len(seen) in {0, total}


def done(cell, out, **changes):
    return run_cell(
        cell,
        out,
        **{"finder": MiddleFinder(), "score": score, "command": "bonaface compare", "bar": bar} | changes,
    )


def stopped(monkeypatch, cell, out):
    """The run, asked to stop in its second step of three."""
    real, steps = detection.evidence_loss, []

    def stopping(*args, **settings):
        steps.append(1)
        if len(steps) > 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(detection, "evidence_loss", stopping)
        return done(cell, out)


def never(*args, **settings):
    raise AssertionError("this must not be done again")


def files(out):
    return {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_run_from_nothing_to_scores(cell, tmp_path, exported, monkeypatch):
    out = tmp_path / "out"
    assert known_cell(cell, out) is None
    record = done(cell, out)
    folder = out / "runs/plain/S1/0"
    assert sorted(path.name for path in folder.iterdir()) == [
        "best", "bundle", "cell.json", "events.jsonl", "last", "run.json", "scores.csv",
    ]  # fmt: skip
    assert exported == ["plain S1-seed0"]
    assert record.state == "finished"
    assert record.seconds > 0
    assert json.loads((folder / "run.json").read_text())["command"] == "bonaface compare"
    assert known_cell(cell, out) == record


def test_stopped_and_resumed_is_as_if_never_stopped(cell, tmp_path, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    done(cell, whole)
    assert stopped(monkeypatch, cell, cut).state == "begun"
    known = known_cell(cell, cut)
    assert known is not None
    assert known.state == "begun"
    assert not (cell.folder(cut) / "scores.csv").exists()
    assert done(cell, cut).state == "finished"
    for name in ("best", "last"):
        weights = [load_checkpoint(cell.folder(out) / name).weights for out in (whole, cut)]
        assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_asked_to_stop_after_the_last_step_it_stops_before_anything_else(
    cell, tmp_path, exported, monkeypatch
):
    """While dev of the last epoch is judged there is no next step to stop at."""
    real = detection.Detection.judge

    def stopping(*args, **settings):
        os.kill(os.getpid(), signal.SIGTERM)
        return real(*args, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(detection.Detection, "judge", stopping)
        assert done(cell, tmp_path).state == "begun"
    assert exported == []
    monkeypatch.setattr(room, "run_recipe", never)  # the training itself is whole
    assert done(cell, tmp_path).state == "finished"


def test_what_is_done_is_not_done_again(cell, tmp_path, exported, monkeypatch):
    def interrupted(bundle, manifest, scores):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        done(cell, tmp_path, score=interrupted)
    known = known_cell(cell, tmp_path)
    assert known is not None
    assert known.state == "begun"
    monkeypatch.setattr(room, "run_recipe", never)  # trained and exported: scores alone are missing
    assert done(cell, tmp_path).state == "finished"
    (cell.folder(tmp_path) / "scores.csv").unlink()
    known = known_cell(cell, tmp_path)
    assert known is not None
    assert known.state == "begun"
    assert done(cell, tmp_path).state == "finished"
    assert len(exported) == 1


def test_an_export_that_was_cut_is_made_again(cell, tmp_path, exported):
    (cell.folder(tmp_path) / "bundle.new").mkdir(parents=True)
    assert done(cell, tmp_path).state == "finished"
    assert (cell.folder(tmp_path) / "bundle/model.onnx").is_file()


def test_another_recipe_or_manifest_is_refused(cell, manifest, tmp_path):
    out = tmp_path / "out"
    done(cell, out)
    before = files(out)
    other = Cell("plain", "S1", "", replace(RECIPE, epochs=3, batch_size=2), manifest)
    with pytest.raises(CheckpointError) as error:
        known_cell(other, out)
    folder = out / "runs/plain/S1/0"
    assert str(error.value) == (
        "plain on S1, seed 0 was begun with another plan: epochs was 1, is 3, batch_size was 4, is 2; put that back, "
        f"give it another name in the plan, or remove {folder} to train it anew"
    )
    model = replace(RECIPE.model, dropout=0.2, num_heads=4, embedding_size=4)
    many = Cell("plain", "S1", "", replace(RECIPE, model=model, epochs=3), manifest)
    with pytest.raises(CheckpointError, match=r"model\.dropout was 0\.1, is 0\.2, 1 settings more; put"):
        known_cell(many, out)
    with manifest.open("a") as file:
        file.write("\n")
    changed = Cell("plain", "S1", "", RECIPE, manifest)
    with pytest.raises(
        CheckpointError, match=r"begun with another plan: .*S1\.csv has changed; put that back"
    ):
        known_cell(changed, out)
    assert files(out) == before


def test_a_setting_that_is_gone_is_refused(cell, tmp_path):
    done(cell, tmp_path)
    path = cell.folder(tmp_path) / "cell.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"recipe": record["recipe"] | {"old": 1}}))
    with pytest.raises(CheckpointError, match="its recipe has settings that are not known any more; put"):
        known_cell(cell, tmp_path)


def test_altered_files_are_refused(cell, tmp_path):
    done(cell, tmp_path)
    folder = cell.folder(tmp_path)
    (folder / "scores.csv").write_text("sample\nmore\n")
    with pytest.raises(
        CheckpointError, match=r"scores\.csv is cut or altered \(its sha256 differs\); remove it to score"
    ):
        known_cell(cell, tmp_path)
    (folder / "cell.json").write_text("{")
    with pytest.raises(
        CheckpointError, match=r"cell\.json is cut or altered; remove its folder to train the run anew"
    ):
        known_cell(cell, tmp_path)
    (folder / "cell.json").unlink()
    with pytest.raises(CheckpointError, match="holds a run that no comparison began; move it away"):
        known_cell(cell, tmp_path)


def test_a_failure_is_recorded_and_tried_again(cell, manifest, tmp_path, monkeypatch):
    text = manifest.read_text()
    manifest.write_text("".join(line for line in text.splitlines(True) if "dev-bonafide" not in line))
    lame = Cell("plain", "S1", "", RECIPE, manifest)
    record = done(lame, tmp_path)
    assert (record.state, record.seconds) == ("failed", 0.0)
    assert record.reason.startswith("the dev split must have bonafide rows; it has none among ")
    assert known_cell(lame, tmp_path) == record
    manifest.write_text(text)  # nothing was learned yet: the mended manifest is no change
    assert known_cell(cell, tmp_path) == record
    assert done(cell, tmp_path).state == "finished"


def test_a_failure_that_nobody_foresaw_costs_one_run(cell, tmp_path, monkeypatch):
    def crash(*args, **settings):
        raise RuntimeError("out of\nmemory")

    with monkeypatch.context() as patch:
        patch.setattr(room, "run_recipe", crash)
        record = done(cell, tmp_path)
    trace = cell.folder(tmp_path) / "failure.txt"
    assert record.reason == f"RuntimeError: out of memory (see {trace})"
    assert "in crash" in trace.read_text()
    assert done(cell, tmp_path).state == "finished"


def test_runs_of_one_process_may_differ_in_precision(cell, tmp_path):
    exact, mixed = (replace(RECIPE, mixed_precision=word) for word in ("no", "bf16"))
    for number, recipe in enumerate((exact, mixed, exact)):
        assert done(Cell(f"recipe{number}", "S1", "", recipe, cell.manifest), tmp_path).reason == ""
    losses = [
        next(
            event["loss"] for event in read_events(tmp_path / f"runs/recipe{number}/S1/0") if "loss" in event
        )
        for number in range(3)
    ]
    assert losses[0] == losses[2] != losses[1]


def test_time_left(manifest):
    def one(name, protocol, seed):
        return Cell(name, protocol, "", replace(RECIPE, seed=seed), manifest)

    waiting = [one("a", "S1", 9), one("a", "S2", 9), one("b", "S1", 9)]
    assert seconds_left({}, waiting) is None
    spent = {one("a", "S1", 0): 10.0, one("a", "S1", 1): 20.0}
    assert seconds_left(spent, waiting) == 15 + 15 + 15
    spent[one("a", "S2", 0)] = 60.0
    assert seconds_left(spent, waiting) == 15 + 60 + 30
    spent[one("b", "S2", 0)] = 7.0
    assert seconds_left(spent, waiting) == 15 + 60 + 7
    assert seconds_left(spent, []) == 0


def test_manifests_that_can_not_be_scored(cell, manifest, tmp_path):
    check_manifests([cell, cell])
    folder = manifest.parent
    rows = [row(folder, "test", "bonafide", 8), row(folder, "dev", "bonafide", 3)]

    def refusal(*rows):
        write_manifest(manifest, Manifest(tuple(rows), folder).rows)
        with pytest.raises(ManifestError) as error:
            check_manifests([cell])
        return str(error.value)

    assert "must have test rows to compare on; it has none" in refusal(rows[1])
    assert "every picture must have one row to be judged" in refusal(*rows, rows[0])
    missing = row(folder, "test", "bonafide", 8, kind="missing")
    assert "1 of 2 are missing" in refusal(rows[1], missing)
