from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from bonaface.data.manifest import Manifest, Row
from bonaface.errors import ManifestError, ScoreError
from bonaface.evaluation.score_writer import ScoreWriter
from bonaface.evaluation.scoring import score_manifest
from bonaface.types import Box, Verdict
from bonaface.vocabulary import BONAFIDE, FAMILIES, SPECIES, Family, Outcome, Reason, Split

ROWS = (
    Row("a.png", BONAFIDE.label, BONAFIDE, "ann", Split.DEV, groups={"device": "phone"}),
    Row("b.png", SPECIES["print"].label, SPECIES["print"], "bob", Split.TEST),
    Row("c.png", BONAFIDE.label, BONAFIDE, "cy", Split.TEST, groups={"light": "dim"}),
)
MANIFEST = Manifest(ROWS, Path("faces"))


def verdict(score, reason=Reason.BELOW_THRESHOLD):
    families = {} if score is None else {Family.PHYSICAL: score, Family.DIGITAL: 0.125}
    outcome = Outcome.NO_DECISION if score is None else Outcome.BONAFIDE
    return Verdict(outcome, score, 0.5, reason, "", Box(0, 0, 1, 1), 1, "tiny 1", families)


class Judge:
    """Scores by path, and a list of what was asked."""

    def __init__(self, scores, *, stops_at=None):
        self.scores, self.stops_at, self.asked = scores, stops_at, []

    def __call__(self, path):
        if len(self.asked) == self.stops_at:
            raise KeyboardInterrupt
        self.asked.append(path)
        score = self.scores[path.name]
        return verdict(score, Reason.BELOW_THRESHOLD if score is not None else Reason.NO_FACE)


SCORES = {"a.png": 0.25, "b.png": None, "c.png": 1.0}


def test_every_row_with_its_score_or_its_reason(tmp_path):
    judge, advanced = Judge(SCORES), []
    table = score_manifest(judge, MANIFEST, tmp_path / "new/s.csv", on_row=lambda: advanced.append(1))
    assert judge.asked == [Path("faces/a.png"), Path("faces/b.png"), Path("faces/c.png")]
    assert len(advanced) == 3
    rows = list(csv.DictReader((tmp_path / "new/s.csv").read_text().splitlines()))
    assert [tuple(row.values()) for row in rows] == [
        ("a.png", "bonafide", "bonafide", "ann", "dev", "0.25", "", "0.25", "0.125", "phone", ""),
        ("b.png", "attack", "print", "bob", "test", "", "no_face", "", "", "", ""),
        ("c.png", "bonafide", "bonafide", "cy", "test", "1.0", "", "1.0", "0.125", "", "dim"),
    ]
    assert table.sample.tolist() == ["a.png", "b.png", "c.png"]
    assert table.has_score.tolist() == [True, False, True]
    assert list(table.groups) == ["device", "light"]


@pytest.mark.parametrize("stops_at", [0, 1, 2])
def test_a_stopped_run_goes_on_and_ends_the_same(tmp_path, stops_at):
    score_manifest(Judge(SCORES), MANIFEST, tmp_path / "whole.csv")
    stopped, rest = Judge(SCORES, stops_at=stops_at), Judge(SCORES)
    with pytest.raises(KeyboardInterrupt):
        score_manifest(stopped, MANIFEST, tmp_path / "s.csv")
    advanced = []
    score_manifest(rest, MANIFEST, tmp_path / "s.csv", on_row=lambda: advanced.append(1))
    assert len(stopped.asked) + len(rest.asked) == 3
    assert len(advanced) == 3
    assert (tmp_path / "s.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_finished_table_asks_nobody(tmp_path):
    first = score_manifest(Judge(SCORES), MANIFEST, tmp_path / "s.csv")
    nobody = Judge({})
    again = score_manifest(nobody, MANIFEST, tmp_path / "s.csv")
    assert nobody.asked == []
    assert again.attack_score.tolist()[::2] == first.attack_score.tolist()[::2]


def test_a_table_of_other_columns_is_left_alone(tmp_path):
    (tmp_path / "s.csv").write_text("path,liveness\na.png,0.5\n")
    with pytest.raises(ScoreError, match="to be continued"):
        score_manifest(Judge(SCORES), MANIFEST, tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text() == "path,liveness\na.png,0.5\n"


def test_a_picture_with_two_rows(tmp_path):
    """One row a presentation: the second would vanish without a word."""
    with pytest.raises(
        ManifestError, match=r"every picture must have one row to be judged; 'a\.png' has several"
    ):
        score_manifest(Judge(SCORES), Manifest((*ROWS, ROWS[0]), Path()), tmp_path / "s.csv")
    assert not (tmp_path / "s.csv").exists()


def test_a_picture_that_was_changed_since_is_judged_again_and_nothing_else(tmp_path):
    manifest = Manifest(ROWS, tmp_path)
    for row in ROWS:
        (tmp_path / row.path).write_bytes(b"old")
    path = tmp_path / "s.csv"
    score_manifest(Judge(SCORES), manifest, path)
    later = path.stat().st_mtime_ns + 10**9
    os.utime(tmp_path / "b.png", ns=(later, later))
    mended = Judge({"b.png": 0.75})
    table = score_manifest(mended, manifest, path)
    assert mended.asked == [tmp_path / "b.png"]
    assert dict(zip(table.sample.tolist(), table.attack_score.tolist(), strict=True)) == {
        "a.png": 0.25,
        "c.png": 1.0,
        "b.png": 0.75,
    }
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("reason", list(Reason))
def test_only_reasons_that_pass_are_asked_again(tmp_path, reason):
    asked = []

    def judge(path):
        asked.append(path.name)
        return verdict(None, reason)

    for _ in range(2):
        score_manifest(judge, MANIFEST, tmp_path / "s.csv")
    passes = reason in {Reason.NOT_FOUND, Reason.INTERNAL_ERROR}
    assert asked == ["a.png", "b.png", "c.png"] * (1 + passes)


def test_a_table_that_another_process_writes_is_left_alone(tmp_path):
    path = tmp_path / "s.csv"
    with ScoreWriter(path, groups=["device", "light"], families=FAMILIES):
        before = path.read_bytes()
        with pytest.raises(ScoreError) as error:
            score_manifest(Judge(SCORES), MANIFEST, path)
        assert path.read_bytes() == before
    assert str(error.value) == (
        f"{path} must be written by one process at a time; another one is at it; wait for its end, or write to another place"
    )
    assert len(score_manifest(Judge(SCORES), MANIFEST, path)) == 3
