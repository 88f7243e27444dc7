"""What the columns of a score table may hold: the one place where values are judged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from bonaface.errors import ScoreError, did_you_mean
from bonaface.vocabulary import BONAFIDE, FAMILIES, Family, Label, Split

if TYPE_CHECKING:
    from bonaface.evaluation.scores import ScoreTable

Texts = npt.NDArray[np.str_]
Scores = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Value = TypeVar("Value", bound=np.generic)

COLUMNS = ("sample", "label", "species", "subject", "split", "attack_score", "reason")
"""The columns that every score table has, in the order they are written."""

TEXT_COLUMNS = tuple(name for name in COLUMNS if name != "attack_score")

FAMILY_COLUMNS: dict[str, Family] = {f"{family}_score": family for family in FAMILIES}
"""The optional columns with the evidence of one family each."""

_NOT_ONE_LINE = re.compile("[\r\n\x00\ud800-\udfff]")


def text_column(name: str, values: npt.ArrayLike) -> Texts:
    """A read-only copy as one-dimensional text.

    Raises:
        ScoreError: If a value is no text: numbers and None are refused, not converted.
    """
    array = np.asarray(values)
    if array.dtype.kind != "U" and not all(isinstance(value, str) for value in array.ravel().tolist()):
        raise ScoreError(f"column {name} must be text; got {array.dtype}; convert its values with str")
    return _read_only(name, array.astype(np.str_))


def number_column(name: str, values: npt.ArrayLike) -> Scores:
    """A read-only copy as one-dimensional float64; None becomes NaN.

    Raises:
        ScoreError: If a value is no number: text is refused, not converted.
    """
    array = np.asarray(values)
    is_objects = array.dtype.kind == "O" and all(
        value is None or isinstance(value, Real) for value in array.ravel().tolist()
    )
    if array.dtype.kind not in "biuf" and not is_objects:
        raise ScoreError(f"column {name} must be numbers; got {array.dtype}; convert its values with float")
    return _read_only(name, array.astype(np.float64))


def family_columns(family_scores: Mapping[Family, npt.ArrayLike]) -> dict[Family, Scores]:
    """Read-only columns in the order of `FAMILIES`.

    Raises:
        ScoreError: If a key is no family, or a value no number.
    """
    for name in family_scores:
        if name not in FAMILIES:
            raise ScoreError(
                f"family scores must be of {', '.join(FAMILIES)}; got '{name}'"
                f"{did_you_mean(name, FAMILIES) or '; make it a group column'}"
            )
    return {f: number_column(f"{f}_score", family_scores[f]) for f in FAMILIES if f in family_scores}


def _read_only(name: str, array: npt.NDArray[Value]) -> npt.NDArray[Value]:
    if array.ndim != 1:
        raise ScoreError(
            f"column {name} must have one dimension; got shape {array.shape}; give one value a row"
        )
    return fixed(array)


def fixed(array: npt.NDArray[Value]) -> npt.NDArray[Value]:
    """The same array, from now on read-only."""
    array.setflags(write=False)
    return array


def check_table(table: ScoreTable) -> None:
    """Judge every value of a table.

    Raises:
        ScoreError: If one may not stand there.
    """
    texts = {name: getattr(table, name) for name in TEXT_COLUMNS} | dict(table.groups)
    numbers = number_columns(table.attack_score, table.family_scores)
    for name, column in (texts | numbers).items():
        if len(column) != len(table):
            raise ScoreError(
                f"column {name} must have {len(table)} rows, as sample has; got {len(column)}; "
                "give one value a row"
            )
    for name in table.groups:
        if not name or name in COLUMNS or name in FAMILY_COLUMNS or _NOT_ONE_LINE.search(name):
            raise ScoreError(
                f"a group column must have a name of its own on one line; got {name!r}; rename it"
            )
    for name, values in texts.items():
        _check_one_line(name, values)
    _check_samples(table)
    _check_words(table, "label", [label.value for label in Label])
    _check_words(table, "split", [split.value for split in Split])
    _check_species(table)
    for name, scores in numbers.items():
        _check_scores(table, name, scores)


def number_columns(attack_score: Scores, family_scores: Mapping[Family, Scores]) -> dict[str, Scores]:
    """The columns of numbers under their names in a file."""
    return {"attack_score": attack_score} | {f"{f}_score": scores for f, scores in family_scores.items()}


def _first(bad: npt.NDArray[np.bool_]) -> int | None:
    """Index of the first true row."""
    return int(np.argmax(bad)) if bad.any() else None


def _check_one_line(name: str, values: Texts) -> None:
    if _NOT_ONE_LINE.search("".join(values.tolist())):
        row = next(i for i, value in enumerate(values.tolist()) if _NOT_ONE_LINE.search(value))
        raise ScoreError(
            f"column {name} must be text on one line that UTF-8 can hold; "
            f"row {row + 1} has {str(values[row])!r}; rename it"
        )


def _check_samples(table: ScoreTable) -> None:
    if (row := _first(table.sample == "")) is not None:
        raise ScoreError(f"sample must be a name; row {row + 1} has none; give every presentation a name")
    names, counts = np.unique(table.sample, return_counts=True)
    if (twice := _first(counts > 1)) is not None:
        raise ScoreError(
            f"sample must be unique; '{names[twice]}' has {counts[twice]} rows; keep one row a presentation"
        )


def _check_words(table: ScoreTable, name: str, words: list[str]) -> None:
    values: Texts = getattr(table, name)
    if (row := _first(~np.isin(values, words))) is not None:
        word = str(values[row])
        tail = did_you_mean(word, words) or "; correct the row"
        raise ScoreError(
            f"{name} must be one of {', '.join(words)}; sample '{table.sample[row]}' has '{word}'{tail}"
        )


def _check_species(table: ScoreTable) -> None:
    if (row := _first(table.species == "")) is not None:
        raise ScoreError(
            f"species must be a word; sample '{table.sample[row]}' has none; "
            f"name the attack, or write '{BONAFIDE.name}'"
        )
    if (row := _first((table.species == BONAFIDE.name) != table.is_bonafide)) is not None:
        raise ScoreError(
            f"species must be '{BONAFIDE.name}' exactly where label is '{Label.BONAFIDE}'; "
            f"sample '{table.sample[row]}' has label '{table.label[row]}' and species '{table.species[row]}'; "
            "correct one of them"
        )


def _check_scores(table: ScoreTable, name: str, scores: Scores) -> None:
    missing = np.isnan(scores)
    has_reason = table.reason != ""
    if (row := _first(~missing & ~((scores >= 0) & (scores <= 1)))) is not None:
        raise ScoreError(
            f"{name} must be in [0, 1] where 1 is attack; sample '{table.sample[row]}' has {scores[row]}; "
            "write probabilities, not logits"
        )
    if (row := _first(missing & ~has_reason)) is not None:
        raise ScoreError(
            f"{name} must be a number where reason is empty; sample '{table.sample[row]}' has neither; "
            "give the reason why it has no score"
        )
    if (row := _first(~missing & has_reason)) is not None:
        raise ScoreError(
            f"{name} must be empty where there is a reason; sample '{table.sample[row]}' has {scores[row]} "
            f"and reason '{table.reason[row]}'; keep one of them"
        )


def coded(values: Texts) -> tuple[list[str], npt.NDArray[np.int32]]:
    """The unique values in alphabetical order, and each row's position among them."""
    texts = values.tolist()
    names = sorted(set(texts))
    position = {name: i for i, name in enumerate(names)}
    return names, np.fromiter(map(position.__getitem__, texts), dtype=np.int32, count=len(texts))
