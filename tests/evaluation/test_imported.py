from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonaface.errors import ScoreError
from bonaface.evaluation import rates
from bonaface.evaluation.curves import auc, eer
from bonaface.evaluation.imported import import_scores, joined
from bonaface.evaluation.polarity import polarity_note
from bonaface.evaluation.score_format import ScoreFormat
from bonaface.evaluation.scores import ScoreTable, read_scores, write_scores
from bonaface.vocabulary import Family

from .tables import table_of

PLAIN: dict[str, Any] = {
    "columns": {"sample": "path", "label": "target", "score": "p"},
    "polarity": "attack_high",
    "bonafide_label": "1",
    "attack_label": "0",
    "species": "print",
    "split": "test",
}
LIST: dict[str, Any] = PLAIN | {
    "columns": {"sample": "1", "label": "2", "score": "3"},
    "delimiter": "whitespace",
    "has_header": False,
}
HEAD = "path,target,p"


def imported(path: Path, text: str, **form: Any) -> ScoreTable:
    path.write_text(text, encoding="utf-8")
    return import_scores(path, ScoreFormat(**form))


def of_scores(path: Path, *texts: str, **form: Any) -> list[float]:
    """The attack scores of rows with these scores."""
    rows = "".join(f"{i} {i % 2} {text}\n" for i, text in enumerate(texts))
    return imported(path, rows, **(LIST | form)).attack_score.tolist()


# The two conventions of one laboratory: the same ten presentations, written by two programs. One writes fake = 1 with
# P(fake), the other live = 1 with P(live). At 0.5, by hand: two of six attacks pass, one of four bona fide is rejected.
FAKE_IS_ONE = """a/1.png 0 0.125
a/2.png 0 0.25
b/3.png 0 0.625
b/4.png 0 0.0
c/5.png 1 0.875
c/6.png 1 0.5
d/7.png 1 0.25
d/8.png 1 0.375
e/9.png 1 1.0
e/10.png 1 0.75
"""
LIVE_IS_ONE = """a/1.png 1 0.875
a/2.png 1 0.75
b/3.png 1 0.375
b/4.png 1 1.0
c/5.png 0 0.125
c/6.png 0 0.5
d/7.png 0 0.75
d/8.png 0 0.625
e/9.png 0 0.0
e/10.png 0 0.25
"""
FAKE_FORM = LIST | {"polarity": "attack_high", "bonafide_label": "0", "attack_label": "1"}
LIVE_FORM = LIST | {"polarity": "bonafide_high", "bonafide_label": "1", "attack_label": "0"}


def test_two_conventions_give_the_same_rates_by_hand(tmp_path: Path) -> None:
    fake, live = (
        imported(tmp_path / "s.txt", text, **form)
        for text, form in ((FAKE_IS_ONE, FAKE_FORM), (LIVE_IS_ONE, LIVE_FORM))
    )
    for table in (fake, live):
        assert table.attack_score.tolist() == [0.125, 0.25, 0.625, 0, 0.875, 0.5, 0.25, 0.375, 1, 0.75]
        assert table.label.tolist() == ["bonafide"] * 4 + ["attack"] * 6
        assert table.species.tolist() == ["bonafide"] * 4 + ["print"] * 6
        assert rates.apcer_pooled(table, 0.5) == rates.Rate(2, 6)
        assert rates.bpcer(table, 0.5) == rates.Rate(1, 4)
        assert auc(table) == (4 + 3 + 2.5 + 3 + 4 + 4) / 24
        assert eer(table).value == (1 / 6 + 1 / 4) / 2
        assert polarity_note(table) is None


@pytest.mark.parametrize(
    "change",
    [{"polarity": "attack_high"}, {"bonafide_label": "0", "attack_label": "1"}],
    ids=["the polarity", "the labels"],
)
def test_a_swapped_declaration_is_noticed(tmp_path: Path, change: dict[str, str]) -> None:
    thrice = "".join(LIVE_IS_ONE.replace("/", f"/{i}-") for i in range(3))  # ten rows could be chance
    table = imported(tmp_path / "s.txt", thrice, **(LIVE_FORM | change))
    assert auc(table) == pytest.approx(1 - 20.5 / 24)
    note = polarity_note(table)
    assert note is not None
    assert note.startswith("scores rank bona fide above attacks: ")


def test_two_swaps_at_once_rank_rightly_and_only_the_counts_tell(tmp_path: Path) -> None:
    form = LIVE_FORM | {"polarity": "attack_high", "bonafide_label": "0", "attack_label": "1"}
    table = imported(tmp_path / "s.txt", LIVE_IS_ONE, **form)
    assert polarity_note(table) is None
    assert (table.is_bonafide.sum(), table.is_attack.sum()) == (6, 4)


# Scales


def test_probabilities_are_taken_to_the_last_bit(tmp_path: Path) -> None:
    assert of_scores(tmp_path / "s", "0.1", "1", "0", "1e-300") == [0.1, 1, 0, 1e-300]
    turned = of_scores(tmp_path / "s", "0.1", "1", "0.3", "0", polarity="bonafide_high")
    assert turned == [0.9, 0, 0.7, 1]


def test_logits_by_hand(tmp_path: Path) -> None:
    ln3 = repr(math.log(3))
    assert of_scores(tmp_path / "s", "0", ln3, f"-{ln3}", scale="logit") == pytest.approx([0.5, 0.75, 0.25])
    turned = of_scores(tmp_path / "s", "0", ln3, "40", scale="logit", polarity="bonafide_high")
    assert turned == pytest.approx([0.5, 0.25, math.exp(-40)], rel=1e-12)


@given(
    odds=st.lists(st.floats(-700, 30), min_size=2, max_size=6),
    polarity=st.sampled_from(["attack_high", "bonafide_high"]),
)
def test_logits_by_their_definition(
    tmp_path_factory: pytest.TempPathFactory, odds: list[float], polarity: str
) -> None:
    sign = 1 if polarity == "attack_high" else -1
    path = tmp_path_factory.mktemp("odds") / "s"
    found = of_scores(path, *(repr(sign * one) for one in odds), scale="logit", polarity=polarity)
    assert found == pytest.approx([math.exp(one) / (1 + math.exp(one)) for one in odds], rel=1e-9)


@pytest.mark.parametrize("form", [{}, {"scale": "logit"}, {"scale": "range", "low": -1.0, "high": 1.0}])
def test_no_score_is_none_on_every_scale(tmp_path: Path, form: dict[str, Any]) -> None:
    found = of_scores(tmp_path / "s", "0.5", "nan", reason="no_face", **form)
    assert math.isnan(found[1])


def test_a_range_is_a_straight_line(tmp_path: Path) -> None:
    form = {"scale": "range", "low": -10.0, "high": 30.0}
    assert of_scores(tmp_path / "s", "-10", "0", "30", **form) == [0, 0.25, 1]
    assert of_scores(tmp_path / "s", "-10", "0", "30", polarity="bonafide_high", **form) == [1, 0.75, 0]


@pytest.mark.parametrize(
    ("form", "text", "message"),
    [
        ({}, "-2.4", "a probability must be in [0, 1]; line 2 has '-2.4'; "
         "declare scale 'logit', or 'range' with low and high"),
        ({}, "1.0000001", "a probability must be in [0, 1]; line 2 has '1.0000001'; "
         "declare scale 'logit', or 'range' with low and high"),
        ({"polarity": "bonafide_high"}, "inf", "a probability must be in [0, 1]; line 2 has 'inf'; "
         "declare scale 'logit', or 'range' with low and high"),
        ({"scale": "logit"}, "40", "a logit must stay between 0 and 1 under the sigmoid, which ends at about 36; "
         "line 2 has '40'; declare scale 'range' with low and high"),
        ({"scale": "logit"}, "-inf", "a logit must stay between 0 and 1 under the sigmoid, which ends at about 36; "
         "line 2 has '-inf'; declare scale 'range' with low and high"),
        ({"scale": "range", "low": 0.0, "high": 100.0}, "101", "a score must be within its range; "
         "line 2 has '101'; declare a low and a high that hold all scores"),
        ({}, "high", "a score must be a number or empty; line 2 has 'high'; correct the row"),
        ({}, "0_1", "a score must be a number or empty; line 2 has '0_1'; correct the row"),
        ({}, "0,5", "a score must be a number or empty; line 2 has '0,5'; correct the row"),
        ({}, "nan", "a row without a score must have a reason; line 2 has none; "
         "name the column of reasons, or declare one reason"),
    ],
)  # fmt: skip
def test_a_score_that_may_not_stand_there(
    tmp_path: Path, form: dict[str, Any], text: str, message: str
) -> None:
    with pytest.raises(ScoreError) as error:
        of_scores(tmp_path / "s", "0.5", text, **form)
    assert str(error.value) == message


# Columns


def test_every_column_and_group(tmp_path: Path) -> None:
    """Semicolons, a byte order mark, other order, quotes, words of their own, a blank line."""
    text = (
        "\ufeffwho;why;kind;part;cam;file;p;ignored\r\n"
        "ann;;real;devel;x;a.png;0.9;7\r\n\r\n"
        'bob;;2;test;y;"b;1.png";0.25;7\r\n'
        "bob;no_face;3;test;y;c.png;;7\r\n"
    )
    table = imported(
        tmp_path / "s.csv",
        text,
        columns={
            "sample": "file", "species": "kind", "subject": "who", "split": "part", "score": "p", "reason": "why",
        },
        polarity="bonafide_high",
        delimiter="semicolon",
        groups={"device": "cam"},
        species_words={"real": "bonafide", "2": "print", "3": "my own mask"},
        split_words={"devel": "dev", "test": "test"},
    )  # fmt: skip
    assert table.sample.tolist() == ["a.png", "b;1.png", "c.png"]
    assert table.label.tolist() == ["bonafide", "attack", "attack"]
    assert table.species.tolist() == ["bonafide", "print", "my own mask"]
    assert table.subject.tolist() == ["ann", "bob", "bob"]
    assert table.split.tolist() == ["dev", "test", "test"]
    assert table.attack_score[:2].tolist() == [pytest.approx(0.1), 0.75]
    assert table.has_score.tolist() == [True, True, False]
    assert table.reason.tolist() == ["", "", "no_face"]
    assert {name: values.tolist() for name, values in table.groups.items()} == {"device": ["x", "y", "y"]}
    write_scores(tmp_path / "out.csv", table)
    assert read_scores(tmp_path / "out.csv").sample.tolist() == table.sample.tolist()


def test_label_and_species_both(tmp_path: Path) -> None:
    form = PLAIN | {"columns": {**PLAIN["columns"], "species": "kind"}, "species": ""}
    text = f"{HEAD},kind\na,1,0.1,bonafide\nb,0,0.9,mask\n"
    assert imported(tmp_path / "s.csv", text, **form).species.tolist() == ["bonafide", "mask"]
    with pytest.raises(ScoreError, match="species must be 'bonafide' exactly where label is 'bonafide'"):
        imported(tmp_path / "s.csv", text.replace("mask", "bonafide"), **form)


def test_tabs_and_one_reason_for_all(tmp_path: Path) -> None:
    text = "path\ttarget\tp\na b\t1\t0.5\nc\t0\t\nd\t0\tnan\n"
    table = imported(tmp_path / "s.tsv", text, **(PLAIN | {"delimiter": "tab", "reason": "no_face"}))
    assert table.sample.tolist() == ["a b", "c", "d"]
    assert table.reason.tolist() == ["", "no_face", "no_face"]


def test_a_list_of_a_paper(tmp_path: Path) -> None:
    """Path, label and score without a header, between blanks and tabs."""
    table = imported(
        tmp_path / "s.txt",
        "live/001/a.jpg  1 \t0.25\r\n\nspoof/002/b.jpg 0 0.5",
        **(LIST | {"subject_pattern": r"/(?P<subject>\d+)/"}),
    )
    assert table.sample.tolist() == ["live/001/a.jpg", "spoof/002/b.jpg"]
    assert table.subject.tolist() == ["001", "002"]
    assert table.attack_score.tolist() == [0.25, 0.5]


@pytest.mark.parametrize("pattern", ["no(?P<subject>.)", "^(?P<subject>x?)"])
def test_a_sample_without_a_subject(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ScoreError) as error:
        imported(tmp_path / "s", f"{HEAD}\na,1,0.5\n", **(PLAIN | {"subject_pattern": pattern}))
    assert str(error.value) == (
        "subject_pattern must find a subject in every sample; line 2 has 'a'; correct the pattern"
    )


@pytest.mark.parametrize(
    ("text", "change", "message"),
    [
        (f"{HEAD}\na,1,0.5\nb,2,0.5\n", {}, "label must be one of the declared words '1', '0'; line 3 has '2'; "
         "declare the word, or correct the row"),
        (f"{HEAD}\na,1.0,0.5\n", {}, "label must be one of the declared words '1', '0'; line 2 has '1.0'; "
         "declare the word, or correct the row"),
        (f"{HEAD},part\na,1,0.5,val\n",
         {"columns": {**PLAIN["columns"], "split": "part"}, "split": "", "split_words": {"devel": "dev"}},
         "split must be one of the declared words 'devel'; line 2 has 'val'; declare the word, or correct the row"),
        (f"{HEAD},part\na,1,0.5,val\n", {"columns": {**PLAIN["columns"], "split": "part"}, "split": ""},
         "split must be one of train, dev, test; sample 'a' has 'val'; correct the row"),
        (f"{HEAD}\na,1,0.5\na,1,0.5\n", {}, "sample must be unique; 'a' has 2 rows; keep one row a presentation"),
        ("path,target,prob\na,1,0.5\n", {},
         "the file must have one column 'p' for score; PATH has path, target, prob; name another"),
        ("path,targets,p\na,1,0.5\n", {}, "the file must have one column 'target' for label; "
         "PATH has path, targets, p; did you mean 'targets'?"),
        (f"{HEAD},p\na,1,0.5,1\n", {}, "the file must have one column 'p' for score; PATH has it twice; rename one"),
        ("path;target;p\na;1;0.5\n", {},
         "the file must have one column 'path' for sample; PATH has path;target;p; name another"),
        (f"{HEAD}\na,1,0.5\n", {"has_header": False},
         "the file must have one column 'path' for sample; PATH has 1, 2, 3; name another"),
        (f"{HEAD}\na,1,0.5\n", {"groups": {"device": "cam"}},
         "the file must have one column 'cam' for device; PATH has path, target, p; name another"),
        (f"{HEAD}\na,1,0.5\nb,1\n", {}, "every row must have 3 values, as the first line has; line 3 of PATH has 2; "
         "correct it, or declare another delimiter"),
        ("a b.png 1 0.5\nc.png 1 0.5\n", LIST, "every row must have 4 values, as the first line has; "
         "line 2 of PATH has 3; correct it, or declare another delimiter"),
        (f"{HEAD}\n", {}, "scores must have at least one row; PATH has none; check the file and has_header"),
        ("", {}, "scores must have at least one row; PATH has none; check the file and has_header"),
        ("\n \n", LIST, "scores must have at least one row; PATH has none; check the file and has_header"),
        (f'{HEAD}\n"a,1,0.5\n', {}, "scores must be text in UTF-8; PATH is not: unexpected end of data; save it again"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_as_declared(
    tmp_path: Path, text: str, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "s.csv"
    with pytest.raises(ScoreError) as error:
        imported(path, text, **(PLAIN | change))
    assert str(error.value) == message.replace("PATH", str(path))


def test_another_encoding_or_no_file(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    with pytest.raises(ScoreError) as error:
        import_scores(path, ScoreFormat(**PLAIN))
    assert str(error.value) == (
        f"scores must be in a file that can be read; {path} gives 'No such file or directory'; check the path"
    )
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(
        ScoreError, match=r"scores must be text in UTF-8; .* is not: 'utf-8' codec can't decode"
    ):
        import_scores(path, ScoreFormat(**PLAIN))


# Joining


def test_dev_and_test_are_joined() -> None:
    dev = table_of(("bonafide", 0.1), ("print", None), split="dev", groups={"device": ["x", "y"]})
    test = table_of(("replay", 0.9), split="test", groups={"device": ["z"]})
    both = joined(dev, test)
    assert both.split.tolist() == ["dev", "dev", "test"]
    assert both.species.tolist() == ["bonafide", "print", "replay"]
    assert both.attack_score.tolist()[::2] == [0.1, 0.9]
    assert both.reason.tolist() == ["", "no_face", ""]
    assert both.groups["device"].tolist() == ["x", "y", "z"]


def with_family(family: Family, sample: str) -> ScoreTable:
    return ScoreTable(
        sample=[sample], label=["attack"], species=["print"], subject=[""], split=["dev"], attack_score=[0.5],
        reason=[""], family_scores={family: [0.25]},
    )  # fmt: skip


def test_families_are_joined_too() -> None:
    both = joined(with_family(Family.PHYSICAL, "a"), with_family(Family.PHYSICAL, "b"))
    assert both.family_scores[Family.PHYSICAL].tolist() == [0.25, 0.25]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (table_of(("print", 0.5), groups={"device": ["x"]}), table_of(("print", 0.5), split="dev"),
         "tables must have the same group columns to be joined; one has device, the other none; import both alike"),
        (with_family(Family.PHYSICAL, "a"), with_family(Family.DIGITAL, "b"),
         "tables must have the same family columns to be joined; one has physical, the other digital; "
         "import both alike"),
        (table_of(("print", 0.5)), table_of(("print", 0.5)),
         "sample must be unique; 'test-0' has 2 rows; keep one row a presentation"),
    ],
)  # fmt: skip
def test_tables_that_do_not_go_together(first: ScoreTable, second: ScoreTable, message: str) -> None:
    with pytest.raises(ScoreError) as error:
        joined(first, second)
    assert str(error.value) == message
