"""`bonaface export` with what is fitted on other manifests: species that are told apart, families that are calibrated."""

from __future__ import annotations

import json

import pytest

from bonaface.models.nano import build_nano
from bonaface.training.checkpoint import Progress, save_checkpoint
from bonaface.training.recipe import to_dict
from training.tiny import TINY

from .conftest import BLUE, RED, paint

GREEN = (0, 200, 0)
PEOPLE = 10


@pytest.fixture
def run(tmp_path, middle):
    """A run with its best checkpoint, never trained: colours still give it different embeddings."""
    detector = build_nano(TINY.model, mean=TINY.contract.mean, std=TINY.contract.std, seed=0)
    save_checkpoint(
        tmp_path / "run/best", weights=detector.state_dict(), loop=None, progress=Progress(), recipe=to_dict(TINY)
    )  # fmt: skip
    return tmp_path / "run"


def manifest(path, **colours):
    """Ten people each in dev and test: bona fide in blue, attacks of species in colours."""
    lines = ["path,label,species,subject,split,source,licence"]
    for split in ("dev", "test"):
        for number in range(PEOPLE):
            for species, colour in {"bonafide": BLUE, **colours}.items():
                shade = tuple(min(255, max(0, value + number)) for value in colour)
                name = f"{split}{number}-{species}.png"
                paint(path.parent / name, shade)
                label = "bonafide" if species == "bonafide" else "attack"
                lines.append(f"{name},{label},{species},{split}{number},{split},made,CC0-1.0")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_species_of_dev_are_told_in_card_and_verdicts(bonaface, run, tmp_path):
    data = manifest(tmp_path / "data.csv", print=RED, replay=GREEN)
    answer = bonaface("export", run, tmp_path / "bundle", "--data", data)
    assert answer.code == 0
    assert "species: 100% of 20 dev attacks told right (50% by chance)" in answer.out
    card = json.loads((tmp_path / "bundle/bundle.json").read_text())
    assert (card["told_species"]["names"], card["told_species"]["people"]) == (["print", "replay"], 10)
    assert "print, replay: 100% of 20 attacks told right" in (tmp_path / "bundle/CARD.md").read_text()
    picture = tmp_path / "test3-replay.png"
    found = json.loads(bonaface("check", picture, "--json", "--bundle", tmp_path / "bundle").out)
    if found["outcome"] == "attack":
        assert max(found["species_scores"], key=found["species_scores"].get) == "replay"
        assert sum(found["species_scores"].values()) == pytest.approx(1, abs=1e-5)
    else:
        assert found["species_scores"] == {}


def test_another_manifest_may_tell_the_species(bonaface, run, tmp_path):
    data = manifest(tmp_path / "data.csv", print=RED)
    other = manifest(tmp_path / "other/more.csv", faceswap=RED, morph=GREEN)
    answer = bonaface("export", run, tmp_path / "bundle", "--data", data, "--species-data", other)
    assert answer.code == 0
    card = json.loads((tmp_path / "bundle/bundle.json").read_text())
    assert card["told_species"]["names"] == ["faceswap", "morph"]


def test_one_species_is_not_told_apart(bonaface, run, tmp_path):
    data = manifest(tmp_path / "data.csv", print=RED)
    answer = bonaface("export", run, tmp_path / "bundle", "--data", data)
    assert answer.code == 0
    assert f"species are not told apart: {data} has no two of 10 people or more in dev" in answer.out
    card = json.loads((tmp_path / "bundle/bundle.json").read_text())
    assert card["told_species"] is None
    assert "species_scores" not in card["self_test"] or card["self_test"]["species_scores"] == []


def test_another_manifest_may_calibrate(bonaface, run, tmp_path):
    """The calibration is the other manifest's, to the last digit; threshold and report are those of --data."""
    data = manifest(tmp_path / "data.csv", print=RED)
    other = manifest(tmp_path / "other/more.csv", faceswap=RED, morph=GREEN)
    cards = {}
    for name, words in {
        "own": ["--data", data],
        "others": ["--data", data, "--calibration-data", other],
        "only": ["--data", other],
    }.items():
        assert bonaface("export", run, tmp_path / name, *words).code == 0
        cards[name] = json.loads((tmp_path / name / "bundle.json").read_text())
    assert cards["others"]["family_scales"] == cards["only"]["family_scales"]
    assert (
        cards["others"]["family_offsets"] == cards["only"]["family_offsets"] != cards["own"]["family_offsets"]
    )
    report = json.loads((tmp_path / "others/report.json").read_text())
    assert "print" in json.dumps(report) and "morph" not in json.dumps(report)


@pytest.mark.parametrize("option", ["--species-data", "--calibration-data"])
def test_what_is_fitted_wants_a_measured_bundle(bonaface, run, tmp_path, option):
    other = manifest(tmp_path / "more.csv", faceswap=RED, morph=GREEN)
    answer = bonaface("export", run, tmp_path / "bundle", option, other)
    assert answer.code == 2
    assert not (tmp_path / "bundle").exists()


def test_a_manifest_without_attacks_in_dev(bonaface, run, tmp_path):
    data = manifest(tmp_path / "data.csv", print=RED)
    other = manifest(tmp_path / "other/none.csv")
    answer = bonaface("export", run, tmp_path / "bundle", "--data", data, "--species-data", other)
    assert answer.sentence == (
        f"{other} must have dev rows of attacks, which species are told apart by; it has none"
    )
