"""How another program writes its scores: what no file says of itself, declared and checked."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import ClassVar, Literal, get_args

import pydantic

from bonaface.errors import ScoreError, did_you_mean
from bonaface.vocabulary import BONAFIDE

COLUMN_NAMES = ("sample", "label", "species", "subject", "split", "score", "reason")
"""What a column of the file can be; every other column is a group, or left out."""

Polarity = Literal["attack_high", "bonafide_high"]
Scale = Literal["probability", "logit", "range"]
Delimiter = Literal["comma", "tab", "semicolon", "whitespace"]
_WORDS: dict[str, tuple[str, ...]] = {
    "polarity": get_args(Polarity),
    "scale": get_args(Scale),
    "delimiter": get_args(Delimiter),
}


@dataclass(frozen=True, slots=True)
class ScoreFormat:
    """Everything that turns a file of scores into a score table. Nothing has a default that would be a guess.

    Attributes:
        columns: A name of `COLUMN_NAMES` -> the file's column: its header, or its number from 1 without a header.
            sample and score must be there, and label or species.
        polarity: Which class the file scores higher.
        bonafide_label: The word of bona fide rows in the label column; every other word but the next is an error.
        attack_label: The word of attacks there.
        scale: `probability`: in [0, 1]. `logit`: a log-odds, brought to [0, 1] by the sigmoid. `range`: brought there
            by a straight line from `low` and `high`.
        low: The lowest score there can be, for `range`.
        high: The highest.
        delimiter: What stands between columns. `whitespace` is any number of blanks and tabs, without quotes.
        has_header: Whether the first line names the columns.
        groups: A group's name -> the file's column, as in `columns`.
        species: The species of all attacks, where no column says it.
        species_words: A word of the species column -> the species; every other word is an error. Empty: the words
            are taken as they are.
        split: The split of all rows, where no column says it.
        split_words: As species_words, e.g. devel -> dev.
        subject_pattern: A regular expression, searched for in the sample's name, with a group named `subject`. Without
            it and without a column the subjects are unknown.
        reason: Why rows with an empty score have none, where no column says it.

    Raises:
        ScoreError: If they contradict each other, or something is missing.
    """

    __pydantic_config__: ClassVar[pydantic.ConfigDict] = pydantic.ConfigDict(extra="forbid")

    columns: Mapping[str, str]
    polarity: Polarity
    bonafide_label: str = ""
    attack_label: str = ""
    scale: Scale = "probability"
    low: float | None = None
    high: float | None = None
    delimiter: Delimiter = "comma"
    has_header: bool = True
    groups: Mapping[str, str] = field(default_factory=dict)
    species: str = ""
    species_words: Mapping[str, str] = field(default_factory=dict)
    split: str = ""
    split_words: Mapping[str, str] = field(default_factory=dict)
    subject_pattern: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        for name, words in _WORDS.items():
            word = getattr(self, name)
            if word not in words:
                tail = did_you_mean(str(word), words)
                raise ScoreError(f"{name} must be one of {', '.join(words)}; got '{word}'{tail}")
        _check_columns(self.columns)
        _check_labels(self)
        _check_scale(self)
        _check_constants(self)
        if self.subject_pattern:
            _check_pattern(self.subject_pattern)

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest score of a straight scale."""
        return (0.0, 1.0) if self.low is None or self.high is None else (self.low, self.high)


def read_format(path: str | os.PathLike[str]) -> ScoreFormat:
    """The format in a JSON file with the attributes of `ScoreFormat` as keys.

    Raises:
        ScoreError: If the file is missing or no JSON, a key is unknown or missing, or a value does not fit.
    """
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise ScoreError(
            f"a score format must be a file that can be read; {path} gives '{error.strerror}'; check the path"
        ) from None
    try:
        return pydantic.TypeAdapter(ScoreFormat).validate_json(text, strict=True)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "unexpected_keyword_argument":
            word, known = str(first["loc"][-1]), [one.name for one in fields(ScoreFormat)]
            tail = did_you_mean(word, known) or f"; the keys are {', '.join(known)}"
            raise ScoreError(f"{path}: a score format has no key '{word}'{tail}") from None
        where = "".join(f"{part}: " for part in first["loc"])
        came = "" if first["type"] in {"missing", "json_invalid"} else f"; got {first['input']!r}"
        raise ScoreError(f"{path}: {where}{first['msg']}{came}") from None


def _check_columns(columns: Mapping[str, str]) -> None:
    for name in columns:
        if name not in COLUMN_NAMES:
            raise ScoreError(
                f"columns must be of {', '.join(COLUMN_NAMES)}; got '{name}'"
                f"{did_you_mean(name, COLUMN_NAMES) or '; make it a group'}"
            )
    for name, is_there in (
        ("sample", "sample" in columns),
        ("score", "score" in columns),
        ("label or species", bool({"label", "species"} & set(columns))),
    ):
        if not is_there:
            raise ScoreError(
                f"columns must say where {name} is; got {', '.join(columns) or 'none'}; name the file's column"
            )


def _check_labels(form: ScoreFormat) -> None:
    words = (form.bonafide_label, form.attack_label)
    if "label" not in form.columns:
        if any(words):
            raise ScoreError(
                f"label words must have a label column; got {words} without one; name the file's column"
            )
    elif not all(words) or words[0] == words[1]:
        raise ScoreError(
            f"bonafide_label and attack_label must be two words of the label column; got {words}; declare both"
        )


def _check_scale(form: ScoreFormat) -> None:
    ends = (form.low, form.high)
    if form.scale != "range":
        if ends != (None, None):
            raise ScoreError(
                f"low and high must come with scale 'range'; got {ends} with '{form.scale}'; declare the range"
            )
    elif None in ends or not 0 < form.ends[1] - form.ends[0] < math.inf:
        raise ScoreError(f"scale 'range' must have a low below a high; got {ends}; declare both")


def _check_constants(form: ScoreFormat) -> None:
    for column, name in (
        ("species", "species"),
        ("split", "split"),
        ("subject", "subject_pattern"),
        ("reason", "reason"),
    ):
        constant = getattr(form, name)
        if constant and column in form.columns:
            raise ScoreError(
                f"{column} must come from a column or from {name}, not from both; "
                f"got '{form.columns[column]}' and '{constant}'; keep one"
            )
        if not constant and column not in form.columns and column in {"species", "split"}:
            raise ScoreError(f"{column} must come from a column or from {name}; got neither; declare one")
    for column, words in (("species", form.species_words), ("split", form.split_words)):
        if words and column not in form.columns:
            raise ScoreError(
                f"{column}_words must have a {column} column; there is none; name the file's column"
            )
    if form.species == BONAFIDE.name:
        raise ScoreError(f"species must be a species of attack; got '{form.species}'; name the attacks")


def _check_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ScoreError(
            f"subject_pattern must be a regular expression; '{pattern}' is none ({error}); correct it"
        ) from None
    if "subject" not in groups:
        raise ScoreError(
            f"subject_pattern must have a group named subject; '{pattern}' has none; write (?P<subject>...) in it"
        )
