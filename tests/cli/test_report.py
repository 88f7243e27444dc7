from __future__ import annotations

import json

import pytest

from bonaface.evaluation.report_file import read_report

HEADER = "sample,label,species,subject,split,attack_score,reason"
SUBJECTS = 20


def score_table(path, *, missed: int, header=HEADER, prefix=""):
    """On dev both classes apart about 0.5; on test `missed` of 20 prints pass, and no bona fide row is rejected."""
    lines = [header, f"{prefix}d0,bonafide,bonafide,a,dev,0.2,", f"{prefix}d1,attack,print,b,dev,0.8,"]
    for i in range(SUBJECTS):
        lines.append(f"{prefix}b{i},bonafide,bonafide,s{i},test,{0.01 * i:.2f},")
        lines.append(f"{prefix}p{i},attack,print,s{i},test,{0.3 if i < missed else 0.9},")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_two_score_tables_side_by_side(bonaface, tmp_path):
    good, poor = (score_table(tmp_path / f"{name}.csv", missed=n) for name, n in (("good", 0), ("poor", 12)))
    answer = bonaface("report", good, poor, "--out", tmp_path / "both.json", "--replicates", 200)
    assert answer.code == 0
    row = next(line.split() for line in answer.out.splitlines() if line.startswith("APCER pooled"))
    assert row[2:8] == ["0.00", "%", "60.00", "%", "-60.00", "%"]
    assert row[-1] == "good"
    assert next(line for line in answer.out.splitlines() if line.startswith("BPCER")).endswith("within noise")
    # 12 of 12 for one side: 2 * 0.5^12
    assert "wrong alone: good 0, poor 12 of 40 samples; McNemar p = below 0.001" in answer.out
    plain = json.loads((tmp_path / "both.json").read_text())
    assert plain["names"] == ["good", "poor"]
    assert plain["mcnemar"]["p_value"] == pytest.approx(2 * 0.5**12)
    assert plain["differences"]["auc"]["better"] is None  # both rank perfectly


def test_the_same_twice_is_noise(bonaface, tmp_path):
    scores = score_table(tmp_path / "one.csv", missed=3)
    answer = bonaface("report", scores, scores, "--replicates", 20)
    assert answer.out.splitlines()[-1] == "no difference is larger than noise"
    assert "first" in answer.out


def test_folders_of_evaluations(bonaface, tmp_path):
    for name, missed in (("a", 0), ("b", 2)):
        scores = score_table(tmp_path / f"{name}.csv", missed=missed)
        assert bonaface("evaluate", scores, "--out", tmp_path / name, "--replicates", 0).code == 0
    assert read_report(tmp_path / "a/report.json").scores == "../a.csv"
    answer = bonaface("report", tmp_path / "a", tmp_path / "b", "--replicates", 20)
    assert answer.code == 0
    assert "wrong alone: a 0, b 2 of 40 samples" in answer.out


def test_what_can_not_be_compared(bonaface, tmp_path):
    scores = score_table(tmp_path / "one.csv", missed=3)
    other = score_table(tmp_path / "two.csv", missed=3, prefix="x")
    assert bonaface("report", scores, other).sentence.startswith(
        "two systems must have the same samples; 'b0' is in one table only"
    )
    assert bonaface("report", scores, tmp_path / "none").sentence == (
        f"a report must be a file; {tmp_path / 'none/report.json'} is none; run: bonaface evaluate"
    )
    dev = tmp_path / "dev.csv"
    dev.write_text("\n".join(scores.read_text().splitlines()[:3]) + "\n")
    assert bonaface("report", dev, dev).sentence.startswith("scores must have rows of test to be compared on")


def test_a_report_without_scores(bonaface, tmp_path):
    bonaface(
        "evaluate", score_table(tmp_path / "one.csv", missed=3), "--out", tmp_path / "a", "--replicates", 0
    )
    plain = json.loads((tmp_path / "a/report.json").read_text())
    (tmp_path / "a/report.json").write_text(json.dumps({**plain, "scores": None}))
    assert bonaface("report", tmp_path / "a", tmp_path / "a").sentence == (
        f"{tmp_path / 'a/report.json'} must name its scores; it does not; give the score table itself"
    )


def test_presentations_of_both(bonaface, tmp_path):
    lines = [HEADER + ",video"]
    for i, (label, species, split, score) in enumerate(
        (label, species, split, score)
        for split in ("dev", "test")
        for label, species, score in (("bonafide", "bonafide", 0.1), ("attack", "print", 0.9))
    ):
        lines += [f"{i}{frame},{label},{species},s{i},{split},{score},,v{i}" for frame in "ab"]
    path = tmp_path / "frames.csv"
    path.write_text("\n".join(lines) + "\n")
    answer = bonaface("report", path, path, "--presentations", "video", "--replicates", 20)
    assert "of 2 samples" in answer.out
    assert bonaface("report", path, path, "--frames", "max").sentence.startswith(
        "--frames must come with --presentations; got --frames max alone"
    )


def test_the_comparison_does_not_replace_what_it_compares(bonaface, tmp_path):
    first, second = (
        score_table(tmp_path / name, missed=n) for n, name in enumerate(("v-1.0.csv", "v-1.1.csv"))
    )
    before = first.read_bytes()
    assert bonaface("report", first, second, "--out", first).sentence == (
        f"--out must be another file than {first}; it is the same; name a new one"
    )
    assert first.read_bytes() == before


def test_folders_with_a_version_keep_their_names(bonaface, tmp_path):
    for name in ("ev-1.0", "ev-1.1"):
        scores = score_table(tmp_path / f"{name}.csv", missed=1)
        bonaface("evaluate", scores, "--out", tmp_path / name, "--replicates", 0)
    answer = bonaface("report", tmp_path / "ev-1.0", tmp_path / "ev-1.1", "--replicates", 20)
    assert "wrong alone: ev-1.0 0, ev-1.1 0" in answer.out


def test_a_report_that_was_made_otherwise_is_told(bonaface, tmp_path):
    """Its own threshold lets all prints pass that the rule here finds."""
    first = score_table(tmp_path / "a.csv", missed=1)
    second = score_table(tmp_path / "b.csv", missed=2)
    for name, table, words in (("fixed", first, ("--rule", "fixed=0.95")), ("plain", second, ())):
        assert bonaface("evaluate", table, "--out", tmp_path / name, *words).code == 0
    answer = bonaface("report", tmp_path / "fixed", tmp_path / "plain", "--replicates", 50)
    assert (
        f"note: the report in {tmp_path / 'fixed'} is by --rule fixed=0.95, and its rates differ"
        in answer.err
    )
    assert str(tmp_path / "plain") not in answer.err
    assert answer.out.count(": threshold 0.") == 2
    assert "note: the report" not in bonaface("report", first, second, "--replicates", 50).err


def test_a_file_of_another_kind_is_not_written_over(bonaface, tmp_path):
    first, second = (score_table(tmp_path / f"{name}.csv", missed=1) for name in "ab")
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"a picture")
    answer = bonaface("report", first, second, "--out", photo)
    assert answer.sentence == (
        f"--out must be a new file, or one that ends in .json; {photo} is there and does not; name a new one"
    )
    assert photo.read_bytes() == b"a picture"
