from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import sys

import pytest
from sklearn.metrics import roc_auc_score

from bonaface.cli.compare import _duration
from bonaface.contract import InputContract

from .conftest import BLUE, RED, paint

pytestmark = pytest.mark.usefixtures("middle")

SMALL = {
    "epochs": 1, "samples_per_epoch": 4, "batch_size": 2, "num_workers": 0,
    "model.image_size": 32, "model.hidden_size": 16, "model.num_layers": 1, "model.num_heads": 2,
    "model.stem_widths": [4, 6, 8], "model.embedding_size": 8, "contract.size": 32,
    "mixture.shares": {"diffusion": 1.0},
}  # fmt: skip


def listed(folder, name="S1.csv", *, left_out="nothing"):
    """A manifest of two people a split, each with a blue picture and a red attack; `left_out` of its lines."""
    lines = []
    for split in ("train", "dev", "test"):
        for i in range(2):
            who = f"{split}{i}"
            paint(folder / f"{who}.png", BLUE)
            paint(folder / f"{who}-made.png", RED)
            lines.append(f"{who}.png,bonafide,bonafide,{who},{split}")
            lines.append(f"{who}-made.png,attack,diffusion,{who},{split}")
    kept = [line for line in lines if left_out not in line]
    (folder / name).write_text("\n".join(["path,label,species,subject,split", *kept]) + "\n")


def planned(folder, *, seeds="[0]", protocols='S1 = "S1.csv"', moe=()):
    settings = [f"{key}={json.dumps(value)}" for key, value in SMALL.items()]
    path = folder / "plan.toml"
    path.write_text(
        f"""
seeds = {seeds}
settings = {json.dumps(settings)}

[recipes.plain]
recipe = "nano"
settings = ["model.experts.hidden=4"]

[recipes.moe]
recipe = "nano"
settings = {json.dumps(list(moe))}

[protocols]
{protocols}
"""
    )
    return path


@pytest.fixture
def swift(monkeypatch, tiny):
    """Exports take seconds each: every run becomes a copy of the tiny bundle, to which red pictures are attacks."""
    import torch

    from bonaface.training import cell

    torch.set_num_threads(1)  # threads wait for each other longer than these models compute
    monkeypatch.setattr(cell, "export_run", lambda run, out, **about: shutil.copytree(tiny, out))


def trained(monkeypatch):
    """The folders that a run is trained in, as they come."""
    from bonaface.training import cell

    folders, real = [], cell.run_recipe

    def counted(recipe, manifest, out, **settings):
        folders.append("/".join(out.parts[-3:]))
        return real(recipe, manifest, out, **settings)

    monkeypatch.setattr(cell, "run_recipe", counted)
    return folders


@pytest.mark.slow
def test_from_pictures_to_a_leaderboard_by_real_bundles(bonaface, tmp_path):
    listed(tmp_path)
    out = tmp_path / "out"
    plan = planned(tmp_path)
    plan.write_text(re.sub(r"\[recipes\.moe\].*(?=\[protocols\])", "", plan.read_text(), flags=re.DOTALL))
    assert bonaface("compare", plan, "--out", out, "--replicates", 20).code == 0
    folder = out / "runs/plain/S1/0"
    with (folder / "scores.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    auc = roc_auc_score(
        [row["label"] == "attack" for row in rows], [float(row["attack_score"]) for row in rows]
    )
    board = json.loads((out / "leaderboard.json").read_text())
    assert [one["values"]["auc"] for one in board["runs"]] == pytest.approx([auc])
    card = json.loads((folder / "bundle/bundle.json").read_text())
    assert (card["name"], card["version"], card["report"]) == ("plain", "S1-seed0", None)


@pytest.mark.usefixtures("swift")
def test_a_comparison_goes_on_and_does_nothing_twice(bonaface, tmp_path, monkeypatch):
    from bonaface.training import detection

    listed(tmp_path)
    out, real = tmp_path / "out", detection.evidence_loss
    folders, steps = trained(monkeypatch), []

    def stopping(*args, **settings):
        steps.append(1)
        if len(steps) == 3:  # the first of the second run
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args, **settings)

    words = ("compare", planned(tmp_path, seeds="[0, 1]"), "--out", out, "--replicates", 20)
    with monkeypatch.context() as patch:
        patch.setattr(detection, "evidence_loss", stopping)
        cut = bonaface(*words)
    assert cut.code == 143
    assert cut.err.splitlines()[-1] == "stopped; the same command goes on"
    assert folders == ["plain/S1/0", "moe/S1/0"]
    assert not (out / "leaderboard.json").exists()
    first = (out / "runs/plain/S1/0/scores.csv").read_bytes()

    folders.clear()
    answer = bonaface(*words)
    assert answer.code == 0
    assert folders == ["moe/S1/0", "plain/S1/1", "moe/S1/1"]
    assert (out / "runs/plain/S1/0/scores.csv").read_bytes() == first
    told = [line for line in answer.err.splitlines() if line.startswith("run ")]
    assert [line.split(";")[0] for line in told] == [
        "run 2 of 4 moe on S1, seed 0", "run 3 of 4 plain on S1, seed 1", "run 4 of 4 moe on S1, seed 1",
    ]  # fmt: skip
    assert re.fullmatch(r".*; about (\d+ h )?\d+ min left", told[0])
    assert "moe beside plain: ACER pooled +0.00 %, within noise" in answer.out
    assert answer.out.splitlines()[-1] == (
        f"wrote {out}/leaderboard.json, {out}/leaderboard.md, {out}/leaderboard.html"
    )
    board = json.loads((out / "leaderboard.json").read_text())
    assert [one["figures"]["auc"]["interval"]["value"] for one in board["boards"][0]["standings"]] == [1, 1]
    assert (out / "leaderboard.html").read_text().startswith("<!doctype html>")

    folders.clear()
    texts = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert bonaface(*words).code == 0
    assert folders == []
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == texts

    other = bonaface("compare", planned(tmp_path, seeds="[0, 1]", moe=["epochs=2"]), "--out", out)
    assert other.sentence.startswith("moe on S1, seed 0 was begun with another plan: epochs was 1, is 2; ")
    assert folders == []

    planned(tmp_path, seeds="[0, 1]")
    monkeypatch.setitem(sys.modules, "jinja2", None)  # days of training do not fail for want of a page
    plainly = bonaface(*words)
    assert plainly.code == 0
    assert plainly.err.splitlines()[-1].startswith("note: the page of a leaderboard needs packages")
    assert plainly.out.splitlines()[-1] == f"wrote {out}/leaderboard.json, {out}/leaderboard.md"


@pytest.mark.usefixtures("swift")
def test_a_run_that_fails_stops_no_other(bonaface, tmp_path, monkeypatch):
    listed(tmp_path)
    listed(tmp_path, "lame.csv", left_out="bonafide,dev")
    folders = trained(monkeypatch)
    protocols = 'lame = "lame.csv"\nS1 = "S1.csv"'
    answer = bonaface("compare", planned(tmp_path, protocols=protocols), "--out", tmp_path, "--replicates", 5)
    assert answer.code == 2
    assert folders == ["plain/lame/0", "moe/lame/0", "plain/S1/0", "moe/S1/0"]
    reason = "the dev split must have bonafide rows; it has none among 2; add bona fide pictures"
    assert f"failed {reason}; the others go on" in answer.err
    assert answer.err.splitlines()[-2:] == [
        f"failed plain on lame, seed 0: {reason}", f"failed moe on lame, seed 0: {reason}",
    ]  # fmt: skip
    board = json.loads((tmp_path / "leaderboard.json").read_text())
    assert board["failures"] == [
        {"run": f"{name} on lame, seed 0", "reason": reason} for name in ("plain", "moe")
    ]
    assert [one["recipe"] for one in board["runs"]] == ["plain", "moe"]
    assert reason in (tmp_path / "leaderboard.md").read_text()


def test_mistakes_are_told_before_anything_is_trained(bonaface, tmp_path):
    listed(tmp_path)
    plan, out = planned(tmp_path), tmp_path / "out"
    assert bonaface("compare", plan, "--out", out, "--rule", "best").sentence.startswith(
        "a threshold rule must be"
    )
    assert "did you mean" in bonaface("compare", planned(tmp_path, moe=["epoch=1"]), "--out", out).sentence
    planned(tmp_path)
    (tmp_path / "test1.png").unlink()
    assert "1 of 12 are missing" in bonaface("compare", plan, "--out", out).sentence
    (tmp_path / "S1.csv").unlink()
    assert "must be a manifest" in bonaface("compare", plan, "--out", out).sentence
    assert not out.exists()


def test_a_recipe_that_learns_from_dev_is_marked(tmp_path):
    from bonaface.cli.compare import _measured
    from bonaface.data.clue_schedule import NOT_COMPARABLE, Clues
    from bonaface.training.comparison_plan import Plan
    from bonaface.training.recipe import Recipe

    path = tmp_path / "plan.toml"
    whole = {"contract": InputContract(finder="whole"), "kept": "last"}
    recipes = {
        name: Recipe(name, data=Clues(is_dev_merged=is_merged), **whole)
        for name, is_merged in (("fair", False), ("merged", True))
    }
    board = _measured(Plan(recipes, {"S1": {"": path}}, (0,)), {}, tmp_path, rule="eer", replicates=2, seed=0)
    assert board.notes == [f"merged: {NOT_COMPARABLE}"]


@pytest.mark.usefixtures("swift")
def test_control_c_outside_the_loop_stops_too(bonaface, tmp_path, monkeypatch):
    from bonaface.training import cell

    def interrupted(*args, **settings):
        raise KeyboardInterrupt

    listed(tmp_path)
    monkeypatch.setattr(cell, "run_recipe", interrupted)
    answer = bonaface("compare", planned(tmp_path), "--out", tmp_path / "out")
    assert (answer.code, answer.err.splitlines()[-1]) == (143, "stopped; the same command goes on")


def test_hours_and_minutes():
    assert [_duration(seconds) for seconds in (0, 40, 3599, 4500)] == [
        "1 min",
        "1 min",
        "1 h 0 min",
        "1 h 15 min",
    ]


def test_without_torch(bonaface, tmp_path, without_torch):
    answer = bonaface("compare", tmp_path / "plan.toml", "--out", tmp_path / "out")
    assert answer.sentence == (
        "bonaface compare needs packages outside the light install; "
        "install them with: pip install 'bonaface[train]'"
    )
