"""Intervals by drawing subjects again: rows of one person are not independent, persons are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from bonaface.errors import ScoreError
from bonaface.evaluation.columns import Scores
from bonaface.evaluation.measured import Number
from bonaface.evaluation.replicates import STATISTICS, Measurement, Statistic
from bonaface.evaluation.resampling import Clusters, clusters
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.thresholds import FIXED, parse_rule
from bonaface.vocabulary import Split

Method = Literal["percentile", "bca"]
REPLICATES = 1000


@dataclass(frozen=True, slots=True)
class BootstrapInterval:
    """A statistic with its interval.

    Attributes:
        value: On the rows as they are; NaN of nothing.
        low: Lower end; NaN when no replicate differs from another, e.g. without any error. Then resampling says
            nothing, and `smallest_claim` of the number of subjects does.
        high: Upper end, likewise.
        confidence: In (0, 1), two-sided.
        method: 'percentile' or 'bca'.
        replicates: How many were drawn.
        undefined: In how many of them the statistic was of nothing; they are passed over.
    """

    value: Number
    low: Number
    high: Number
    confidence: float
    method: Method
    replicates: int
    undefined: int


def bootstrap(
    table: ScoreTable,
    at: float | str,
    *,
    statistics: tuple[Statistic, ...] = STATISTICS,
    method: Method = "percentile",
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int | np.random.Generator = 0,
) -> dict[str, BootstrapInterval]:
    """Intervals of rates, EER and AUC from subjects drawn with replacement, all rows of a subject together.

    Args:
        table: At a threshold, rows of one split. With a rule, dev and test rows; others are passed over.
        at: A threshold, which is fixed: the intervals are those of this operating point. Or a rule, as
            `threshold_by_rule` takes it: every replicate chooses its threshold anew on its dev rows, and the intervals
            are those of the whole procedure, wider as a rule.
        statistics: Of `STATISTICS`; 'apcer' gives one for every species, named 'apcer print' and so on.
        method: 'percentile', or 'bca', which is corrected for bias and skewness.
        confidence: In (0, 1), two-sided.
        replicates: At least 2; 1,000 to 2,000 are usual.
        seed: The same seed gives the same intervals.

    Returns:
        An interval for each statistic, in the order asked for. A row without a subject is drawn on its own. Subjects
        with bona fide rows only, with attacks only and with both are drawn from separately. A species that a replicate
        has not drawn is passed over in its worst species.

    Raises:
        ScoreError: If an argument is not as above, or a class has no score where it is needed.

    Reference:
        Efron and Tibshirani 1993, chapters 13 and 14; Field and Welsh 2007 for clusters.
    """
    check_arguments(method, confidence, replicates)
    at = fixed_or_rule(at)
    table = needed_rows(table, at)
    groups = clusters(table)
    measurement = Measurement(table, groups, at, statistics)
    return intervals((measurement,), groups, method, confidence, replicates, np.random.default_rng(seed))


def intervals(
    measurements: tuple[Measurement, ...],
    groups: Clusters,
    method: Method,
    confidence: float,
    replicates: int,
    generator: np.random.Generator,
) -> dict[str, BootstrapInterval]:
    """Intervals of the first measurement, or of the first less the second, under the same draws."""

    def measured(weights: np.ndarray[tuple[int, int], np.dtype[np.int32]]) -> Scores:
        first, *others = (measurement(weights) for measurement in measurements)
        return first - others[0] if others else first

    values = measured(np.ones((1, groups.count), dtype=np.int32))[0]
    drawn = np.concatenate([measured(weights) for weights in groups.draws(replicates, generator)])
    skew = np.zeros(len(values))
    if method == "bca":
        parts = [(stratum, measured(weights)) for stratum, weights in groups.left_out()]
        skew = _accelerations(parts, len(values))
    return {
        name: interval_of(float(values[i]), drawn[:, i], float(skew[i]), method, confidence)
        for i, name in enumerate(measurements[0].names)
    }


def interval_of(
    value: float, drawn: Scores, acceleration: float, method: Method, confidence: float
) -> BootstrapInterval:
    """The interval of a value from its replicates, those that are not finite left out."""
    known = drawn[np.isfinite(drawn)]
    undefined = len(drawn) - len(known)
    if math.isnan(value) or not len(known) or known.min() == known.max():
        return BootstrapInterval(value, math.nan, math.nan, confidence, method, len(drawn), undefined)
    shares = [(1 - confidence) / 2, (1 + confidence) / 2]
    if method == "bca":
        shares = _corrected(value, known, acceleration, shares)
    low, high = np.quantile(known, shares)
    return BootstrapInterval(value, float(low), float(high), confidence, method, len(drawn), undefined)


def _corrected(value: float, known: Scores, acceleration: float, shares: list[float]) -> list[float]:
    """The shares of replicates below each end of the BCa interval."""
    normal, count = NormalDist(), len(known)
    below = (np.count_nonzero(known < value) + np.count_nonzero(known <= value)) / (2 * count)
    bias = normal.inv_cdf(min(max(below, 0.5 / count), 1 - 0.5 / count))
    shifted = (bias + normal.inv_cdf(share) for share in shares)
    return [normal.cdf(bias + shift / (1 - acceleration * shift)) for shift in shifted]


def _accelerations(parts: list[tuple[int, Scores]], size: int) -> Scores:
    """Skewness of the jackknife's influences, a sixth of it, over all strata."""
    cubes, squares = np.zeros(size), np.zeros(size)
    for stratum in sorted({stratum for stratum, _ in parts}):
        left_out = np.concatenate([values for position, values in parts if position == stratum])
        known = np.isfinite(left_out)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, left_out, 0).sum(axis=0) / count
        influence = np.where(known, (count - 1) * (mean - left_out), 0) / count
        cubes += (influence**3).sum(axis=0)
        squares += (influence**2).sum(axis=0)
    return np.divide(cubes, 6 * squares**1.5, out=np.zeros(size), where=squares > 0)


def fixed_or_rule(at: float | str) -> float | str:
    """A threshold as a number, also when it is written 'fixed=0.5'; a rule that looks at scores as it is.

    Raises:
        ScoreError: If there is no such rule.
    """
    if not isinstance(at, str):
        return float(at)
    name, number = parse_rule(at)
    return number if name == FIXED and number is not None else at


def needed_rows(table: ScoreTable, at: float | str) -> ScoreTable:
    """The rows that the threshold wants: of one split, or of dev and test for a rule."""
    splits = sorted(set(table.split.tolist()))
    if isinstance(at, str):
        if not {Split.DEV.value, Split.TEST.value} <= set(splits):
            raise ScoreError(
                f"a threshold that is chosen anew must have rows of dev and of test; got {', '.join(splits) or 'none'}; "
                "add them, or give the threshold"
            )
        return table if len(splits) == 2 else table.select(np.asarray(table.split != Split.TRAIN.value))
    if len(splits) != 1:
        raise ScoreError(
            f"at one threshold rows must be of one split; got {', '.join(splits) or 'no row'}; "
            "select one with of_split"
        )
    return table


def check_arguments(method: str, confidence: float, replicates: int) -> None:
    """Raise `ScoreError` unless intervals can be had so."""
    if method not in ("percentile", "bca"):
        raise ScoreError(f"a bootstrap method must be percentile or bca; got '{method}'; choose one of them")
    if not 0 < confidence < 1:
        raise ScoreError(f"confidence must be between 0 and 1; got {confidence}; 0.95 is usual")
    if replicates < 2:
        raise ScoreError(f"replicates must be at least 2; got {replicates}; 1000 is usual")
