"""Group columns, such as gender, age, skin tone or lighting: which can be compared, and their groups in a reader's order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bonaface.errors import ScoreError, did_you_mean
from bonaface.evaluation.detection import ACCEPTED
from bonaface.evaluation.scores import ScoreTable

MAX_GROUPS = 20
SKIN_TONE = "skin_tone"
"""The column whose values may be words of a scale: 'Monk 1' to 'Monk 10', or Fitzpatrick's 'I' to 'VI'."""

NOT_PEOPLE = frozenset(
    {ACCEPTED, "simulation", "variant", "strength", "partner", "sample_id", "source_sha256"}
)
"""Columns that say how a sample was made or judged: compared as groups only when asked for."""

_FITZPATRICK = ("i", "ii", "iii", "iv", "v", "vi")
_SCALE = re.compile(r"(?:(?:monk|mst|fitzpatrick|fst|skin|tone|type)[\W_]*)+")
_LEADING_NUMBER = re.compile(r"[\W_]*\d")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True, eq=False)
class GroupColumn:
    """The groups of a column, or of two crossed.

    Attributes:
        names: Of the column, or of both.
        groups: One value for each name.
        of_row: The position of each row's group; -1 where it is unknown.
    """

    names: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    of_row: npt.NDArray[np.intp]

    def crossed(self, other: GroupColumn) -> GroupColumn:
        """The pairs of groups that have a row."""
        size = len(other.groups)
        unknown = (self.of_row < 0) | (other.of_row < 0)
        pair = np.where(unknown, len(self.groups) * size, self.of_row * size + other.of_row)
        present = np.unique(pair[~unknown])
        place = np.full(len(self.groups) * size + 1, -1)
        place[present] = np.arange(len(present))
        groups = tuple(self.groups[one // size] + other.groups[one % size] for one in present.tolist())
        return GroupColumn(self.names + other.names, groups, place[pair])


def group_columns(
    table: ScoreTable, asked: Sequence[str] | None = None
) -> tuple[list[GroupColumn], list[str]]:
    """The columns whose groups can be compared, and a note for each that can not.

    Args:
        table: An empty value is unknown.
        asked: Their names; all by default, but `NOT_PEOPLE`.

    Returns:
        A column with one value has nothing to compare. One with more than `MAX_GROUPS` names presentations, or wants
        bands.

    Raises:
        ScoreError: If there is no such column.
    """
    columns, notes = [], []
    for name in _names(table, asked):
        texts = table.groups[name]
        values = [value for value in np.unique(texts).tolist() if value]
        if len(values) < 2:
            notes.append(f"column {name} has {'one' if values else 'no'} value: nothing to compare")
        elif len(values) > MAX_GROUPS:
            notes.append(
                f"column {name} has {len(values)} values, more than {MAX_GROUPS}: passed over; put them in bands"
            )
        else:
            of_row = np.full(len(texts), -1)
            for place, value in enumerate(values := in_order(name, values)):
                of_row[texts == value] = place
            columns.append(GroupColumn((name,), tuple((value,) for value in values), of_row))
    return columns, notes


def _names(table: ScoreTable, asked: Sequence[str] | None) -> list[str]:
    if asked is None:
        return [name for name in table.groups if name not in NOT_PEOPLE]
    for name in asked:
        if name not in table.groups:
            tail = did_you_mean(name, table.groups) or "; add it"
            raise ScoreError(
                f"groups must be those of a group column; got '{name}' of "
                f"{', '.join(table.groups) or 'no group column'}{tail}"
            )
    return list(dict.fromkeys(asked))


def in_order(column: str, values: Sequence[str]) -> list[str]:
    """Values as a reader expects them: numbers and scales of skin tone by size, else by alphabet.

    Args:
        column: Its name; in `SKIN_TONE` the words of a scale are understood.
        values: Unlike each other.

    >>> in_order("age", ["65+", "18-30", "<18", "9"])
    ['9', '<18', '18-30', '65+']
    >>> in_order("skin_tone", ["type V", "type IX", "type IV"])
    ['type IV', 'type IX', 'type V']
    """
    is_tone = column == SKIN_TONE
    words = {value: _SCALE.sub("", value.casefold()) if is_tone else value for value in values}
    if is_tone and all(word in _FITZPATRICK for word in words.values()):
        return sorted(values, key=lambda value: _FITZPATRICK.index(words[value]))
    if all(_LEADING_NUMBER.match(word) for word in words.values()):
        return sorted(values, key=lambda value: ([float(n) for n in _NUMBER.findall(words[value])], value))
    return sorted(values)
