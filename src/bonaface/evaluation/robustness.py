"""How errors grow with the severity of an alteration: curves at one threshold, and the area under them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pydantic

from bonaface.errors import ScoreError
from bonaface.evaluation import rates
from bonaface.evaluation.causal_probe import Probe
from bonaface.evaluation.curves import auc
from bonaface.evaluation.json_file import read_object, write_object
from bonaface.evaluation.measured import MeasuredRate, Number, measured
from bonaface.evaluation.rates import Rate
from bonaface.evaluation.scores import ScoreTable
from bonaface.vocabulary import Split

SCHEMA_VERSION = 1
Quantity = Literal["auc", "apcer_pooled", "apcer_worst", "bpcer", "acer_pooled"]
"""What a curve can be drawn of."""


@dataclass(frozen=True, slots=True)
class RobustnessPoint:
    """Every rate at one severity; NaN where a class has no score.

    Attributes:
        severity: In the curve's unit.
        auc: All attacks against all bona fide rows; needs no threshold.
        apcer_pooled: Over all attacks with a score.
        apcer_worst: Of the worst species here, which may be another at another severity.
        worst_species: Which that is; None without a scored attack.
        bpcer: Over bona fide rows with a score.
        acer_pooled: Mean of apcer_pooled and bpcer.
        apnrr: Attacks without a score.
        bpnrr: Bona fide rows without a score.
    """

    severity: float
    auc: Number
    apcer_pooled: MeasuredRate
    apcer_worst: MeasuredRate
    worst_species: str | None
    bpcer: MeasuredRate
    acer_pooled: Number
    apnrr: MeasuredRate
    bpnrr: MeasuredRate

    def value(self, quantity: Quantity) -> float:
        """The number that a curve of `quantity` has here."""
        found = getattr(self, quantity)
        return float(found.value if isinstance(found, MeasuredRate) else found)


@dataclass(frozen=True, slots=True)
class Areas:
    """Mean height of each curve over the severities, as is included; NaN where a point is not known."""

    auc: Number
    apcer_pooled: Number
    apcer_worst: Number
    bpcer: Number
    acer_pooled: Number


@dataclass(frozen=True, slots=True)
class RobustnessCurve:
    """What one kind of alteration does, from nothing to its worst.

    Attributes:
        kind: Its word.
        unit: Of the severities.
        threshold: At or above it a row is called an attack.
        points: As is first, then from mild to strong.
        areas: Under the curves, over severities brought to [0, 1].
        notes: What could not be computed.
    """

    kind: str
    unit: str
    threshold: float
    points: tuple[RobustnessPoint, ...]
    areas: Areas
    notes: tuple[str, ...]

    @property
    def severities(self) -> tuple[float, ...]:
        """The x values of every curve."""
        return tuple(point.severity for point in self.points)

    def values(self, quantity: Quantity) -> tuple[float, ...]:
        """The y values of the curve of `quantity`, NaN where it is not known."""
        return tuple(point.value(quantity) for point in self.points)


@dataclass(frozen=True, slots=True)
class AlteredProbe:
    """What one severity of one kind does to the scores of the same pictures.

    Attributes:
        kind: Of the alteration.
        severity: In the unit of the kind's curve.
        probe: As is before, altered after.
    """

    kind: str
    severity: float
    probe: Probe


@dataclass(frozen=True, slots=True)
class Robustness:
    """All that is measured of one detector on altered pictures.

    Attributes:
        bundle: Name and version of the bundle that gave the scores.
        split: Of the rows.
        rows: How many pictures.
        curves: One for each kind.
        probes: One for each kind and severity.
    """

    bundle: str
    split: Split
    rows: int
    curves: tuple[RobustnessCurve, ...]
    probes: tuple[AlteredProbe, ...]


def robustness(
    tables: Mapping[float, ScoreTable], threshold: float, *, kind: str, unit: str
) -> RobustnessCurve:
    """The curves of one kind of alteration at one threshold.

    Args:
        tables: Scores of the same samples by severity: as is first, then from mild to strong.
        threshold: Chosen on dev, on pictures as they are.
        kind: Of the alteration.
        unit: Of the severities.

    Returns:
        Everything that the rows allow; the rest is NaN, and a note says why.

    Raises:
        ScoreError: If there is no severity beside as is, they do not rise or fall throughout, the samples differ, or
            the threshold is not a finite number.
        MissingExtraError: If scipy is not installed.

    Reference:
        Hendrycks and Dietterich 2019 for kinds and severities; docs/concepts/metrics.md.
    """
    severities = [float(severity) for severity in tables]
    positions = _positions(severities, kind)
    _check_samples(tuple(tables.values()), severities, kind)
    points = tuple(_point(severity, table, threshold) for severity, table in tables.items())
    areas = {
        quantity: float(np.trapezoid([point.value(quantity) for point in points], positions))
        for quantity in ("auc", "apcer_pooled", "apcer_worst", "bpcer", "acer_pooled")
    }
    notes = tuple(note for point in points for note in _notes(point, kind, unit))
    return RobustnessCurve(kind, unit, float(threshold), points, Areas(**areas), notes)


def _positions(severities: Sequence[float], kind: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Severities brought to [0, 1]: as is at 0, the strongest at 1."""
    steps = np.diff(severities)
    if not len(steps) or not (np.all(steps > 0) or np.all(steps < 0)) or not np.isfinite(severities).all():
        raise ScoreError(
            f"severities of {kind} must be as is and then rise or fall throughout; "
            f"got {', '.join(f'{severity:g}' for severity in severities) or 'none'}; put the tables in order"
        )
    return np.asarray((np.array(severities) - severities[0]) / (severities[-1] - severities[0]))


def _check_samples(tables: Sequence[ScoreTable], severities: Sequence[float], kind: str) -> None:
    as_is = set(tables[0].sample.tolist())
    for severity, table in zip(severities[1:], tables[1:], strict=True):
        differs = sorted(as_is ^ set(table.sample.tolist()))
        if differs:
            raise ScoreError(
                f"every severity of {kind} must have the samples of as is; '{differs[0]}' is in one table only, "
                f"as is or {severity:g}; judge the rest"
            )


def _point(severity: float, table: ScoreTable, threshold: float) -> RobustnessPoint:
    by_species, bonafide = rates.apcer(table, threshold), rates.bpcer(table, threshold)
    pooled, worst = rates.apcer_pooled(table, threshold), rates.worst_species(by_species)
    return RobustnessPoint(
        severity=float(severity),
        auc=auc(table) if pooled.total and bonafide.total else math.nan,
        apcer_pooled=measured(pooled),
        apcer_worst=measured(Rate(0, 0) if worst is None else by_species[worst]),
        worst_species=worst,
        bpcer=measured(bonafide),
        acer_pooled=(pooled.value + bonafide.value) / 2,
        apnrr=measured(rates.apnrr(table)),
        bpnrr=measured(rates.bpnrr(table)),
    )


def _notes(point: RobustnessPoint, kind: str, unit: str) -> list[str]:
    silent = {"attack": "APCER", "bona fide row": "BPCER"}
    scored = (point.apcer_pooled.total, point.bpcer.total)
    return [
        f"no {what} has a score under {kind} at {point.severity:g} {unit}: {rate}, ACER and AUC are not known there, "
        "nor are the areas under their curves"
        for (what, rate), total in zip(silent.items(), scored, strict=True)
        if not total
    ]


def to_json(result: Robustness) -> dict[str, Any]:
    """The result as plain values for JSON, with its `schema_version`; what is not known is None."""
    plain: dict[str, Any] = json.loads(pydantic.TypeAdapter(Robustness).dump_json(result))
    return {"schema_version": SCHEMA_VERSION, **plain}


def from_json(plain: Mapping[str, Any]) -> Robustness:
    """The result that `to_json` made plain.

    Raises:
        ScoreError: If it is of another schema version, or a value is missing, unknown or of another kind.
    """
    version = plain.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ScoreError(
            f"robustness must have schema_version {SCHEMA_VERSION}; got {version}; run bonaface stress again"
        )
    values = {name: value for name, value in plain.items() if name != "schema_version"}
    try:
        return pydantic.TypeAdapter(Robustness).validate_json(json.dumps(values), strict=True)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ScoreError(
            f"robustness must have the fields that to_json writes; {where}: {first['msg']}; "
            "run bonaface stress again"
        ) from None


def read_robustness(path: str | os.PathLike[str]) -> Robustness:
    """What `write_robustness` wrote.

    Raises:
        ScoreError: If it is no such file.
    """
    return from_json(read_object(path, "robustness", "run bonaface stress"))


def write_robustness(path: str | os.PathLike[str], result: Robustness) -> None:
    """Write the result as JSON that any parser reads.

    Args:
        path: Replaced at once when the new file is complete.
        result: Any result.
    """
    write_object(path, to_json(result))
