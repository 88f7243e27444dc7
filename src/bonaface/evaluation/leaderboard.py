"""A leaderboard: recipes beside each other under the same protocols, with what is known of every difference."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

import pydantic

from bonaface.evaluation.bootstrap import BootstrapInterval
from bonaface.evaluation.json_file import write_object
from bonaface.evaluation.measured import Number
from bonaface.evaluation.thresholds import Threshold

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What one run reached on test, at the threshold that its own dev rows chose."""

    recipe: str
    protocol: str
    part: str
    seed: int
    threshold: Threshold
    values: dict[str, Number]


@dataclass(frozen=True, slots=True)
class Versus:
    """A recipe's figure less the baseline's.

    Attributes:
        difference: With its interval, both measured on the same drawn subjects.
        is_better: Whether the recipe is better (True) or worse (False); None where the interval holds 0, which is within
            noise, or is not known, since no draw differs from another.
        agreeing: Seeds whose own difference has the same sign.
        seeds: Seeds that both have.
    """

    difference: BootstrapInterval
    is_better: bool | None
    agreeing: int
    seeds: int


@dataclass(frozen=True, slots=True)
class Figure:
    """One statistic of a recipe under a protocol.

    Attributes:
        interval: The mean over seeds, and over the protocol's parts, with its interval by subjects drawn again.
        by_seed: The mean over parts, for every seed.
        spread: Standard deviation over seeds; NaN of one.
        versus: Beside the baseline; None for the baseline itself, and where it has no figures.
    """

    interval: BootstrapInterval
    by_seed: dict[int, Number]
    spread: Number
    versus: Versus | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A recipe under a protocol; `figures` by statistic, none where no seed has every part."""

    recipe: str
    figures: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Board:
    """One protocol.

    Attributes:
        protocol: Its name.
        parts: Of several manifests, their names; figures are means over them. One empty name where there is one.
        rows: Of test, over all parts.
        subjects: That are drawn again: a subject of several parts is one.
        standings: In the order of the recipes.
        notes: What a reader must know.
    """

    protocol: str
    parts: tuple[str, ...]
    rows: int
    subjects: int
    standings: list[Standing]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that has no scores, or none that a threshold can be chosen on, and why."""

    run: str
    reason: str


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """All recipes under all protocols.

    Attributes:
        baseline: The recipe that the others are compared with.
        rule: By which every run chose its threshold on its dev rows.
        replicates: Of the subject bootstrap.
        seed: Of the bootstrap.
        boards: A protocol each.
        runs: The figures of every run.
        failures: Runs that are missing.
        notes: What a reader must know of all boards.
    """

    baseline: str
    rule: str
    replicates: int
    seed: int
    boards: list[Board]
    runs: list[RunFigures]
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def to_json(board: Leaderboard) -> dict[str, Any]:
    """Plain values for JSON, with their `schema_version`; what is not known is None."""
    plain: dict[str, Any] = json.loads(pydantic.TypeAdapter(Leaderboard).dump_json(board))
    return {"schema_version": SCHEMA_VERSION, **plain}


def write_leaderboard(path: str | os.PathLike[str], board: Leaderboard) -> None:
    """Write it as JSON that any parser reads; the file is replaced at once when the new one is complete."""
    write_object(path, to_json(board))
