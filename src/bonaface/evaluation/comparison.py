"""Two systems on the same samples: is one better, or is it noise?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bonaface.errors import ScoreError
from bonaface.evaluation.bootstrap import (
    REPLICATES,
    BootstrapInterval,
    Method,
    check_arguments,
    fixed_or_rule,
    intervals,
    needed_rows,
)
from bonaface.evaluation.columns import Flags
from bonaface.evaluation.intervals import sign_test
from bonaface.evaluation.pairing import in_order_of
from bonaface.evaluation.replicates import STATISTICS, Measurement, Statistic
from bonaface.evaluation.resampling import clusters
from bonaface.evaluation.scores import ScoreTable


@dataclass(frozen=True, slots=True)
class McNemar:
    """Samples that one of two systems alone gets wrong.

    Attributes:
        first_only: How many the first alone gets wrong.
        second_only: How many the second alone.
        total: Samples that both have scored.
        p_value: Chance of so uneven a split if both were equally good; exact, two-sided.
    """

    first_only: int
    second_only: int
    total: int
    p_value: float


def bootstrap_difference(
    first: ScoreTable,
    second: ScoreTable,
    at: tuple[float | str, float | str],
    *,
    statistics: tuple[Statistic, ...] = STATISTICS,
    method: Method = "percentile",
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int | np.random.Generator = 0,
) -> dict[str, BootstrapInterval]:
    """Intervals of first minus second, both measured on the same drawn subjects.

    Args:
        first: As for `bootstrap`.
        second: Of the same samples, in any order.
        at: The threshold or the rule of each; two thresholds or two rules.
        statistics: As for `bootstrap`.
        method: As for `bootstrap`.
        confidence: As for `bootstrap`.
        replicates: As for `bootstrap`.
        seed: As for `bootstrap`.

    Returns:
        Each system's rates are over its own scored rows. An interval that holds 0 decides nothing.

    Raises:
        ScoreError: As for `bootstrap`, or if the samples are not the same.
    """
    check_arguments(method, confidence, replicates)
    at = fixed_or_rule(at[0]), fixed_or_rule(at[1])
    if isinstance(at[0], str) != isinstance(at[1], str):
        raise ScoreError(
            f"two systems must both have a threshold or both a rule; got {at[0]} and {at[1]}; choose one way"
        )
    tables = needed_rows(first, at[0]), needed_rows(_aligned(first, second), at[1])
    groups = clusters(tables[0])
    measurements = tuple(
        Measurement(table, groups, one, statistics) for table, one in zip(tables, at, strict=True)
    )
    return intervals(measurements, groups, method, confidence, replicates, np.random.default_rng(seed))


def mcnemar(first: ScoreTable, second: ScoreTable, thresholds: tuple[float, float]) -> McNemar:
    """The exact test on the samples that one of two systems alone gets wrong. A quick check: it takes samples as independent.

    Args:
        first: Rows of one system.
        second: Of the same samples, in any order.
        thresholds: Of each; at or above it a row is called an attack.

    Returns:
        Samples that one of the two has not scored are passed over.

    Raises:
        ScoreError: If the samples are not the same, or a threshold is not a finite number.
        MissingExtraError: If scipy is not installed.

    Reference:
        McNemar 1947; the exact form is the sign test.
    """
    second = _aligned(first, second)
    both = first.has_score & second.has_score
    wrong, other = (
        _is_wrong(table, threshold)[both]
        for table, threshold in zip((first, second), thresholds, strict=True)
    )
    counts = int(np.count_nonzero(wrong & ~other)), int(np.count_nonzero(other & ~wrong))
    return McNemar(*counts, total=int(np.count_nonzero(both)), p_value=sign_test(*counts))


def _is_wrong(table: ScoreTable, threshold: float) -> Flags:
    if not math.isfinite(threshold):
        raise ScoreError(f"a threshold must be a finite number; got {threshold}; choose one on dev")
    return np.asarray((table.attack_score >= threshold) != table.is_attack, dtype=np.bool_)


def _aligned(first: ScoreTable, second: ScoreTable) -> ScoreTable:
    return in_order_of(
        first,
        second,
        what="two systems",
        hint="keep the samples of both",
        agreed=("label", "species", "subject", "split"),
    )
