from __future__ import annotations

import csv
import json

import pytest
import torch
from PIL import Image

from bonaface.models.nano import build_nano
from bonaface.training.checkpoint import Progress, save_checkpoint
from bonaface.training.recipe import to_dict
from faces.portraits import astronaut
from training.tiny import TINY

from .test_simulate import hashes

pytestmark = pytest.mark.usefixtures("middle")


def untrained(run, seed):
    detector = build_nano(TINY.model, mean=TINY.contract.mean, std=TINY.contract.std, seed=seed)
    save_checkpoint(
        run / "best", weights=detector.state_dict(), loop=None, progress=Progress(), recipe=to_dict(TINY)
    )  # fmt: skip
    return run


@pytest.fixture
def run(tmp_path):
    return untrained(tmp_path / "run", seed=0)


@pytest.fixture
def faces(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    Image.fromarray(astronaut()[20:180, 140:300]).save(folder / "0.png")
    return folder


HOW = ("--species", "adversarial,adversarial+print", "--against")


def test_a_set_and_each_of_its_pictures_once_more(bonaface, faces, run, tmp_path):
    answer = bonaface(
        "simulate", faces, tmp_path / "a", *HOW, run, "--variant", "adversarial=fgsm", "--masks"
    )
    manifest = tmp_path / "a/manifest.csv"
    assert answer.out == f"wrote 1 bonafide, 1 adversarial, 1 adversarial+print and {manifest}\n"
    rows = list(csv.DictReader(manifest.read_text().splitlines()))
    assert [row["species"] for row in rows] == ["bonafide", "adversarial", "adversarial+print"]
    weights = json.loads((run / "best/checkpoint.json").read_text())["sha256"]["model.safetensors"]
    told = json.loads(rows[1]["parameters"])["attack"]
    assert (told["recipe"], told["weights_sha256"], told["change"]["variant"]) == ("tiny", weights, "fgsm")
    settings = json.loads((tmp_path / "a/simulation.json").read_text())["settings"]
    assert settings["against"] == f"tiny {weights}"
    for number, row in enumerate(rows, start=1):
        out = tmp_path / f"{number}.jpg"
        assert bonaface("simulate", "--replay", number, manifest, out, "--against", run).code == 0
        assert out.read_bytes() == (tmp_path / "a" / row["path"]).read_bytes()


@pytest.mark.skipif(torch.cuda.is_available(), reason="after gradients CUDA's threads can not be forked")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_change_nothing(bonaface, faces, run, tmp_path):
    Image.fromarray(astronaut()[30:190, 140:300]).save(faces / "1.png")
    for workers in (1, 2):
        bonaface("simulate", faces, tmp_path / str(workers), *HOW, run, "--workers", workers)
    first, second = hashes(tmp_path / "1"), hashes(tmp_path / "2")
    del first["simulation.jsonl"], second["simulation.jsonl"]  # in the order in which they were made
    assert first == second
    assert len(first) == 2 * 3 + 2


def test_other_weights_go_on_with_nothing_and_replay_nothing(bonaface, faces, run, tmp_path):
    other = untrained(tmp_path / "other", seed=1)
    bonaface("simulate", faces, tmp_path / "a", *HOW, run)
    before = hashes(tmp_path / "a")
    answer = bonaface("simulate", faces, tmp_path / "a", *HOW, other)
    assert answer.sentence.startswith(
        f'{tmp_path / "a"} must be gone on with as it was begun; against was "tiny '
    )
    assert hashes(tmp_path / "a") == before
    replay = ("simulate", "--replay", 2, tmp_path / "a/manifest.csv", tmp_path / "2.jpg")
    answer = bonaface(*replay, "--against", other)
    assert answer.sentence.startswith(
        f"{other} must have the weights that the picture is made against, tiny with sha256 "
    )
    assert bonaface(*replay).sentence == (
        "'adversarial' must be aimed at a detector; got none; give the folder of its training run with --against"
    )
    assert not (tmp_path / "2.jpg").exists()


def test_the_species_and_the_run_come_together(bonaface, faces, run, tmp_path):
    answer = bonaface("simulate", faces, tmp_path / "a", "--species", "print,adversarial+print")
    assert answer.sentence == (
        "'adversarial' in 'adversarial+print' must be aimed at a detector; got none; "
        "give the folder of its training run with --against"
    )
    answer = bonaface("simulate", faces, tmp_path / "a", "--against", run)
    assert answer.sentence == (
        "--against must come with the species that it is for; got print, replay, faceswap; "
        "add adversarial, or leave --against out"
    )
    answer = bonaface("simulate", faces, tmp_path / "a", *HOW, faces)
    assert answer.sentence.startswith(f"{faces / 'best'} must be a checkpoint; ")
    answer = bonaface("simulate", faces, tmp_path / "a", "--species", "adverserial")
    assert answer.sentence.endswith("got 'adverserial'; did you mean 'adversarial'?")
    assert not (tmp_path / "a").exists()


def test_without_torch(bonaface, faces, run, tmp_path, without_torch):
    answer = bonaface("simulate", faces, tmp_path / "a", *HOW, run)
    assert answer.sentence == (
        "bonaface simulate --against needs packages outside the light install; "
        "install them with: pip install 'bonaface[train]'"
    )
