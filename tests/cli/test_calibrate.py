from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
from scipy.special import expit

from bonaface.evaluation.score_calibration import METHODS, from_json

HEADER = "sample,label,species,subject,split,attack_score,reason,device"
# By hand: dev parts the classes at log-odds -2 and 2, so platt is log(10) / 2 times the log-odds (nine rows a class).
LOW, HIGH = (float(expit(z)) for z in (-2, 2))
DEV = [("bonafide", "dev", LOW)] * 9 + [("print", "dev", HIGH)] * 9
TEST = [
    ("bonafide", "test", LOW),
    ("bonafide", "test", 0.5),
    ("print", "test", HIGH),
    ("print", "test", None),
]


def score_table(path, rows):
    lines = [HEADER]
    for i, (species, split, score) in enumerate(rows):
        label = "bonafide" if species == "bonafide" else "attack"
        known = f"{score}," if score is not None else ",no_face"
        lines.append(f"{i},{label},{species},s{i},{split},{known},phone")
    path.write_text("\n".join(lines) + "\n")
    return path


def scores_of(path):
    return [float(row["attack_score"] or "nan") for row in csv.DictReader(path.read_text().splitlines())]


def figures(answer):
    """Numbers of the table by title and name."""
    found, title = {}, ""
    for line in answer.out.splitlines():
        name, *numbers = [part for part in line.split("  ") if part.strip()]
        title = name.strip() if not numbers else title
        found[title, name.strip()] = [part.strip() for part in numbers]
    return found


def test_platt_by_hand(bonaface, tmp_path):
    out = tmp_path / "out"
    rows = [*DEV, *TEST, ("print", "train", 0.5)]
    answer = bonaface("calibrate", score_table(tmp_path / "scores.csv", rows), "--out", out)
    assert answer.code == 0
    found = scores_of(out / "scores.csv")
    assert found[:18] == pytest.approx([1 / 11] * 9 + [10 / 11] * 9)
    assert found[18:21] == pytest.approx([1 / 11, 0.5, 10 / 11])
    assert math.isnan(found[21])
    assert found[22] == pytest.approx(0.5)
    assert (out / "scores.csv").read_text().startswith(HEADER.removesuffix(",device"))
    written = from_json(json.loads((out / "calibration.json").read_text()))
    assert (written.method, written.num_bonafide, written.num_attacks) == ("platt", 9, 9)
    assert written.curve.scale == pytest.approx(math.log(10) / 2)
    table = figures(answer)
    # Test after: attacks cost log2(11/10), bona fide rows the mean of log2(11/10) and 1.
    bits = math.log2(1.1)
    assert table["on test", "Cllr, bits"][1:] == [f"{(bits + (bits + 1) / 2) / 2:.4f}", "1.0000"]
    # 0.5 is a block of its own, of a bona fide row alone: nothing is lost by the order.
    assert table["on test", "min Cllr, bits"] == ["0.0000", "0.0000", "1.0000"]
    assert table["on test", "Brier score"][1:] == [f"{1 / 242 + 1 / 484 + 1 / 16:.4f}", "0.2500"]
    # On dev every score is 1/11 from its row's truth: so far is the mean of its bin, too.
    assert table["on dev, where it was fitted", "ECE"] == [f"{LOW:.4f}", f"{1 / 11:.4f}", "0.0000"]
    assert "platt: log-odds times 1.151, plus " in answer.out
    assert "; from 9 bona fide and 9 attack dev rows" in answer.out
    assert answer.out.splitlines()[-2:] == [
        f"wrote {out / 'scores.csv'} and {out / 'calibration.json'}",
        f"next: bonaface evaluate {out / 'scores.csv'} (a threshold of the old scores does not hold for the new)",
    ]
    assert answer.err.splitlines() == [
        "note: dev has 9 bona fide rows with a score, fewer than 30: the calibration is a rough one",
        "note: dev has 9 attacks with a score, fewer than 30: the calibration is a rough one",
        "note: dev parts the classes without an error: how sure a score may be is taken from its number of rows alone",
    ]


def many_rows():
    generator = np.random.default_rng(0)
    for split in ("dev", "test"):
        for species, middle in (("bonafide", -1), ("print", 1), ("replay", 2)):
            yield from ((species, split, s) for s in expit(3 * generator.normal(middle, 1, 100) + 2).tolist())


@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_scores_better(bonaface, tmp_path, method):
    source = score_table(tmp_path / "scores.csv", many_rows())
    answer = bonaface("calibrate", source, "--method", method, "--out", tmp_path / "out")
    assert (answer.code, answer.err) == (0, "")
    table = figures(answer)
    for title in ("on test", "on dev, where it was fitted"):
        # A temperature does not cure scores that lean to one side.
        for name in ("Brier score", "Cllr, bits", *(["ECE"] if method != "temperature" else [])):
            before, after, _ = map(float, table[title, name])
            assert after < before
    assert ("knots" in answer.out) is (method == "isotonic")


def test_certain_errors_are_told(bonaface, tmp_path):
    rows = [*many_rows(), ("print", "test", 0.0), ("bonafide", "test", 1.0)]
    answer = bonaface("calibrate", score_table(tmp_path / "scores.csv", rows), "--out", tmp_path / "out")
    assert figures(answer)["on test", "Cllr, bits"][0] == "inf"
    assert math.isfinite(float(figures(answer)["on test", "Cllr, bits"][1]))
    assert answer.err == (
        "note: before, 2 test rows are wrong at a score of exactly 0 or 1: Cllr is infinite\n"
    )


def test_without_test_rows_dev_is_shown_alone(bonaface, tmp_path):
    answer = bonaface("calibrate", score_table(tmp_path / "s.csv", DEV), "--out", tmp_path / "out")
    assert answer.code == 0
    assert "on test" not in answer.out
    assert answer.err.splitlines()[0] == (
        "note: on test nothing can be measured: both classes must have a row with a score; "
        "got 0 bona fide and 0 attack; add the missing class"
    )
    assert len(scores_of(tmp_path / "out/scores.csv")) == 18


@pytest.mark.parametrize("name", ["scores.csv", "calibration.json"])
def test_the_scores_are_not_replaced(bonaface, tmp_path, monkeypatch, name):
    source = score_table(tmp_path / name, DEV)
    text = source.read_text()
    (tmp_path / "linked").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    for out in (tmp_path, ".", "linked"):
        assert bonaface("calibrate", source, "--out", out).sentence == (
            f"--out must be another folder than that of the scores; {source} would be replaced; name a new one"
        )
    assert source.read_text() == text
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["linked", name])


def test_an_earlier_result_is_replaced(bonaface, tmp_path):
    source = score_table(tmp_path / "s.csv", DEV)
    for _ in range(2):
        assert bonaface("calibrate", source, "--out", tmp_path / "out").code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["calibration.json", "scores.csv"]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (TEST, "dev must have both classes with a score to calibrate on; got 0 bona fide and 0 attack; add the missing class"),
        (DEV[:9], "dev must have both classes with a score to calibrate on; got 9 bona fide and 0 attack; add the missing class"),
        ([("bonafide", "dev", 0.5), ("print", "dev", 0.5)], "dev scores must differ to be calibrated; all are 0.5; check the detector"),
        ([("bonafide", "dev", 0.9), ("print", "dev", 0.1)],
         "dev attacks must score higher than dev bona fide rows to be calibrated; the best fit is flat or turns them "
         "round; check that 1 means attack"),
    ],
)  # fmt: skip
def test_scores_that_can_not_be_calibrated(bonaface, tmp_path, rows, sentence):
    answer = bonaface("calibrate", score_table(tmp_path / "s.csv", rows), "--out", tmp_path / "out")
    assert answer.sentence == sentence
    assert not (tmp_path / "out").exists()


def test_other_words_are_refused(bonaface, tmp_path):
    source = score_table(tmp_path / "s.csv", DEV)
    assert bonaface("calibrate", source, "--method", "isotnic").sentence.endswith(
        "got 'isotnic'; did you mean 'isotonic'?"
    )
    assert bonaface("calibrate", tmp_path / "no.csv").sentence.startswith("a score table must be a file")
    assert bonaface("calibrate", source, "--out", source).sentence == (
        f"{source} can not be read or written as asked (File exists); choose another place"
    )
