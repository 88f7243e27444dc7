"""The score table: a row a presentation, in memory and as CSV. Everything in this room is computed from it."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TextIO

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
from bonaface.locks import is_held
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
    return _table(*_records(data, path), path)


def _records(data: bytes, path: str | os.PathLike[str]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and every row with the number of its line."""
    try:
        lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        return next(lines, []), [(lines.line_num, row) for row in lines if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ScoreError(
            f"a score table must be CSV in UTF-8; {path} is not: {error}; save it again"
        ) from None


def _table(header: list[str], rows: list[tuple[int, list[str]]], path: str | os.PathLike[str]) -> ScoreTable:
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


def _header(groups: Iterable[str], families: Iterable[Family]) -> list[str]:
    chosen = set(families)
    return [*COLUMNS, *(name for name, family in FAMILY_COLUMNS.items() if family in chosen), *groups]


def _rows(table: ScoreTable) -> Iterator[list[str | float]]:
    """Rows as they stand in the file, in the order of `_header`; a non-response has an empty score."""
    columns = {name: getattr(table, name) for name in TEXT_COLUMNS} | dict(table.groups)
    columns |= number_columns(table.attack_score, table.family_scores)
    header = _header(table.groups, table.family_scores)
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
        writer.writerow(_header(table.groups, table.family_scores))
        writer.writerows(_rows(table))
    part.replace(target)


class ScoreWriter:
    """Appends rows to a CSV score table as they come, and goes on where an earlier run stopped.

    Args:
        path: Made when it is not there; otherwise a table of the same columns.
        groups: Names of the group columns.
        families: Families with a column of evidence.
        forgotten: Says of the table that is there which samples' rows are taken out on entering, to be appended anew.

    Attributes:
        done: Samples that are in the file; filled on entering the `with` block.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        groups: Sequence[str] = (),
        families: Sequence[Family] = (),
        forgotten: Callable[[ScoreTable], Collection[str]] = lambda _table: (),
    ) -> None:
        self.path = Path(path)
        self.done: set[str] = set()
        self._forgotten = forgotten
        self._groups = tuple(groups)
        self._families = tuple(families)
        self._file: TextIO | None = None

    def __enter__(self) -> ScoreWriter:
        """Open the file; a last line that a crash left half-written is dropped.

        Raises:
            ScoreError: If the file is there and is not a score table of the same columns, or another process is appending to it.
        """
        self._file = self._opened()
        try:
            table, length = self._found()
            forgotten = set(self._forgotten(table))
            is_kept = np.array([sample not in forgotten for sample in table.sample.tolist()], np.bool_)
            self.done = set(table.sample[is_kept].tolist())
            os.truncate(self.path, length)
            if not is_kept.all():
                write_scores(self.path, table.select(is_kept))
                left, self._file = self._file, self._opened()
                left.close()
        except BaseException:
            self._file.close()
            self._file = None
            raise
        return self

    def _opened(self) -> TextIO:
        file = self.path.open("a", encoding="utf-8", newline="")
        if not is_held(file):
            file.close()
            raise ScoreError(
                f"{self.path} must be written by one process at a time; another one is at it; wait for its end, "
                "or write to another place"
            )
        return file

    def _found(self) -> tuple[ScoreTable, int]:
        """The rows that are there, and how many bytes are whole lines; a file without a header gets one."""
        header = _header(self._groups, self._families)
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(header)
        whole_header = line.getvalue().encode()
        data = self.path.read_bytes()
        if whole_header.startswith(data):
            self.path.write_bytes(whole_header)
            data = whole_header
        complete = data[: data.rfind(b"\n") + 1]
        found, rows = _records(complete, self.path)
        if found != header:
            raise ScoreError(
                f"a score table must have the columns {', '.join(header)} to be continued; "
                f"{self.path} has {', '.join(found) or 'none'}; choose another file"
            )
        return _table(found, rows, self.path), len(complete)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None

    def append(
        self,
        *,
        sample: str,
        label: str,
        species: str,
        subject: str,
        split: str,
        attack_score: float | None,
        reason: str = "",
        groups: Mapping[str, str] | None = None,
        family_scores: Mapping[Family, float] | None = None,
    ) -> None:
        """Write one row and flush it.

        Args:
            sample: Must not be in `done`.
            label: A word of `Label`.
            species: 'bonafide' exactly where the label is.
            subject: Whose face; empty where unknown.
            split: A word of `Split`.
            attack_score: In [0, 1], higher = attack; None without a score.
            reason: Why there is no score.
            groups: One value for every group column.
            family_scores: One value for every family column; may be left out where there is no score.

        Raises:
            ScoreError: If the row may not stand in a `ScoreTable`, is there already, or nothing is open.
        """
        if self._file is None:
            raise ScoreError(
                "rows must be appended inside the with block; this file is closed; open it again"
            )
        if sample in self.done:
            raise ScoreError(
                f"sample must be unique; '{sample}' is in {self.path} already; skip what is done"
            )
        groups = groups or {}
        if set(groups) != set(self._groups):
            raise ScoreError(
                f"groups must be {', '.join(self._groups) or 'empty'}; sample '{sample}' has "
                f"{', '.join(groups) or 'none'}; give one value for every group column"
            )
        score = np.nan if attack_score is None else attack_score
        families = dict.fromkeys(self._families, np.nan) | dict(family_scores or {})
        if len(families) > len(self._families):
            raise ScoreError(
                f"family scores must be of {', '.join(self._families) or 'no family'}; sample '{sample}' has "
                f"{', '.join(families)}; name the families when opening"
            )
        row = ScoreTable(
            sample=text_column("sample", [sample]),
            label=text_column("label", [label]),
            species=text_column("species", [species]),
            subject=text_column("subject", [subject]),
            split=text_column("split", [split]),
            attack_score=number_column("attack_score", [score]),
            reason=text_column("reason", [reason]),
            groups={name: text_column(name, [groups[name]]) for name in self._groups},
            family_scores={f: number_column(f"{f}_score", [value]) for f, value in families.items()},
        )
        csv.writer(self._file, lineterminator="\n").writerows(_rows(row))
        self._file.flush()
        self.done.add(sample)
