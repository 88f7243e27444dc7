"""A score table that grows row by row on disk, and goes on where an earlier run stopped."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TextIO

import numpy as np

from bonaface.errors import ScoreError
from bonaface.evaluation.columns import number_column, text_column
from bonaface.evaluation.scores import (
    ScoreTable,
    header_of,
    records_in,
    rows_of,
    table_of,
    write_scores,
)
from bonaface.locks import is_held
from bonaface.vocabulary import Family


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
        header = header_of(self._groups, self._families)
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(header)
        whole_header = line.getvalue().encode()
        data = self.path.read_bytes()
        if whole_header.startswith(data):
            self.path.write_bytes(whole_header)
            data = whole_header
        complete = data[: data.rfind(b"\n") + 1]
        found, rows = records_in(complete, self.path)
        if found != header:
            raise ScoreError(
                f"a score table must have the columns {', '.join(header)} to be continued; "
                f"{self.path} has {', '.join(found) or 'none'}; choose another file"
            )
        return table_of(found, rows, self.path), len(complete)

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
        csv.writer(self._file, lineterminator="\n").writerows(rows_of(row))
        self._file.flush()
        self.done.add(sample)
