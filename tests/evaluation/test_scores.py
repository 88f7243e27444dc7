from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bonaface.errors import ScoreError
from bonaface.evaluation.columns import COLUMNS
from bonaface.evaluation.scores import ScoreTable, read_scores, write_scores
from bonaface.vocabulary import Family, Split

from .tables import table_of

HEADER = "sample,label,species,subject,split,attack_score,reason"
GOOD: dict[str, Any] = {
    "sample": ["a", "b", "c"],
    "label": ["bonafide", "attack", "attack"],
    "species": ["bonafide", "print", "my own mask"],
    "subject": ["s1", "s2", ""],
    "split": ["dev", "test", "train"],
    "attack_score": [0.0, 1.0, None],
    "reason": ["", "", "no_face"],
}


def same(one: ScoreTable, other: ScoreTable) -> bool:
    columns = all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name == "attack_score")
        for name in COLUMNS
    )
    groups = {k: v.tolist() for k, v in one.groups.items()} == {
        k: v.tolist() for k, v in other.groups.items()
    }
    families = list(one.family_scores) == list(other.family_scores) and all(
        np.array_equal(one.family_scores[f], other.family_scores[f], equal_nan=True)
        for f in one.family_scores
    )
    return columns and groups and families


def test_a_table_has_typed_columns_that_can_not_be_written_to() -> None:
    table = ScoreTable(
        **GOOD,
        groups={"device": ["x", "y", "z"]},
        family_scores={Family.DIGITAL: [0.1, 0.2, None], Family.PHYSICAL: [0.3, 0.9, np.nan]},
    )
    assert len(table) == 3
    assert table.attack_score.dtype == np.float64
    assert table.is_bonafide.tolist() == [True, False, False]
    assert table.is_attack.tolist() == [False, True, True]
    assert table.has_score.tolist() == [True, True, False]
    assert list(table.family_scores) == [Family.PHYSICAL, Family.DIGITAL]
    with pytest.raises(ValueError, match="read-only"):
        table.attack_score[0] = 1.0


def test_rows_are_selected_with_every_column() -> None:
    table = ScoreTable(
        **GOOD, groups={"device": ["x", "y", "z"]}, family_scores={Family.DIGITAL: [0.1, 0.2, None]}
    )
    test = table.of_split(Split.TEST)
    assert test.sample.tolist() == ["b"]
    assert test.groups["device"].tolist() == ["y"]
    assert test.family_scores[Family.DIGITAL].tolist() == [0.2]
    assert len(table.select(np.zeros(3, dtype=bool))) == 0


@pytest.mark.parametrize(
    ("mask", "came"), [([1, 0, 1], "shape (3,) of int64"), ([True, False], "shape (2,) of bool")]
)
def test_a_mask_that_is_none_is_refused(mask: list[int], came: str) -> None:
    with pytest.raises(ScoreError) as error:
        ScoreTable(**GOOD).select(mask)
    assert str(error.value) == (
        f"a mask must be 3 booleans, one a row; got {came}; compare a column to make one"
    )


BAD = [
    (
        {"attack_score": [0.0, 1.01, None]},
        "attack_score must be in [0, 1] where 1 is attack; sample 'b' has 1.01; write probabilities, not logits",
    ),
    (
        {"attack_score": [-0.001, 1.0, None]},
        "attack_score must be in [0, 1] where 1 is attack; sample 'a' has -0.001; write probabilities, not logits",
    ),
    (
        {"attack_score": [0.0, np.inf, None]},
        "attack_score must be in [0, 1] where 1 is attack; sample 'b' has inf; write probabilities, not logits",
    ),
    (
        {"attack_score": [np.nan, 1.0, None]},
        "attack_score must be a number where reason is empty; sample 'a' has neither; "
        "give the reason why it has no score",
    ),
    (
        {"attack_score": [0.0, 1.0, 0.5]},
        "attack_score must be empty where there is a reason; sample 'c' has 0.5 and reason 'no_face'; "
        "keep one of them",
    ),
    (
        {"attack_score": ["0.1", "0.2", "0.3"]},
        "column attack_score must be numbers; got <U3; convert its values with float",
    ),
    (
        {"attack_score": [None, "0.2", 0.3]},
        "column attack_score must be numbers; got object; convert its values with float",
    ),
    (
        {"attack_score": [[0.1], [0.2], [0.3]]},
        "column attack_score must have one dimension; got shape (3, 1); give one value a row",
    ),
    (
        {"subject": ["s1", "s2"]},
        "column subject must have 3 rows, as sample has; got 2; give one value a row",
    ),
    (
        {"subject": ["s1", None, "s3"]},
        "column subject must be text; got object; convert its values with str",
    ),
    ({"subject": [1, 2, 3]}, "column subject must be text; got int64; convert its values with str"),
    (
        {"subject": ["s1", "s\n2", "s3"]},
        "column subject must be text on one line that UTF-8 can hold; row 2 has 's\\n2'; rename it",
    ),
    ({"sample": ["a", "", "c"]}, "sample must be a name; row 2 has none; give every presentation a name"),
    ({"sample": ["a", "b", "b"]}, "sample must be unique; 'b' has 2 rows; keep one row a presentation"),
    (
        {"label": ["bonafide", "attak", "attack"]},
        "label must be one of bonafide, attack; sample 'b' has 'attak'; did you mean 'attack'?",
    ),
    (
        {"label": ["live", "attack", "attack"]},
        "label must be one of bonafide, attack; sample 'a' has 'live'; correct the row",
    ),
    (
        {"split": ["dev", "tests", "train"]},
        "split must be one of train, dev, test; sample 'b' has 'tests'; did you mean 'test'?",
    ),
    (
        {"species": ["bonafide", "", "mask"]},
        "species must be a word; sample 'b' has none; name the attack, or write 'bonafide'",
    ),
    (
        {"species": ["bonafide", "bonafide", "mask"]},
        "species must be 'bonafide' exactly where label is 'bonafide'; "
        "sample 'b' has label 'attack' and species 'bonafide'; correct one of them",
    ),
    (
        {"species": ["print", "print", "mask"]},
        "species must be 'bonafide' exactly where label is 'bonafide'; "
        "sample 'a' has label 'bonafide' and species 'print'; correct one of them",
    ),
    (
        {"groups": {"device": ["x", "y"]}},
        "column device must have 3 rows, as sample has; got 2; give one value a row",
    ),
    (
        {"groups": {"label": ["x", "y", "z"]}},
        "a group column must have a name of its own on one line; got 'label'; rename it",
    ),
    (
        {"groups": {"": ["x", "y", "z"]}},
        "a group column must have a name of its own on one line; got ''; rename it",
    ),
    (
        {"groups": {"digital_score": ["x", "y", "z"]}},
        "a group column must have a name of its own on one line; got 'digital_score'; rename it",
    ),
    (
        {"family_scores": {Family.DIGITAL: [0.1, 2.0, None]}},
        "digital_score must be in [0, 1] where 1 is attack; sample 'b' has 2.0; write probabilities, not logits",
    ),
    (
        {"family_scores": {"digitl": [0.1, 0.2, None]}},
        "family scores must be of physical, digital; got 'digitl'; did you mean 'digital'?",
    ),
    (
        {"family_scores": {"makeup": [0.1, 0.2, None]}},
        "family scores must be of physical, digital; got 'makeup'; make it a group column",
    ),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_a_bad_value_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ScoreError) as error:
        ScoreTable(**(GOOD | change))
    assert str(error.value) == message


def test_objects_that_are_text_or_numbers_are_taken() -> None:
    table = ScoreTable(**(GOOD | {"subject": np.array(["s1", "s2", ""], dtype=object)}))
    assert table.subject.dtype.kind == "U"


TEXT = st.text(string.ascii_letters + " ,;\"'\u00e9\u4e2d/", max_size=6)
ROW = st.tuples(
    st.sampled_from(["bonafide", "print", 'odd, "species"']),
    TEXT,
    st.sampled_from(["train", "dev", "test"]),
    st.one_of(st.none(), st.floats(0, 1)),
    TEXT,
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROW, max_size=5))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    scores = [row[3] for row in rows]
    table = ScoreTable(
        sample=[f"{i}" for i in range(len(rows))],
        label=["bonafide" if row[0] == "bonafide" else "attack" for row in rows],
        species=[row[0] for row in rows],
        subject=[row[1] for row in rows],
        split=[row[2] for row in rows],
        attack_score=scores,
        reason=["no_face" if score is None else "" for score in scores],
        groups={"a, group": [row[4] for row in rows]},
        family_scores={Family.PHYSICAL: scores},
    )
    path = tmp_path_factory.mktemp("scores") / "scores.csv"
    write_scores(path, table)
    assert same(read_scores(path), table)
    assert list(path.parent.iterdir()) == [path]


def test_the_file_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    write_scores(
        path,
        ScoreTable(**GOOD, groups={"device": ["x", "y", "z"]}, family_scores={"physical": [0.5, 0.1, None]}),
    )
    assert path.read_text() == (
        f"{HEADER},physical_score,device\n"
        "a,bonafide,bonafide,s1,dev,0.0,,0.5,x\n"
        "b,attack,print,s2,test,1.0,,0.1,y\n"
        "c,attack,my own mask,,train,,no_face,,z\n"
    )


def test_a_file_from_elsewhere_is_read(tmp_path: Path) -> None:
    """Other order of columns, Windows line ends, a byte order mark, a blank line, nan for a non-response."""
    path = tmp_path / "scores.csv"
    path.write_bytes(
        b"\xef\xbb\xbfattack_score,sample,label,species,subject,split,reason\r\n"
        b'0.25,"x, y",attack,print,,test,\r\n\r\nnan,z,attack,print,,test,no_face\r\n'
    )
    table = read_scores(path)
    assert table.sample.tolist() == ["x, y", "z"]
    assert table.attack_score[0] == 0.25
    assert table.has_score.tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            f"a score table must have the columns {', '.join(COLUMNS)}; PATH has no sample; "
            "add it, empty where nothing is known",
        ),
        (
            "sample,label,species,split,attack_score,reason\n",
            f"a score table must have the columns {', '.join(COLUMNS)}; PATH has no subject; "
            "add it, empty where nothing is known",
        ),
        (f"{HEADER},d,d\n", "column names must be unique; PATH has 'd' 2 times; rename one"),
        (
            f"{HEADER}\na,attack,print,s,test,0.5,\nb,attack,print\n",
            "every row must have 7 values, as the header has; line 3 of PATH has 3; complete or remove it",
        ),
        (
            f"{HEADER}\na,attack,print,s,test,high,\n",
            "attack_score must be a number or empty; line 2 has 'high'; correct the row",
        ),
        (
            f"{HEADER}\na,attack,print,s,test,0_1,\n",
            "attack_score must be a number or empty; line 2 has '0_1'; correct the row",
        ),
        (
            f"{HEADER},digital_score\na,attack,print,s,test,0.5,,x\n",
            "digital_score must be a number or empty; line 2 has 'x'; correct the row",
        ),
        (
            f"{HEADER}\na,attack,print,s,test,,\n",
            "attack_score must be a number where reason is empty; sample 'a' has neither; "
            "give the reason why it has no score",
        ),
        (
            f'{HEADER}\n"a,attack,print,s,test,0.5,\n',
            "a score table must be CSV in UTF-8; PATH is not: unexpected end of data; save it again",
        ),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(ScoreError) as error:
        read_scores(path)
    assert str(error.value) == message.replace("PATH", str(path))


def test_a_file_that_is_no_text_or_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    with pytest.raises(ScoreError) as error:
        read_scores(path)
    assert str(error.value) == (
        f"a score table must be a file that can be read; {path} gives 'No such file or directory'; check the path"
    )
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ScoreError, match="must be CSV in UTF-8"):
        read_scores(path)


def test_a_hundred_thousand_rows_are_judged_in_seconds() -> None:
    rows = [("bonafide" if i % 3 else "print", i / 100_000) for i in range(100_000)]
    assert len(table_of(*rows).of_split(Split.TEST)) == 100_000
