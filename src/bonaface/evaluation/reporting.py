"""From a score table to a report: the threshold from the dev rows, the rates of the test rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from bonaface.errors import ScoreError
from bonaface.evaluation import detection, rates
from bonaface.evaluation.bootstrap import BootstrapInterval, bootstrap
from bonaface.evaluation.curves import EqualErrorRate
from bonaface.evaluation.detection import ACCEPTED, Accuracy
from bonaface.evaluation.fairness import MIN_GROUP, fairness
from bonaface.evaluation.likelihood import certain_errors, cllr, min_cllr
from bonaface.evaluation.measured import measured
from bonaface.evaluation.operating_points import (
    OPERATING_POINTS,
    OperatingPoint,
    apcer_at_bpcer,
    bpcer10,
    bpcer20,
    bpcer100,
    named_thresholds,
    tpr_at_fpr,
)
from bonaface.evaluation.ordered import order
from bonaface.evaluation.presentations import aggregate
from bonaface.evaluation.rates import Rate
from bonaface.evaluation.reliability import reliability
from bonaface.evaluation.remarks import (
    claim_notes,
    family_of,
    shared_notes,
    shared_subjects,
    split_notes,
    table_notes,
    threshold_notes,
)
from bonaface.evaluation.replicates import Statistic
from bonaface.evaluation.report import (
    CalibrationReport,
    Counts,
    Level,
    LimitReport,
    PointReport,
    Report,
    SpeciesReport,
    ThresholdFree,
)
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.thresholds import FIXED, Threshold, parse_rule, threshold_by_rule
from bonaface.vocabulary import Split

LIMITS: dict[str, Callable[[ScoreTable], OperatingPoint]] = {
    "bpcer10": bpcer10,
    "bpcer20": bpcer20,
    "bpcer100": bpcer100,
    "apcer_at_bpcer1": lambda table: apcer_at_bpcer(table, 0.01),
    "tpr_at_fpr1": lambda table: tpr_at_fpr(table, 0.01),
}
"""One error where another is held, by the name it has in reports."""

AT_THRESHOLD: tuple[Statistic, ...] = (
    "apcer", "apcer_worst", "apcer_pooled", "bpcer", "acer_worst", "acer_pooled",
)  # fmt: skip
THRESHOLD_FREE: tuple[Statistic, ...] = ("eer", "auc")


def report_from_scores(
    table: ScoreTable,
    rule: str = "eer",
    *,
    bundle: str | None = None,
    presentations: str | None = None,
    how: str = "mean",
    replicates: int = 0,
    seed: int = 0,
    groups: Sequence[str] | None = None,
    min_group: int = MIN_GROUP,
    allow_shared_subjects: bool = False,
) -> Report:
    """Choose the threshold on the dev rows and measure it on the test rows.

    Args:
        table: Rows of dev and test; others are passed over.
        rule: As `threshold_by_rule` takes it. 'fixed=x' needs no dev rows.
        bundle: Name and version of the bundle that gave the scores.
        presentations: The group column that names each frame's presentation: frames are summarised first, and the
            report of the frames themselves is in `frames`. None where every row is a presentation.
        how: How frames are summarised, as `aggregate` takes it.
        replicates: Of the subject bootstrap; 0 for none.
        seed: Of the bootstrap and of the tests between groups.
        groups: Group columns to compare; all by default, and none where this is empty.
        min_group: Bona fide rows that a group must have to be compared.
        allow_shared_subjects: Choose the threshold although a subject is in both dev and test, and note it. For
            published protocols that are made so.

    Returns:
        What these rows allow. Where no threshold can be chosen (no dev rows, dev without a class, a subject in both
        splits) the threshold is None, a note says why, and what needs none is there.

    Raises:
        ScoreError: If test has no row, the rule is unknown, or frames of a presentation contradict each other.
        MissingExtraError: If scipy is not installed.
    """
    level = Level() if presentations is None else Level("presentation", presentations, how)
    settings = _Settings(rule, bundle, replicates, seed, allow_shared_subjects)
    rows = table if presentations is None else aggregate(table, presentations, how)
    report = _report(rows, level, settings)
    if report.threshold is not None and rows.groups and (groups is None or groups):
        found = fairness(
            rows.of_split(Split.TEST), report.threshold.value, columns=groups, min_group=min_group, seed=seed
        )
        report = replace(report, fairness=found)
    if presentations is not None:
        report = replace(report, frames=_report(table, Level("frame", presentations), settings))
    return report


def evaluate(
    table: ScoreTable, threshold: Threshold | None, *, bundle: str | None = None, level: Level | None = None
) -> Report:
    """Measure a threshold on the rows of one split.

    Args:
        table: Rows of one split, the test rows as a rule.
        threshold: Chosen on other rows, or fixed; None where there is none, and only what needs none is measured.
        bundle: Name and version of the bundle that gave the scores.
        level: What a row is.

    Returns:
        Everything that these rows allow; the rest is NaN, and a note says why.

    Raises:
        ScoreError: If the table has no row, or rows of several splits.
        MissingExtraError: If scipy is not installed.
    """
    split = _split_of(table)
    nothing = {name: Rate(0, 0) for name in table.coded_species[0]}
    by_species = nothing if threshold is None else rates.apcer(table, threshold.value)
    bonafide = Rate(0, 0) if threshold is None else rates.bpcer(table, threshold.value)
    worst = rates.worst_species(by_species)
    apcer_worst = Rate(0, 0) if worst is None else by_species[worst]
    pooled = _pooled(by_species)
    free, aucs = _threshold_free(table, split)
    return Report(
        bundle=bundle,
        split=split,
        level=level or Level(),
        threshold=threshold,
        counts=_counts(table),
        species=_species(table, by_species, aucs, threshold),
        worst_species=worst,
        apcer_worst=measured(apcer_worst),
        apcer_pooled=measured(pooled),
        bpcer=measured(bonafide),
        bpcer_with_non_responses=measured(
            Rate(0, 0) if threshold is None else rates.bpcer_with_non_responses(table, threshold.value)
        ),
        acer_worst=(apcer_worst.value + bonafide.value) / 2,
        acer_pooled=(pooled.value + bonafide.value) / 2,
        acer_with_non_responses=math.nan
        if threshold is None
        else detection.acer_with_non_responses(table, threshold.value),
        accuracy=Accuracy(0, 0, 0) if threshold is None else detection.accuracy(table, threshold.value),
        apnrr=measured(rates.apnrr(table)),
        bpnrr=measured(rates.bpnrr(table)),
        threshold_free=free,
        calibration=_calibration(table) if free.limits else None,
        notes=[
            *table_notes(table, split),
            *(threshold_notes(threshold, split) if threshold else ()),
            *claim_notes(bonafide, by_species),
        ],
    )


@dataclass(frozen=True, slots=True)
class _Settings:
    """What holds for every level of a report, as `report_from_scores` takes it."""

    rule: str
    bundle: str | None
    replicates: int
    seed: int
    allow_shared_subjects: bool


def _report(table: ScoreTable, level: Level, settings: _Settings) -> Report:
    dev, test = table.of_split(Split.DEV), table.of_split(Split.TEST)
    if not len(test):
        found = ", ".join(np.unique(table.split).tolist()) or "none"
        raise ScoreError(f"scores must have rows of test; got {found}; add test rows")
    threshold, notes = _threshold(dev, test, settings)
    report = evaluate(test, threshold, bundle=settings.bundle, level=level)
    report = replace(report, notes=[*notes, *report.notes])
    if threshold is not None and threshold.split is not None:
        points, left_out = _operating_points(dev, test)
        report = replace(report, operating_points=points, notes=[*report.notes, *left_out])
    if settings.replicates and report.threshold_free.limits:
        fixed, anew = _intervals(table, test, threshold, settings)
        report = replace(report, intervals=fixed, intervals_anew=anew)
    return report


def _split_of(table: ScoreTable) -> Split:
    splits = np.unique(table.split).tolist()
    if len(splits) != 1:
        raise ScoreError(
            f"a report must be of the rows of one split; got {', '.join(splits) or 'no row'}; select one with of_split"
        )
    return Split(splits[0])


def _threshold(dev: ScoreTable, test: ScoreTable, settings: _Settings) -> tuple[Threshold | None, list[str]]:
    """The threshold, or None and why there is none."""
    rule = settings.rule
    if parse_rule(rule)[0] == FIXED:
        return threshold_by_rule(dev, rule), []
    if not len(dev):
        return None, ["there are no dev rows to choose a threshold on: rates at a threshold are not known"]
    shared, notes = shared_subjects(dev, test), split_notes(dev, test)
    if shared and not settings.allow_shared_subjects:
        more = f" and {len(shared) - 1} more are" if shared[1:] else " is"
        return None, [
            f"subject '{shared[0]}'{more} in both dev and test, so dev may choose no threshold for test: "
            "move all rows of a subject to one split, or allow it for protocols that are made so",
            *notes,
        ]
    notes = [*shared_notes(shared), *notes]
    try:
        return threshold_by_rule(dev, rule), notes
    except ScoreError as error:
        return None, [f"no threshold: {error}", *notes]


def _pooled(by_species: dict[str, Rate]) -> Rate:
    return Rate(
        sum(rate.errors for rate in by_species.values()), sum(rate.total for rate in by_species.values())
    )


def _counts(table: ScoreTable) -> Counts:
    return Counts(
        rows=len(table),
        bonafide=int(np.count_nonzero(table.is_bonafide)),
        attack=int(np.count_nonzero(table.is_attack)),
        scored_bonafide=int(np.count_nonzero(table.is_bonafide & table.has_score)),
        scored_attack=int(np.count_nonzero(table.is_attack & table.has_score)),
    )


def _species(
    table: ScoreTable, accepted: dict[str, Rate], aucs: dict[str, float], threshold: Threshold | None
) -> dict[str, SpeciesReport]:
    silent = rates.apnrr_by_species(table)
    has_recogniser = ACCEPTED in table.groups and threshold is not None
    through = detection.iapar(table, threshold.value) if has_recogniser and threshold else {}
    return {
        name: SpeciesReport(
            family=family_of(name),
            rows=silent[name].total,
            apcer=measured(accepted[name]),
            apnrr=measured(silent[name]),
            auc=aucs.get(name, math.nan),
            iapar=measured(through[name]) if name in through else None,
        )
        for name in table.coded_species[0]
    }


def _threshold_free(table: ScoreTable, split: Split) -> tuple[ThresholdFree, dict[str, float]]:
    """What needs no threshold, and every species' AUC."""
    scored = table.has_score
    if not (table.is_attack & scored).any() or not (table.is_bonafide & scored).any():
        return ThresholdFree(split, math.nan, EqualErrorRate(math.nan, math.nan, math.nan)), {}
    scores = order(table)
    auc, aucs = scores.aucs()
    limits = {name: _limit(find(table)) for name, find in LIMITS.items()}
    return ThresholdFree(split, auc, scores.steps().equal_error_rate(), limits), aucs


def _calibration(table: ScoreTable) -> CalibrationReport:
    cost = cllr(table)
    return CalibrationReport(
        reliability=reliability(table),
        cllr=cost if math.isfinite(cost) else math.nan,
        min_cllr=min_cllr(table),
        certain_errors=certain_errors(table),
    )


def _limit(point: OperatingPoint) -> LimitReport:
    return LimitReport(
        limited=point.limited,
        limit=point.limit,
        apcer_worst=measured(point.apcer_worst),
        apcer_pooled=measured(point.apcer_pooled),
        bpcer=measured(point.bpcer),
        is_resolvable=point.is_resolvable,
    )


def _operating_points(dev: ScoreTable, test: ScoreTable) -> tuple[dict[str, PointReport], list[str]]:
    """The named points on test, and a sentence for each that dev could not choose."""
    chosen = named_thresholds(dev)
    left_out = [
        f"there is no operating point '{name}': on dev no threshold up to 1 keeps {rule}, too many bona fide rows score 1"
        for name, rule in OPERATING_POINTS.items()
        if name not in chosen
    ]
    return {name: _point(test, threshold) for name, threshold in chosen.items()}, left_out


def _point(test: ScoreTable, threshold: Threshold) -> PointReport:
    by_species = rates.apcer(test, threshold.value)
    worst = rates.worst_species(by_species)
    return PointReport(
        threshold=threshold,
        worst_species=worst,
        apcer_worst=measured(Rate(0, 0) if worst is None else by_species[worst]),
        apcer_pooled=measured(_pooled(by_species)),
        bpcer=measured(rates.bpcer(test, threshold.value)),
    )


def _intervals(
    table: ScoreTable, test: ScoreTable, threshold: Threshold | None, settings: _Settings
) -> tuple[dict[str, BootstrapInterval], dict[str, BootstrapInterval]]:
    """At the threshold, and with the threshold chosen anew."""
    drawn = partial(bootstrap, replicates=settings.replicates, seed=settings.seed)
    if threshold is None:
        return drawn(test, 0.5, statistics=THRESHOLD_FREE), {}
    fixed = drawn(test, threshold.value, statistics=AT_THRESHOLD + THRESHOLD_FREE)
    if threshold.split is None:
        return fixed, {}
    return fixed, drawn(table, settings.rule, statistics=AT_THRESHOLD)
