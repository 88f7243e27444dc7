"""The report: every rate with its count and its interval, at a threshold chosen elsewhere."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from bonaface.errors import ScoreError
from bonaface.evaluation import rates
from bonaface.evaluation.columns import Flags, Scores
from bonaface.evaluation.curves import EqualErrorRate, auc_of, eer
from bonaface.evaluation.intervals import clopper_pearson
from bonaface.evaluation.rates import Rate
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.thresholds import Threshold, threshold_by_rule
from bonaface.vocabulary import FAMILIES, SPECIES, Family, Split

SCHEMA_VERSION = 1
CONFIDENCE = 0.95
FEW_BONAFIDE = 30
WIDE_INTERVAL = 0.2


@dataclass(frozen=True, slots=True)
class MeasuredRate:
    """A rate with its exact interval.

    Attributes:
        errors: How many went wrong.
        total: Of how many.
        value: The share in [0, 1]; NaN of nothing.
        low: Lower end of the 95 % Clopper-Pearson interval; NaN of nothing.
        high: Its upper end; NaN of nothing.
    """

    errors: int
    total: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of the split, and how many of them have a score."""

    rows: int
    bonafide: int
    attack: int
    scored_bonafide: int
    scored_attack: int


@dataclass(frozen=True, slots=True)
class SpeciesReport:
    """One species of attack.

    Attributes:
        family: Where it enters; None for a species outside the vocabulary.
        rows: Its rows, with and without a score.
        apcer: Share of its scored rows that is accepted.
        apnrr: Share of its rows without a score.
        auc: Of its rows against all bona fide rows; NaN when either has no score.
    """

    family: Family | None
    rows: int
    apcer: MeasuredRate
    apnrr: MeasuredRate
    auc: float


@dataclass(frozen=True, slots=True)
class ThresholdFree:
    """What does not depend on the threshold. The EER is that of this split: no operating point.

    Attributes:
        split: The rows it was computed on.
        auc: All attacks against all bona fide rows; NaN when a class has no score.
        eer: Likewise.
    """

    split: Split
    auc: float
    eer: EqualErrorRate


@dataclass(frozen=True, slots=True)
class Report:
    """What a detector does on one split at one threshold.

    Attributes:
        bundle: Name and version of the bundle that gave the scores; None when it was none.
        split: The rows the rates were computed on.
        threshold: With its interval, its rule and the split it was chosen on.
        counts: Rows of the split.
        species: Every species of attack, in alphabetical order.
        worst_species: The one with the highest APCER; None without a scored attack.
        apcer_worst: Its APCER, the standard's; the interval is that of the species alone.
        apcer_pooled: Over all attacks.
        bpcer: Over bona fide rows with a score.
        bpcer_with_non_responses: Over all bona fide rows; no answer counts as an error.
        acer_worst: Mean of apcer_worst and bpcer.
        acer_pooled: Mean of apcer_pooled and bpcer.
        apnrr: Attacks without a score.
        bpnrr: Bona fide rows without a score.
        threshold_free: AUC and EER.
        notes: What could not be computed, and what a reader must know of these numbers.
    """

    bundle: str | None
    split: Split
    threshold: Threshold
    counts: Counts
    species: dict[str, SpeciesReport]
    worst_species: str | None
    apcer_worst: MeasuredRate
    apcer_pooled: MeasuredRate
    bpcer: MeasuredRate
    bpcer_with_non_responses: MeasuredRate
    acer_worst: float
    acer_pooled: float
    apnrr: MeasuredRate
    bpnrr: MeasuredRate
    threshold_free: ThresholdFree
    notes: list[str]


def report_from_scores(
    table: ScoreTable, rule: str = "eer", *, bundle: str | None = None, allow_shared_subjects: bool = False
) -> Report:
    """Choose the threshold on the dev rows and measure it on the test rows.

    Args:
        table: Rows of dev and test; others are passed over.
        rule: As `threshold_by_rule` takes it.
        bundle: Name and version of the bundle that gave the scores.
        allow_shared_subjects: Measure although a subject is in both dev and test, and note it. For published
            protocols that are made so.

    Raises:
        ScoreError: If dev or test has no row, dev lacks a class with scores, the rule is unknown, or a subject is
            in both dev and test.
    """
    dev, test = table.of_split(Split.DEV), table.of_split(Split.TEST)
    for split, rows in ((Split.DEV, dev), (Split.TEST, test)):
        if not len(rows):
            found = ", ".join(np.unique(table.split).tolist()) or "none"
            raise ScoreError(f"scores must have rows of dev and of test; got {found}; add {split} rows")
    shared = np.intersect1d(dev.subject[dev.subject != ""], test.subject).tolist()
    if shared and not allow_shared_subjects:
        raise ScoreError(
            f"a subject must be in dev or in test, not in both; got '{shared[0]}'"
            f"{f' and {len(shared) - 1} more' if shared[1:] else ''}; move all rows of a subject to one split"
        )
    report = evaluate(test, threshold_by_rule(dev, rule), bundle=bundle)
    return replace(report, notes=[*_split_notes(dev, test, shared), *report.notes])


def evaluate(table: ScoreTable, threshold: Threshold, *, bundle: str | None = None) -> Report:
    """Measure a threshold on the rows of one split.

    Args:
        table: Rows of one split, the test rows as a rule.
        threshold: Chosen on other rows, or fixed.
        bundle: Name and version of the bundle that gave the scores.

    Returns:
        Everything that these rows allow; the rest is NaN, and a note says why.

    Raises:
        ScoreError: If the table has no row, or rows of several splits.
        MissingExtraError: If scipy is not installed.
    """
    splits = sorted(set(table.split.tolist()))
    if len(splits) != 1:
        raise ScoreError(
            f"a report must be of the rows of one split; got {', '.join(splits) or 'no row'}; select one with of_split"
        )
    split, at = Split(splits[0]), threshold.value
    by_species, bonafide = rates.apcer(table, at), rates.bpcer(table, at)
    worst = rates.worst_species(by_species)
    apcer_worst = Rate(0, 0) if worst is None else by_species[worst]
    return Report(
        bundle=bundle,
        split=split,
        threshold=threshold,
        counts=_counts(table),
        species=_species(table, by_species),
        worst_species=worst,
        apcer_worst=_measured(apcer_worst),
        apcer_pooled=_measured(rates.apcer_pooled(table, at)),
        bpcer=_measured(bonafide),
        bpcer_with_non_responses=_measured(rates.bpcer_with_non_responses(table, at)),
        acer_worst=(apcer_worst.value + bonafide.value) / 2,
        acer_pooled=rates.acer_pooled(table, at),
        apnrr=_measured(rates.apnrr(table)),
        bpnrr=_measured(rates.bpnrr(table)),
        threshold_free=_threshold_free(table, split),
        notes=_notes(table, threshold, split),
    )


def _measured(rate: Rate) -> MeasuredRate:
    if not rate.total:
        return MeasuredRate(0, 0, math.nan, math.nan, math.nan)
    low, high = clopper_pearson(rate.errors, rate.total, CONFIDENCE)
    return MeasuredRate(rate.errors, rate.total, rate.value, low, high)


def _counts(table: ScoreTable) -> Counts:
    return Counts(
        rows=len(table),
        bonafide=int(np.count_nonzero(table.is_bonafide)),
        attack=int(np.count_nonzero(table.is_attack)),
        scored_bonafide=int(np.count_nonzero(table.is_bonafide & table.has_score)),
        scored_attack=int(np.count_nonzero(table.is_attack & table.has_score)),
    )


def _species(table: ScoreTable, accepted: Mapping[str, Rate]) -> dict[str, SpeciesReport]:
    silent, scored, bonafide = rates.apnrr_by_species(table), table.has_score, table.is_bonafide
    return {
        name: SpeciesReport(
            family=_family(name),
            rows=int(np.count_nonzero(rows)),
            apcer=_measured(accepted[name]),
            apnrr=_measured(silent[name]),
            auc=_auc(table.attack_score, rows & scored, bonafide & scored),
        )
        for name, rows in rates.rows_by_species(table).items()
    }


def _family(species: str) -> Family | None:
    return SPECIES[species].family if species in SPECIES else None


def _auc(scores: Scores, attacks: Flags, bonafide: Flags) -> float:
    if not attacks.any() or not bonafide.any():
        return math.nan
    rows = attacks | bonafide
    return auc_of(scores[rows], attacks[rows])


def _threshold_free(table: ScoreTable, split: Split) -> ThresholdFree:
    scored = table.has_score
    area = _auc(table.attack_score, table.is_attack & scored, table.is_bonafide & scored)
    nothing = EqualErrorRate(math.nan, math.nan, math.nan)
    return ThresholdFree(split, area, nothing if math.isnan(area) else eer(table))


def _notes(table: ScoreTable, threshold: Threshold, split: Split) -> list[str]:
    counts, notes, silence = _counts(table), [], rates.apnrr_by_species(table)
    if not counts.scored_attack:
        notes.append(f"{split} has no attack with a score: APCER, ACER, AUC and EER are not known")
    if not counts.scored_bonafide:
        notes.append(f"{split} has no bona fide row with a score: BPCER, ACER, AUC and EER are not known")
    elif counts.scored_bonafide < FEW_BONAFIDE:
        notes.append(
            f"{split} has {counts.scored_bonafide} bona fide rows with a score, fewer than {FEW_BONAFIDE}: "
            "BPCER is a rough number"
        )
    if counts.scored_attack:
        silent = [name for name, rate in silence.items() if rate.errors == rate.total]
        notes += [f"no {name} row has a score: its APCER is not known" for name in silent]
    unknown = [name for name in silence if name not in SPECIES]
    notes += [f"species {name} is outside the vocabulary: its family is not known" for name in unknown]
    if threshold.high - threshold.low > WIDE_INTERVAL:
        notes.append(
            f"every threshold from {threshold.low:.3f} to {threshold.high:.3f} makes the same errors on the rows "
            f"it was chosen on: the place of {threshold.value:.3f} between them is a guess"
        )
    if threshold.split is split:
        notes.append(f"the threshold was chosen on {split}, where it is measured: the rates may be too good")
    return notes


def _split_notes(dev: ScoreTable, test: ScoreTable, shared: list[str]) -> list[str]:
    notes = []
    if shared:
        notes.append(f"{len(shared)} subjects are in both dev and test: the rates may be too good")
    unnamed = int((dev.subject == "").sum() + (test.subject == "").sum())
    if unnamed:
        notes.append(f"{unnamed} rows have no subject: whether dev and test share one is not known")
    for family in FAMILIES:
        if _has_scored(test, family) and not _has_scored(dev, family):
            notes.append(
                f"dev has no {family} attack with a score: the dev threshold says nothing about {family} attacks"
            )
    return notes


def _has_scored(table: ScoreTable, family: Family) -> bool:
    names = set(table.species[table.has_score].tolist())
    return any(_family(name) is family for name in names)


def to_json(report: Report) -> dict[str, Any]:
    """The report as plain values for JSON, with its `schema_version`; what is not known is None."""
    plain: dict[str, Any] = _without_nan({"schema_version": SCHEMA_VERSION, **asdict(report)})
    return plain


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, StrEnum):
        return value.value
    return None if isinstance(value, float) and math.isnan(value) else value


def from_json(plain: Mapping[str, Any]) -> Report:
    """The report that `to_json` made plain.

    Raises:
        ScoreError: If it is of another schema version, or a value is missing or unknown.
    """
    version = plain.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ScoreError(
            f"a report must have schema_version {SCHEMA_VERSION}; got {version}; write it again with this release"
        )
    try:
        return _report({name: value for name, value in plain.items() if name != "schema_version"})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ScoreError(
            f"a report must have the fields that to_json writes; got {type(error).__name__}: {error}; write it again"
        ) from None


def _report(values: dict[str, Any]) -> Report:
    for name in ("apcer_worst", "apcer_pooled", "bpcer", "bpcer_with_non_responses", "apnrr", "bpnrr"):
        values[name] = MeasuredRate(**_with_nan(values[name]))
    for name in ("acer_worst", "acer_pooled"):
        values[name] = _number(values[name])
    threshold, free = dict(values["threshold"]), values["threshold_free"]
    if threshold["split"] is not None:
        threshold["split"] = Split(threshold["split"])
    values["split"] = Split(values["split"])
    values["threshold"] = Threshold(**threshold)
    values["counts"] = Counts(**values["counts"])
    values["species"] = {name: _species_report(part) for name, part in values["species"].items()}
    values["threshold_free"] = ThresholdFree(
        Split(free["split"]), _number(free["auc"]), EqualErrorRate(**_with_nan(free["eer"]))
    )
    values["notes"] = list(values["notes"])
    return Report(**values)


def _species_report(part: Mapping[str, Any]) -> SpeciesReport:
    return SpeciesReport(
        family=None if part["family"] is None else Family(part["family"]),
        rows=part["rows"],
        apcer=MeasuredRate(**_with_nan(part["apcer"])),
        apnrr=MeasuredRate(**_with_nan(part["apnrr"])),
        auc=_number(part["auc"]),
    )


def _with_nan(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _number(value) for name, value in part.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def write_report(path: str | os.PathLike[str], report: Report) -> None:
    """Write the report as JSON that any parser reads.

    Args:
        path: Replaced at once when the new file is complete.
        report: Any report.
    """
    target = Path(path)
    part = target.with_name(target.name + ".part")
    text = json.dumps(to_json(report), indent=2, ensure_ascii=False, allow_nan=False)
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(target)
