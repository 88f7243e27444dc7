"""`bonaface adjust`: from a folder of captures to a bundle with a threshold of one's own."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bonaface.bundle import read_card
from bonaface.data.manifest import read_manifest
from bonaface.inference.gate import load
from faces.portraits import astronaut

from .conftest import paint

pytestmark = pytest.mark.usefixtures("middle")

REDNESS = range(60, 180, 12)
"""Mean red of ten captures: to a tiny bundle their scores, from 0.24 to 0.66, in steps of 255."""


@pytest.fixture
def captures(tmp_path):
    """Ten genuine people of other redness, one of whom the tiny bundle's threshold, 0.5, lets pass by little; and no face."""
    folder = tmp_path / "captures"
    folder.mkdir()
    face = astronaut()[20:180, 140:300].astype(np.int16)
    for red in REDNESS:
        picture = face.copy()
        picture[..., 0] += red - round(picture[..., 0].mean())
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / f"{red:03}.png")
    paint(folder / "dark.png", (0, 0, 0))
    return folder


@pytest.fixture
def call(bonaface, tiny, captures, tmp_path):
    def adjusted(*words, source=captures, out="own"):
        return bonaface("adjust", source, tmp_path / out, "--bundle", tiny, "--species", "print", *words)

    return adjusted


def test_captures_become_a_threshold(call, tmp_path):
    """Two of ten may be turned away: above the eighth score, up to the ninth or to an attack's that lies between."""
    answer = call("--rule", "bpcer=0.2")
    assert answer.code == 0
    card = read_card(tmp_path / "own")
    crops = [load(tmp_path / "own")(tmp_path / f"captures/{red:03}.png") for red in REDNESS]
    scores = sorted(verdict.attack_score for verdict in crops)
    assert scores[7] < card.threshold.value < scores[8]
    assert sum(verdict.outcome == "attack" for verdict in crops) == 2
    assert "BPCER" in answer.out
    assert "20.00 %  2 of 10" in answer.out
    assert "APCER print" in answer.out
    assert f"an attack from {card.threshold.value:.4f} on" in answer.out
    assert "1 genuine captures and 0 attacks have no score (no_face 1)" in answer.err


def test_the_same_again_judges_nothing_anew(call, tmp_path, monkeypatch):
    first = call("--rule", "bpcer=0.2")
    monkeypatch.setattr("bonaface.inference.gate.Gate.judge", None)
    again = call("--rule", "bpcer=0.3")
    assert (first.code, again.code) == (0, 0)
    assert "30.00 %  3 of 10" in again.out


def test_own_attacks_count_and_test_rows_do_not(call, captures, tmp_path):
    lines = ["path,label,species,subject,split"]
    lines += [f"{red:03}.png,bonafide,bonafide,s{red},{'dev' if red < 150 else 'test'}" for red in REDNESS]
    lines.append("168.png,attack,replay,s168,dev".replace("168.png", "../attack.png").replace("s168", "s60"))
    paint(tmp_path / "attack.png", (250, 250, 250))
    (captures / "list.csv").write_text("\n".join(lines) + "\n")
    answer = call("--rule", "bpcer=0.25", source=captures / "list.csv")
    assert answer.code == 0
    assert "25.00 %  2 of 8" in answer.out
    assert "APCER replay" in answer.out
    judged = read_manifest(tmp_path / "own-captures/manifest.csv")
    assert not {row.subject for row in judged.rows} & {"s156", "s168"}
    assert [row.species.name for row in judged.rows].count("print") == 8


def test_too_few_captures(call, tmp_path):
    """Said before anything is made; and of ten captures and one without a face, after they were looked at."""
    said = "at least {} genuine captures with a face must be there for a BPCER of {} %; got {}; add some, or allow more"
    assert call().sentence == said.format(20, "5.00", 11)
    assert list(tmp_path.iterdir()) == [tmp_path / "captures"]
    assert call("--rule", "bpcer=0.095").err.endswith(f"error {said.format(11, '9.50', 10)}\n")
    assert not (tmp_path / "own").exists()


def test_a_folder_of_pictures_is_not_written_over(call, captures, tmp_path, monkeypatch):
    """Said before anything is judged."""
    monkeypatch.setattr("bonaface.inference.gate.Gate.judge", None)
    before = sorted(captures.iterdir())
    assert "must be a new folder" in call("--rule", "bpcer=0.2", out="captures").sentence
    assert sorted(captures.iterdir()) == before


def test_no_such_rule(call):
    assert "a threshold rule must be one of" in call("--rule", "bcper=0.1").sentence


def test_nothing_to_choose_by(call, captures):
    (captures / "list.csv").write_text("path,label,species,subject,split\n060.png,bonafide,bonafide,a,test\n")
    assert "must have bonafide rows of dev" in call(source=captures / "list.csv").sentence
    assert "does not exist" in call(source=captures / "nowhere").sentence


def test_no_attacks_at_all(call):
    answer = call("--species", "", "--rule", "bpcer=0.2")
    assert answer.sentence == (
        "attacks must be there to see what a threshold costs; got genuine captures alone and no --species; name some"
    )


def test_captures_of_one_person_are_no_people(call, captures):
    for path in sorted(captures.glob("*.png")):
        (captures / "ann").mkdir(exist_ok=True)
        path.rename(captures / "ann" / path.name)
    answer = call("--rule", "bpcer=0.2")
    assert answer.code == 0
    assert "10 captures of 1 people: the intervals take captures as independent" in answer.err


def test_captures_of_a_person_together(call, bonaface, captures, tmp_path):
    """Five people with two captures each, one of them dark; of five presentations one may be turned away: the darkest is redder."""
    for at, red in enumerate(REDNESS):
        place = captures / f"person{at % 5}"
        place.mkdir(exist_ok=True)
        (captures / f"{red:03}.png").rename(place / f"{red:03}.png")
    (captures / "dark.png").unlink()
    assert call("--together", "--rule", "bpcer=0.15").sentence.endswith("got 5; add some, or allow more")
    answer = call("--together", "--rule", "bpcer=0.2")
    assert answer.code == 0
    assert "20.00 %  1 of 5" in answer.out
    assert "independent" not in answer.err
    card = read_card(tmp_path / "own")
    assert "several of each judged together" in card.notes[-1]
    gate = load(tmp_path / "own")
    people = [gate.presentation(sorted((captures / f"person{at}").glob("*.png"))) for at in range(5)]
    assert [verdict.outcome.value for verdict in people].count("attack") == 1
    assert sorted(verdict.attack_score for verdict in people)[-2] < card.threshold.value


def test_attacks_are_not_made_among_the_captures(call, captures):
    answer = call("--work", captures, "--rule", "bpcer=0.2")
    assert "what is made there would be taken for its pictures" in answer.sentence
    assert len(list(captures.rglob("*.png"))) == len(REDNESS) + 1


def test_a_bundle_goes_to_where_one_stands(bonaface, captures, tiny, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    answer = bonaface("adjust", captures, ".", "--bundle", tiny, "--species", "print", "--rule", "bpcer=0.2")
    assert answer.code == 0
    assert read_card(here).threshold.split == "dev"
    assert (tmp_path / "here-captures/manifest.csv").is_file()


def test_a_fixed_threshold_beyond_one_is_refused_before_the_judging(call, tmp_path):
    assert "got 1.5" in call("--rule", "fixed=1.5").sentence
    assert not (tmp_path / "own-captures/attacks").exists()


def test_a_threshold_stricter_than_the_bundles_own_is_told(call):
    """Half of the captures lie at or above the tiny bundle's 0.5 already."""
    assert (
        "stricter than before: bpcer=0.9 allows a lower threshold than the bundle's own, 0.5000"
        in call("--rule", "bpcer=0.9").err
    )
    assert "stricter" not in call("--rule", "bpcer=0.1", out="milder").err
