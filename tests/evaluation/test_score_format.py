from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bonaface.errors import ScoreError
from bonaface.evaluation.score_format import COLUMN_NAMES, ScoreFormat, read_format

GOOD: dict[str, Any] = {
    "columns": {"sample": "path", "label": "target", "score": "p"},
    "polarity": "bonafide_high",
    "bonafide_label": "1",
    "attack_label": "0",
    "species": "print",
    "split": "test",
}
BY_SPECIES = {"sample": "path", "species": "kind", "score": "p"}
ALL_COLUMNS = ", ".join(COLUMN_NAMES)

BAD = [
    (
        {"polarity": "bonafide-high"},
        "polarity must be one of attack_high, bonafide_high; got 'bonafide-high'; did you mean 'bonafide_high'?",
    ),
    ({"polarity": "up"}, "polarity must be one of attack_high, bonafide_high; got 'up'"),
    ({"scale": "logits"}, "scale must be one of probability, logit, range; got 'logits'; did you mean 'logit'?"),
    ({"delimiter": ";"}, "delimiter must be one of comma, tab, semicolon, whitespace; got ';'"),
    (
        {"columns": {**GOOD["columns"], "lable": "x"}},
        f"columns must be of {ALL_COLUMNS}; got 'lable'; did you mean 'label'?",
    ),
    (
        {"columns": {**GOOD["columns"], "device": "x"}},
        f"columns must be of {ALL_COLUMNS}; got 'device'; make it a group",
    ),
    ({"columns": {}}, "columns must say where sample is; got none; name the file's column"),
    (
        {"columns": {"sample": "path", "label": "target"}},
        "columns must say where score is; got sample, label; name the file's column",
    ),
    (
        {"columns": {"sample": "path", "score": "p"}},
        "columns must say where label or species is; got sample, score; name the file's column",
    ),
    (
        {"attack_label": ""},
        "bonafide_label and attack_label must be two words of the label column; got ('1', ''); declare both",
    ),
    (
        {"attack_label": "1"},
        "bonafide_label and attack_label must be two words of the label column; got ('1', '1'); declare both",
    ),
    (
        {"columns": BY_SPECIES, "species": ""},
        "label words must have a label column; got ('1', '0') without one; name the file's column",
    ),
    (
        {"low": 0.0, "high": 1.0},
        "low and high must come with scale 'range'; got (0.0, 1.0) with 'probability'; declare the range",
    ),
    ({"scale": "range"}, "scale 'range' must have a low below a high; got (None, None); declare both"),
    ({"scale": "range", "high": 9.0}, "scale 'range' must have a low below a high; got (None, 9.0); declare both"),
    (
        {"scale": "range", "low": 9.0, "high": 9.0},
        "scale 'range' must have a low below a high; got (9.0, 9.0); declare both",
    ),
    (
        {"scale": "range", "low": 0.0, "high": float("inf")},
        "scale 'range' must have a low below a high; got (0.0, inf); declare both",
    ),
    (
        {"scale": "range", "low": float("nan"), "high": 1.0},
        "scale 'range' must have a low below a high; got (nan, 1.0); declare both",
    ),
    (
        {"columns": {**GOOD["columns"], "species": "kind"}},
        "species must come from a column or from species, not from both; got 'kind' and 'print'; keep one",
    ),
    (
        {"columns": {**GOOD["columns"], "split": "part"}},
        "split must come from a column or from split, not from both; got 'part' and 'test'; keep one",
    ),
    (
        {"columns": {**GOOD["columns"], "subject": "who"}, "subject_pattern": "(?P<subject>.)"},
        "subject must come from a column or from subject_pattern, not from both; "
        "got 'who' and '(?P<subject>.)'; keep one",
    ),
    (
        {"columns": {**GOOD["columns"], "reason": "why"}, "reason": "no_face"},
        "reason must come from a column or from reason, not from both; got 'why' and 'no_face'; keep one",
    ),
    ({"species": ""}, "species must come from a column or from species; got neither; declare one"),
    ({"split": ""}, "split must come from a column or from split; got neither; declare one"),
    (
        {"species_words": {"0": "print"}},
        "species_words must have a species column; there is none; name the file's column",
    ),
    ({"split_words": {"devel": "dev"}}, "split_words must have a split column; there is none; name the file's column"),
    ({"species": "bonafide"}, "species must be a species of attack; got 'bonafide'; name the attacks"),
    (
        {"subject_pattern": "("},
        "subject_pattern must be a regular expression; '(' is none "
        "(missing ), unterminated subpattern at position 0); correct it",
    ),
    (
        {"subject_pattern": "^(.*?)/"},
        "subject_pattern must have a group named subject; '^(.*?)/' has none; write (?P<subject>...) in it",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), BAD)
def test_a_format_that_contradicts_itself(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ScoreError) as error:
        ScoreFormat(**(GOOD | change))
    assert str(error.value) == message


def test_the_polarity_has_no_default() -> None:
    with pytest.raises(TypeError, match="polarity"):
        ScoreFormat(columns=GOOD["columns"])  # type: ignore[call-arg]


def written(path: Path, plain: Any) -> Path:
    path.write_text(plain if isinstance(plain, str) else json.dumps(plain))
    return path


def test_a_file_says_the_same(tmp_path: Path) -> None:
    assert read_format(written(tmp_path / "f.json", GOOD)) == ScoreFormat(**GOOD)
    ranged = GOOD | {"scale": "range", "low": -5, "high": 5, "groups": {"device": "cam"}, "has_header": False}
    assert read_format(written(tmp_path / "f.json", ranged)) == ScoreFormat(**ranged)


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (GOOD | {"polarty": "x"}, "a score format has no key 'polarty'; did you mean 'polarity'?"),
        (GOOD | {"zzz": "x"}, "a score format has no key 'zzz'; the keys are columns, polarity, "),
        ({k: v for k, v in GOOD.items() if k != "polarity"}, "polarity: Field required"),
        (GOOD | {"polarity": "up"}, "polarity: Input should be 'attack_high' or 'bonafide_high'; got 'up'"),
        (GOOD | {"has_header": "no"}, "has_header: Input should be a valid boolean; got 'no'"),
        (GOOD | {"columns": {"sample": 1}}, "columns: sample: Input should be a valid string; got 1"),
        ("{", "Invalid JSON: EOF while parsing an object at line 1 column 1"),
        ([], "Input should be an object; got []"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit(tmp_path: Path, plain: Any, message: str) -> None:
    path = written(tmp_path / "f.json", plain)
    with pytest.raises(ScoreError) as error:
        read_format(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_a_file_that_contradicts_itself(tmp_path: Path) -> None:
    with pytest.raises(
        ScoreError, match="split must come from a column or from split; got neither; declare one"
    ):
        read_format(written(tmp_path / "f.json", GOOD | {"split": ""}))


def test_no_file_there(tmp_path: Path) -> None:
    with pytest.raises(ScoreError) as error:
        read_format(tmp_path / "f.json")
    assert str(error.value) == (
        f"a score format must be a file that can be read; {tmp_path / 'f.json'} gives 'No such file or directory'; "
        "check the path"
    )
