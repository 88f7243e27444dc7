"""The score table: a row a presentation, in memory and as CSV. Everything in this room is computed from it."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bonaface.errors import ScoreError
from bonaface.evaluation.columns import (
    COLUMNS,
    FAMILY_COLUMNS,
    TEXT_COLUMNS,
    Flags,
    Scores,
    Texts,
    check_table,
    coded,
    family_columns,
    fixed,
    number_column,
    number_columns,
    text_column,
)
from bonaface.vocabulary import BONAFIDE, Family, Label, Split


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """One row a presentation. All columns have the same length and can not be written to.

    Attributes:
        sample: Name of the presentation, unique, e.g. its path.
        label: A word of `Label`.
        species: Any word; 'bonafide' exactly where the label is bonafide.
        subject: Whose face; empty where unknown.
        split: A word of `Split`.
        attack_score: In [0, 1], higher = attack; NaN exactly where there is a reason.
        reason: Why there is no score (a non-response); empty where there is one.
        groups: Other text columns by name, e.g. device or skin tone.
        family_scores: Evidence of a family in [0, 1]; NaN exactly where attack_score is.

    Raises:
        ScoreError: If a column or a value is not as above.
    """

    sample: Texts
    label: Texts
    species: Texts
    subject: Texts
    split: Texts
    attack_score: Scores
    reason: Texts
    groups: Mapping[str, Texts] = field(default_factory=dict)
    family_scores: Mapping[Family, Scores] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = {
            **{name: text_column(name, getattr(self, name)) for name in TEXT_COLUMNS},
            "attack_score": number_column("attack_score", self.attack_score),
            "groups": {name: text_column(name, values) for name, values in self.groups.items()},
            "family_scores": family_columns(self.family_scores),
        }
        for name, values in columns.items():
            object.__setattr__(self, name, values)
        check_table(self)

    def __len__(self) -> int:
        return len(self.sample)

    @cached_property
    def is_bonafide(self) -> Flags:
        """Rows of genuine presentations."""
        return fixed(self.label == Label.BONAFIDE.value)

    @cached_property
    def is_attack(self) -> Flags:
        """Rows of attacks."""
        return fixed(self.label == Label.ATTACK.value)

    @cached_property
    def has_score(self) -> Flags:
        """Rows that are not non-responses."""
        return fixed(~np.isnan(self.attack_score))

    @cached_property
    def coded_species(self) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
        """The species of attack in alphabetical order, and for each row 0 if bona fide, i if of the i-th of them."""
        names, codes = coded(self.species)
        attacks = tuple(name for name in names if name != BONAFIDE.name)
        code_of = [0 if name == BONAFIDE.name else 1 + attacks.index(name) for name in names]
        return attacks, fixed(np.array(code_of, np.int32)[codes])

    def select(self, mask: Flags) -> ScoreTable:
        """The rows where `mask` is true, in their order.

        Args:
            mask: One boolean a row.

        Raises:
            ScoreError: If the mask is not that.
        """
        mask = np.asarray(mask)
        if mask.dtype != np.bool_ or mask.shape != (len(self),):
            raise ScoreError(
                f"a mask must be {len(self)} booleans, one a row; "
                f"got shape {mask.shape} of {mask.dtype}; compare a column to make one"
            )
        return self.take(np.flatnonzero(mask))

    def take(self, rows: npt.NDArray[np.intp]) -> ScoreTable:
        """The rows at these positions, in the order of the positions.

        Args:
            rows: Positions from 0, none twice.
        """
        return ScoreTable(
            **{name: getattr(self, name)[rows] for name in COLUMNS},
            groups={name: values[rows] for name, values in self.groups.items()},
            family_scores={family: values[rows] for family, values in self.family_scores.items()},
        )

    def of_split(self, split: Split) -> ScoreTable:
        """The rows of one split."""
        return self.select(np.asarray(self.split == Split(split).value, dtype=np.bool_))


def read_scores(path: str | os.PathLike[str]) -> ScoreTable:
    """The score table in a CSV file.

    Args:
        path: UTF-8 with a header that holds every name of `COLUMNS`, in any order. An empty attack_score is a
            non-response and wants a reason. `physical_score` and `digital_score` are family scores; every other
            column is a group.

    Raises:
        ScoreError: If the file is missing, is not CSV, or holds a value that a `ScoreTable` may not have.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ScoreError(
            f"a score table must be a file that can be read; {path} gives '{error.strerror}'; check the path"
        ) from None
    return table_of(*records_in(data, path), path)


def records_in(data: bytes, path: str | os.PathLike[str]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and every row with the number of its line."""
    try:
        lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        return next(lines, []), [(lines.line_num, row) for row in lines if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ScoreError(
            f"a score table must be CSV in UTF-8; {path} is not: {error}; save it again"
        ) from None


def table_of(
    header: list[str], rows: list[tuple[int, list[str]]], path: str | os.PathLike[str]
) -> ScoreTable:
    """The table that a header and its numbered rows make; `ScoreError` where they make none."""
    _check_header(header, path)
    for line, row in rows:
        if len(row) != len(header):
            raise ScoreError(
                f"every row must have {len(header)} values, as the header has; "
                f"line {line} of {path} has {len(row)}; complete or remove it"
            )
    columns = {name: [row[i] for _, row in rows] for i, name in enumerate(header)}
    lines = [line for line, _ in rows]
    texts = {name: text_column(name, values) for name, values in columns.items() if not _is_number(name)}
    numbers = {name: _numbers(name, columns[name], lines) for name in columns if _is_number(name)}
    return ScoreTable(
        **{name: texts.pop(name) for name in TEXT_COLUMNS},
        attack_score=numbers.pop("attack_score"),
        groups=texts,
        family_scores={FAMILY_COLUMNS[name]: scores for name, scores in numbers.items()},
    )


def _is_number(name: str) -> bool:
    return name == "attack_score" or name in FAMILY_COLUMNS


def _check_header(header: list[str], path: str | os.PathLike[str]) -> None:
    for name in COLUMNS:
        if name not in header:
            raise ScoreError(
                f"a score table must have the columns {', '.join(COLUMNS)}; {path} has no {name}; "
                "add it, empty where nothing is known"
            )
    for name in header:
        if header.count(name) > 1:
            raise ScoreError(
                f"column names must be unique; {path} has '{name}' {header.count(name)} times; rename one"
            )


def _numbers(name: str, texts: list[str], lines: list[int]) -> Scores:
    numbers = np.empty(len(texts))
    for i, text in enumerate(texts):
        try:
            numbers[i] = float(text.replace("_", "?")) if text else np.nan  # float alone takes 0_1 for 1
        except ValueError:
            raise ScoreError(
                f"{name} must be a number or empty; line {lines[i]} has '{text}'; correct the row"
            ) from None
    return numbers


def header_of(groups: Iterable[str], families: Iterable[Family]) -> list[str]:
    """The columns of a file, in their order."""
    chosen = set(families)
    return [*COLUMNS, *(name for name, family in FAMILY_COLUMNS.items() if family in chosen), *groups]


def rows_of(table: ScoreTable) -> Iterator[list[str | float]]:
    """Rows as they stand in the file, in the order of `header_of`; a non-response has an empty score."""
    columns = {name: getattr(table, name) for name in TEXT_COLUMNS} | dict(table.groups)
    columns |= number_columns(table.attack_score, table.family_scores)
    header = header_of(table.groups, table.family_scores)
    for row in zip(*(columns[name].tolist() for name in header), strict=True):
        yield ["" if value != value else value for value in row]  # noqa: PLR0124 - NaN alone is not itself


def write_scores(path: str | os.PathLike[str], table: ScoreTable) -> None:
    """Write a table as CSV that `read_scores` reads back to the same values.

    Args:
        path: Replaced at once when the new file is complete.
        table: Any table.
    """
    target = Path(path)
    part = target.with_name(target.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header_of(table.groups, table.family_scores))
        writer.writerows(rows_of(table))
    part.replace(target)
