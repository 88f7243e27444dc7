from __future__ import annotations

import json
import re
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from bonaface.evaluation.alterations import ALTERATIONS, Alteration
from bonaface.evaluation.causal_probe import causal_probe
from bonaface.evaluation.robustness import from_json
from bonaface.evaluation.scores import read_scores

from .conftest import BLUE, RED, MiddleFinder, paint

SUBJECTS = 3


@pytest.fixture
def manifest(tmp_path):
    """Three subjects of test, each bona fide (blue) and printed (red); one bona fide picture without a face."""
    lines = ["path,label,species,subject,split,device"]
    for i in range(SUBJECTS):
        paint(tmp_path / f"s{i}.png", (0, 0, 0) if i == 2 else BLUE)
        paint(tmp_path / f"s{i}-print.png", RED)
        device = "phone" if i else "laptop"
        lines.append(f"s{i}.png,bonafide,bonafide,s{i},test,{device}")
        lines.append(f"s{i}-print.png,attack,print,s{i},test,{device}")
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join([*lines, "dev.png,bonafide,bonafide,d,dev,phone"]) + "\n")
    return path


@pytest.fixture
def looks(monkeypatch, middle):
    """The pictures that the finder has looked at, and a stop after some."""
    seen = {"count": 0, "stop_at": -1}
    usual = MiddleFinder.find

    def find(self, picture):
        if seen["count"] == seen["stop_at"]:
            raise KeyboardInterrupt
        seen["count"] += 1
        return usual(self, picture)

    monkeypatch.setattr(MiddleFinder, "find", find)
    return seen


@pytest.fixture
def call(bonaface, tiny, manifest, looks, tmp_path):
    """`bonaface stress` on the manifest with the tiny bundle, for which red is an attack."""

    def stressed(*words, out="out"):
        return bonaface("stress", manifest, "--bundle", tiny, "--out", tmp_path / out, *words)

    return stressed


def tables_of(out):
    return {path.stem: read_scores(path) for path in out.glob("scores-*/*.csv")}


def result_of(out):
    return from_json(json.loads((out / "robustness.json").read_text()))


def test_darkness_hides_red(call, tmp_path):
    """Red prints score 220 / 255 = 0.86 and blue faces 0.24. Three EV leave an eighth of the light: about 0.33 of red."""
    answer = call("--kinds", "darker,jpeg")
    assert answer.code == 0
    tables = tables_of(tmp_path / "out")
    assert set(tables) == {"as_is", *(f"{kind}-{i}" for kind in ("darker", "jpeg") for i in range(1, 6))}
    reds = [tables[name].attack_score[1] for name in ("as_is", *(f"darker-{i}" for i in range(1, 6)))]
    assert reds[0] == pytest.approx(220 / 255)
    assert np.all(np.diff(reds) < -0.02)
    assert reds[-1] == pytest.approx(0.33, abs=0.01)
    result = result_of(tmp_path / "out")
    darker, jpeg = result.curves
    assert (result.bundle, result.split, result.rows) == ("tiny 1", "test", 6)
    assert (darker.kind, darker.unit, darker.severities) == ("darker", "EV less", (0, 0.5, 1, 1.5, 2, 3))
    assert darker.values("apcer_pooled") == (0, 0, 0, 0, 1, 1)  # 2 EV: 0.457 of red
    assert darker.values("bpcer") == (0,) * 6
    assert darker.values("auc") == (1,) * 6
    assert darker.areas.apcer_pooled == pytest.approx((0.5 / 2 + 1) / 3)
    assert jpeg.severities == (100, 90, 70, 50, 30, 10)
    assert jpeg.values("acer_pooled") == (0,) * 6
    assert [(point.bpnrr.errors, point.bpnrr.total) for point in darker.points] == [(1, 3)] * 6


def test_what_only_this_change_does(call, tmp_path):
    call("--kinds", "darker", "--by", "device", "--threshold", "0.3")
    result, tables = result_of(tmp_path / "out"), tables_of(tmp_path / "out")
    assert result.curves[0].threshold == 0.3
    assert [(one.kind, one.severity) for one in result.probes] == [
        ("darker", severity) for severity in (0.5, 1, 1.5, 2, 3)
    ]
    for i, one in enumerate(result.probes, 1):
        expected = causal_probe(tables["as_is"], tables[f"darker-{i}"], 0.3, by="device")
        assert repr(one.probe) == repr(expected)
        assert list(one.probe.groups) == ["laptop", "phone"]
    assert (one.probe.bonafide.pairs, one.probe.bonafide.unpaired) == (2, 1)
    assert one.probe.attack.attack_score.mean < -0.5


def test_what_is_said(call, tmp_path):
    answer = call("--kinds", "darker")
    lines = [re.split(r"  +", line.strip()) for line in answer.out.splitlines()]
    assert lines[0] == ["darker, EV less", "as is", "0.5", "1", "1.5", "2", "3", "mean"]
    assert lines[1] == ["AUC", *["1.000"] * 7]
    assert lines[2] == ["APCER pooled, %", "0.0", "0.0", "0.0", "0.0", "100.0", "100.0", "41.7"]
    assert lines[4] == ["BPCER, %", *["0.0"] * 7]
    assert lines[6] == ["no answer", *["1"] * 6]
    assert lines[8] == ["only this", "bona fide scores", "flipped", "attack scores", "flipped"]
    assert (lines[9][0], lines[9][2], lines[9][4]) == ("darker 3", "0 of 2", "3 of 3")
    assert answer.out.splitlines()[-2:] == [
        "6 pictures of test, threshold 0.5000; counts and intervals of all rates are in the file",
        f"wrote {tmp_path / 'out/robustness.json'}",
    ]
    assert answer.err == ""


def test_a_class_that_is_not_there(call, manifest, tmp_path):
    rows = [line for line in manifest.read_text().splitlines() if "print" not in line]
    manifest.write_text("\n".join(rows) + "\n")
    answer = call("--kinds", "darker")
    assert answer.code == 0
    assert answer.err.splitlines()[0] == (
        "note: no attack has a score under darker at 0 EV less: APCER, ACER and AUC are not known there, "
        "nor are the areas under their curves"
    )
    assert re.search(r"^AUC *$", answer.out, re.MULTILINE)


def test_no_answer_as_it_is_is_none_under_any_alteration(call, tmp_path):
    call("--kinds", "noise,tighter")
    for table in tables_of(tmp_path / "out").values():
        assert dict(zip(table.sample, table.reason, strict=True))["s2.png"] == "no_face"
        assert table.has_score.sum() == 5


def test_a_face_is_not_too_small_for_being_cut_tighter(call, tmp_path):
    """The gate takes faces from 48 px; these have 56, of which a tight crop leaves 39."""
    for i in range(SUBJECTS):
        for name, colour in ((f"s{i}.png", BLUE), (f"s{i}-print.png", RED)):
            Image.fromarray(np.full((96, 96, 3), colour, np.uint8)).save(tmp_path / name)
    call("--kinds", "tighter")
    assert all(table.has_score.all() for table in tables_of(tmp_path / "out").values())


def test_a_crop_that_leaves_the_picture_is_no_answer(call, tmp_path, monkeypatch):
    monkeypatch.setitem(
        ALTERATIONS,
        "box_jitter",
        Alteration(
            "box_jitter", "face sides", 0, (1, 2, 3, 4, 9), "far off",
            lambda picture, box, severity, _: (picture, box.shifted(severity * box.side, 0)),
        ),
    )  # fmt: skip
    call("--kinds", "box_jitter")
    tables = tables_of(tmp_path / "out")
    assert tables["box_jitter-1"].has_score.sum() == 5
    assert set(tables["box_jitter-5"].reason.tolist()) == {"no_face"}


def test_a_stopped_run_goes_on_and_ends_the_same(call, looks, tmp_path):
    assert call("--kinds", "noise,blur", out="whole").code == 0
    assert looks["count"] == 6
    looks.update(count=0, stop_at=4)
    assert call("--kinds", "noise,blur").code == 130
    assert not (tmp_path / "out/robustness.json").exists()
    looks["stop_at"] = -1
    assert call("--kinds", "noise,blur").code == 0
    assert looks["count"] == 6
    for path in (tmp_path / "whole").rglob("*.*"):
        assert (tmp_path / "out" / path.relative_to(tmp_path / "whole")).read_bytes() == path.read_bytes()


def test_what_is_judged_is_not_judged_again(call, looks, tmp_path):
    call("--kinds", "noise")
    first = (tmp_path / "out/robustness.json").read_bytes()
    call("--kinds", "noise")
    assert looks["count"] == 6
    assert (tmp_path / "out/robustness.json").read_bytes() == first
    call("--kinds", "noise,blur")  # another kind: each picture is looked at once more
    assert looks["count"] == 12


def test_a_changed_manifest_has_tables_of_its_own(call, looks, manifest, tmp_path):
    call("--kinds", "noise")
    manifest.write_text(manifest.read_text().replace("phone", "camera"))
    call("--kinds", "noise")
    assert looks["count"] == 12
    assert len(list((tmp_path / "out").glob("scores-*"))) == 2


def test_a_limit_draws_the_same_rows_of_each_species(call, looks, tmp_path):
    call("--kinds", "blur", "--limit", "1")
    few = tables_of(tmp_path / "out")["as_is"]
    assert sorted(few.species.tolist()) == ["bonafide", "print"]
    call("--kinds", "blur", "--limit", "2")
    more = tables_of(tmp_path / "out")["as_is"]
    assert len(more) == looks["count"] == 4
    assert set(few.sample.tolist()) < set(more.sample.tolist())
    call("--kinds", "blur", "--limit", "1")
    assert looks["count"] == 4
    assert result_of(tmp_path / "out").rows == 2


def test_scores_are_those_of_the_same_draws(call, tiny, tmp_path):
    """What is drawn comes from the picture's name alone: another folder, the same bars."""
    rng = np.random.default_rng(2)
    for i in range(SUBJECTS):
        Image.fromarray(rng.integers(0, 256, (128, 128, 3), np.uint8)).save(tmp_path / f"s{i}.png")
    call("--kinds", "occlusion", out="a")
    call("--kinds", "occlusion", out="b")
    first, again = (tables_of(tmp_path / out)["occlusion-3"] for out in "ab")
    assert first.attack_score.tolist() == again.attack_score.tolist()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--kinds", "jpg"), "got 'jpg'; did you mean 'jpeg'?"),
        (("--kinds", "jpeg,"), "got ''; leave it out"),
        (("--split", "tst"), "--split must be of train, dev, test; got 'tst'; did you mean 'test'?"),
        (("--by", "devise"), "--by must be of device; got 'devise'; did you mean 'device'?"),
        (("--split", "train"), "manifest.csv must have train rows; it has none; check its column 'split'"),
        (("--split", "dev"), "dev.png; add them or leave their rows out"),
    ],
)
def test_unknown_words(call, words, sentence, tmp_path):
    assert call(*words).sentence.replace(f"{tmp_path}/", "").endswith(sentence)
    assert not (tmp_path / "out").exists()


def test_no_group_column(call, manifest):
    lines = [line.rpartition(",")[0] for line in manifest.read_text().splitlines()]
    manifest.write_text("\n".join(lines) + "\n")
    assert call("--by", "x").sentence == "--by must be of none; got 'x'; leave it out"


def test_a_picture_with_two_rows(call, manifest):
    line = manifest.read_text().splitlines()[1]
    manifest.write_text(manifest.read_text() + line + "\n")
    assert call().sentence == "every picture must have one row to be judged; 's0.png' has several"


def test_what_is_missing_is_said_before_the_judging(call, looks, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    assert call().sentence.endswith("install them with: pip install 'bonaface[report]'")
    assert looks["count"] == 0


def test_the_help_names_every_kind(bonaface):
    said = bonaface("stress", "--help").out
    for kind in ALTERATIONS:
        assert re.search(rf"\b{kind}\b", said), kind


def test_the_tables_are_score_tables(call, tmp_path):
    call("--kinds", "blur")
    (path,) = (tmp_path / "out").glob("scores-*/blur-1.csv")
    header = path.read_text().splitlines()[0]
    assert header == "sample,label,species,subject,split,attack_score,reason,device"


@pytest.fixture
def whole(tiny, tmp_path):
    """A tiny bundle that takes pictures whole."""
    shutil.copytree(tiny, tmp_path / "whole")
    card = json.loads((tiny / "bundle.json").read_text())
    card["contract"]["finder"] = "whole"
    (tmp_path / "whole/bundle.json").write_text(json.dumps(card))
    return tmp_path / "whole"


def test_what_only_moves_a_cut_says_nothing_of_a_bundle_that_cuts_none(call, whole, tmp_path):
    answer = call("--limit", "1", "--bundle", whole)
    assert answer.code == 0
    assert "left out: box_jitter, tighter, looser; this bundle takes pictures whole" in answer.err
    stems = {stem.rpartition("-")[0] for stem in tables_of(tmp_path / "out")}
    assert stems - {""} == set(ALTERATIONS) - {"box_jitter", "tighter", "looser"}
    refused = call("--kinds", "jpeg,tighter", "--bundle", whole, out="other")
    assert refused.sentence.startswith("--kinds must change what the model is shown; tighter does not")
