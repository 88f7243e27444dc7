from __future__ import annotations

import json

import pytest

from bonaface.models.nano import build_nano
from bonaface.training.checkpoint import Progress, save_checkpoint
from bonaface.training.recipe import to_dict
from training.tiny import TINY


@pytest.fixture
def run(tmp_path):
    """A run with its best checkpoint, never trained."""
    detector = build_nano(TINY.model, mean=TINY.contract.mean, std=TINY.contract.std, seed=0)
    save_checkpoint(
        tmp_path / "run/best", weights=detector.state_dict(), loop=None, progress=Progress(), recipe=to_dict(TINY)
    )  # fmt: skip
    return tmp_path / "run"


def cut(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize("name", ["model.safetensors", "checkpoint.json"])
def test_a_checkpoint_cut_in_half(bonaface, run, tmp_path, name):
    cut(run / "best" / name)
    answer = bonaface("export", run, tmp_path / "bundle")
    assert str(run / "best" / name) in answer.sentence
    assert "is cut or altered" in answer.sentence
    assert not (tmp_path / "bundle").exists()


def test_a_record_cut_in_half(bonaface, run, tmp_path):
    (run / "run.json").write_text('{"seed": ')
    answer = bonaface("export", run, tmp_path / "bundle")
    assert answer.sentence == (
        f"{run / 'run.json'} must be a run's record in JSON; it is cut or altered; mend it"
    )
    assert not (tmp_path / "bundle").exists()


def test_a_second_run_that_does_not_fit(bonaface, run, tmp_path):
    answer = bonaface("export", run, tmp_path / "bundle", "--beside", run)
    assert answer.sentence.startswith(f"{run} must look at the same crop at a smaller size than 32 pixels; ")
    assert not (tmp_path / "bundle").exists()


def test_no_run_there(bonaface, tmp_path):
    answer = bonaface("export", tmp_path, tmp_path / "bundle")
    assert answer.sentence.startswith(f"{tmp_path / 'best'} must be a checkpoint; ")


def test_a_bundle_that_is_there_stays_as_it_was_until_the_new_one_is_measured(bonaface, run, tmp_path):
    out = tmp_path / "bundle"
    assert bonaface("export", run, out, "--note", "the old one").code == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    answer = bonaface("export", run, out, "--data", tmp_path / "typo.csv")
    assert (answer.code, answer.sentence.startswith(f"{tmp_path / 'typo.csv'} must be a manifest")) == (
        2,
        True,
    )
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert {path.name for path in tmp_path.iterdir()} == {"run", "bundle"}
    (out / "mine.txt").write_text("keep")
    assert bonaface("export", run, out).code == 0
    assert (out / "bundle.json").read_bytes() != before["bundle.json"]
    assert (out / "mine.txt").read_text() == "keep"


@pytest.mark.parametrize("is_file", [True, False])
def test_a_place_that_is_taken(bonaface, run, tmp_path, is_file):
    place = tmp_path / "mine"
    if is_file:
        place.write_text("keep")
    else:
        place.mkdir()
        (place / "notes.txt").write_text("keep")
    answer = bonaface("export", run, place)
    assert answer.sentence == (
        f"{place} must be a new folder, an empty one or a bundle; it is none; choose another"
    )


def test_a_recipe_of_another_release(bonaface, run, tmp_path):
    card = run / "best/checkpoint.json"
    plain = json.loads(card.read_text())
    plain["recipe"]["colour"] = 1
    card.write_text(json.dumps(plain))
    assert "got 'colour'" in bonaface("export", run, tmp_path / "bundle").sentence
