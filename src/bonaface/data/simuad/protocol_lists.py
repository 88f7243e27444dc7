"""The protocols of SimUAD: what is unseen in each, and their rows as manifests over the same pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from bonaface.attacks.simulations import SIMULATIONS
from bonaface.data.manifest import Row, write_manifest
from bonaface.data.simuad.variants import SIMULATED
from bonaface.vocabulary import Family, Species, Split

FOLDER = "protocols"
SOURCE_HASH = "source_sha256"
"""The column of the benchmark's manifest that protocols do without; `parameters` is another."""


def _species() -> tuple[Species, ...]:
    return tuple(dict.fromkeys(SIMULATIONS[name].species for name in SIMULATED))


@dataclass(frozen=True, slots=True)
class Definition:
    """A protocol. Bona fide rows are in all splits, and every split keeps its own variants.

    Attributes:
        name: Its word, and its list's name.
        unseen: Names of the species that the test split alone has, and no other; where empty every split has all.
        meaning: What is unseen, for people.
    """

    name: str
    unseen: frozenset[str]
    meaning: str

    @property
    def path(self) -> str:
        """Of its list, below the benchmark's folder."""
        return f"{FOLDER}/{self.name}.csv"

    def holds(self, row: Row) -> bool:
        """Whether a row of the benchmark is in it."""
        if row.is_bonafide or not self.unseen:
            return True
        return (row.species.name in self.unseen) == (row.split is Split.TEST)


def _of_family(family: Family) -> frozenset[str]:
    return frozenset(one.name for one in _species() if one.family is family)


PROTOCOLS: tuple[Definition, ...] = (
    Definition("S1", frozenset(), "variants and strengths of every species"),
    Definition("S2.1", _of_family(Family.PHYSICAL), "all physical attacks"),
    Definition("S2.2", _of_family(Family.DIGITAL), "all digital attacks"),
    *(Definition(f"LOSO-{one.name}", frozenset({one.name}), one.name) for one in _species()),
)
"""Every protocol, S1 first."""


def listed(definition: Definition, rows: Iterable[Row]) -> list[Row]:
    """The rows of a protocol, as its list has them: paths from its own folder, without how the pictures were made."""
    return [
        replace(
            row,
            path=f"../{row.path}",
            parameters="",
            groups={name: value for name, value in row.groups.items() if name != SOURCE_HASH},
        )
        for row in rows
        if definition.holds(row)
    ]


def write_lists(folder: Path, rows: Iterable[Row]) -> None:
    """Write every protocol's list below the benchmark's folder."""
    every = list(rows)
    for definition in PROTOCOLS:
        write_manifest(folder / definition.path, listed(definition, every))
