from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bonaface.errors import ScoreError
from bonaface.evaluation.columns import COLUMNS
from bonaface.evaluation.score_writer import ScoreWriter
from bonaface.evaluation.scores import read_scores
from bonaface.vocabulary import Family

HEADER = "sample,label,species,subject,split,attack_score,reason"


def append(writer: ScoreWriter, sample: str, score: float | None = 0.5, **more: Any) -> None:
    row = {"label": "attack", "species": "print", "subject": "s", "split": "test"}
    reason = "no_face" if score is None else ""
    writer.append(sample=sample, attack_score=score, **(row | {"reason": reason} | more))


def test_every_row_is_on_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    with ScoreWriter(path) as writer:
        append(writer, "a")
        assert path.read_text() == f"{HEADER}\na,attack,print,s,test,0.5,\n"
        append(writer, "b", None)
        assert writer.done == {"a", "b"}
    assert read_scores(path).has_score.tolist() == [True, False]


def test_resuming_equals_not_having_stopped(tmp_path: Path) -> None:
    """However many bytes a crash left, the file ends the same, and only what is missing is asked for."""
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    settings = {"groups": ("device",), "families": (Family.DIGITAL,)}
    rows = [("a, 1", 0.25), ("b", None), ("\u00e9", 1.0)]

    def score(path: Path) -> None:
        with ScoreWriter(path, **settings) as writer:
            for sample, value in rows:
                if sample not in writer.done:
                    families = {} if value is None else {Family.DIGITAL: value}
                    append(writer, sample, value, groups={"device": "x"}, family_scores=families)

    score(whole)
    data = whole.read_bytes()
    for length in range(len(data) + 1):
        cut.write_bytes(data[:length])
        score(cut)
        assert cut.read_bytes() == data


def test_done_is_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(f"{HEADER}\na,attack,print,s,test,0.5,\nb,attack,print,s,test,0.")
    with ScoreWriter(path) as writer:
        assert writer.done == {"a"}
    assert path.read_text() == f"{HEADER}\na,attack,print,s,test,0.5,\n"


@pytest.mark.parametrize(
    ("text", "found"), [(f"{HEADER},device\nx", f"{', '.join(COLUMNS)}, device"), ("a diary", "none")]
)
def test_another_file_is_not_continued_and_not_touched(tmp_path: Path, text: str, found: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(ScoreError) as error, ScoreWriter(path):
        pass
    assert str(error.value) == (
        f"a score table must have the columns {', '.join(COLUMNS)} to be continued; "
        f"{path} has {found}; choose another file"
    )
    assert path.read_text() == text


def test_a_file_with_a_bad_row_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(f"{HEADER}\na,attack,print,s,test,1.5,\n")
    with pytest.raises(ScoreError, match=r"attack_score must be in \[0, 1\]"), ScoreWriter(path):
        pass


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"sample": "a"}, "sample must be unique; 'a' is in PATH already; skip what is done"),
        (
            {"sample": "b", "groups": {"device": "x", "light": "low"}},
            "groups must be device; sample 'b' has device, light; give one value for every group column",
        ),
        (
            {"sample": "b", "groups": {}},
            "groups must be device; sample 'b' has none; give one value for every group column",
        ),
        (
            {"sample": "b", "family_scores": {Family.PHYSICAL: 0.1}},
            "family scores must be of digital; sample 'b' has digital, physical; name the families when opening",
        ),
        (
            {"sample": "b", "family_scores": {}},
            "digital_score must be a number where reason is empty; sample 'b' has neither; "
            "give the reason why it has no score",
        ),
        (
            {"sample": "b", "score": 1.01},
            "attack_score must be in [0, 1] where 1 is attack; sample 'b' has 1.01; write probabilities, not logits",
        ),
    ],
)
def test_a_bad_row_is_not_written(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    path = tmp_path / "scores.csv"
    good = {"groups": {"device": "x"}, "family_scores": {Family.DIGITAL: 0.5}}
    with ScoreWriter(path, groups=["device"], families=[Family.DIGITAL]) as writer:
        append(writer, "a", **good)
        before = path.read_bytes()
        with pytest.raises(ScoreError) as error:
            append(writer, **(good | row))
        assert str(error.value) == message.replace("PATH", str(path))
    assert path.read_bytes() == before


def test_nothing_is_appended_to_a_closed_file(tmp_path: Path) -> None:
    writer = ScoreWriter(tmp_path / "scores.csv")
    message = "rows must be appended inside the with block; this file is closed; open it again"
    with pytest.raises(ScoreError) as error:
        append(writer, "a")
    assert str(error.value) == message
    with writer:
        append(writer, "a")
        writer.__exit__(None, None, None)  # closing twice does no harm
    with pytest.raises(ScoreError) as error:
        append(writer, "b")
    assert str(error.value) == message
