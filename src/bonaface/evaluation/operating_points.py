"""One error where the other is held: BPCER at a limit of APCER, and back. Of the rows they are computed on: no threshold to deploy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bonaface.errors import ScoreError
from bonaface.evaluation.ordered import ERRORS, TOTAL, OrderedScores, check_limit, middle, order
from bonaface.evaluation.rates import Rate, worst_species
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.thresholds import Threshold, threshold_by_rule
from bonaface.vocabulary import BONAFIDE

Limited = Literal["apcer_worst", "apcer_pooled", "bpcer"]

BALANCED = "balanced"
OPERATING_POINTS: dict[str, str] = {"strict": "apcer=0.01", BALANCED: "eer", "convenient": "bpcer=0.01"}
"""The named operating points and the rule of each, from the one that accepts fewest attacks."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Both errors where one of them is held within a limit.

    Attributes:
        limited: The rate that is held.
        limit: What it may be at most.
        threshold: The middle of the interval in which no error changes; None when no threshold keeps the limit.
        low: Every threshold above it ...
        high: ... up to this one makes the same errors. Both are None when there is no threshold.
        apcer: Rate of every species; empty when there is no threshold.
        apcer_worst: The highest of them: what was achieved. Of nothing when there is no threshold.
        apcer_pooled: Over all attacks; likewise.
        bpcer: Over bona fide rows; likewise.
        resolvable: For every sample that is held within the limit, whether a single error of it is within the limit:
            it has at least 1 / limit scored rows. The key is a species, 'bonafide' or 'attack'.
    """

    limited: Limited
    limit: float
    threshold: float | None
    low: float | None
    high: float | None
    apcer: dict[str, Rate]
    apcer_worst: Rate
    apcer_pooled: Rate
    bpcer: Rate
    resolvable: dict[str, bool]

    @property
    def is_resolvable(self) -> bool:
        """Whether every sample can resolve the limit; if not, the limit amounts to no error there at all."""
        return all(self.resolvable.values())

    @property
    def tpr(self) -> Rate:
        """Share of bona fide rows that is accepted, 1 - BPCER, in the older words. Its `errors` are the accepted ones."""
        return Rate(self.bpcer.total - self.bpcer.errors, self.bpcer.total)


def bpcer_at_apcer(table: ScoreTable, limit: float) -> OperatingPoint:
    """BPCER at the highest threshold that keeps every species' APCER within `limit`.

    Args:
        table: One row a presentation. Rows without a score are non-responses, not errors; a species without any score
            is passed over, and can not resolve the limit.
        limit: Largest APCER allowed for any one species, in (0, 1).

    Returns:
        Never a nearest point, nothing interpolated. There is always such a threshold, if need be one that rejects
        everything.

    Raises:
        ScoreError: If `limit` is not in (0, 1), or no bona fide row, or no attack, has a score.

    Reference:
        ISO/IEC 30107-3, terms APCER and BPCER; docs/concepts/metrics.md.
    """
    check_limit(limit)
    scores = order(table)
    return _point(scores, "apcer_worst", limit, scores.interval_at_apcer(limit))


def apcer_at_bpcer(table: ScoreTable, limit: float) -> OperatingPoint:
    """APCER at the lowest threshold that keeps BPCER within `limit`.

    Args:
        table: As for `bpcer_at_apcer`.
        limit: Largest BPCER allowed, in (0, 1).

    Returns:
        Without a threshold when too many bona fide rows score 1, so that every threshold up to 1 rejects them.

    Raises:
        ScoreError: As for `bpcer_at_apcer`.

    Reference:
        As for `bpcer_at_apcer`.
    """
    check_limit(limit)
    scores = order(table)
    return _point(scores, "bpcer", limit, scores.interval_at_bpcer(limit))


def bpcer10(table: ScoreTable) -> OperatingPoint:
    """`bpcer_at_apcer` at 10 %."""
    return bpcer_at_apcer(table, 1 / 10)


def bpcer20(table: ScoreTable) -> OperatingPoint:
    """`bpcer_at_apcer` at 5 %."""
    return bpcer_at_apcer(table, 1 / 20)


def bpcer100(table: ScoreTable) -> OperatingPoint:
    """`bpcer_at_apcer` at 1 %."""
    return bpcer_at_apcer(table, 1 / 100)


def tpr_at_fpr(table: ScoreTable, limit: float) -> OperatingPoint:
    """Bona fide acceptance (TPR) where at most `limit` of all attacks, pooled, is accepted (FPR).

    Args:
        table: As for `bpcer_at_apcer`.
        limit: Largest share of all attacks that may be accepted, in (0, 1).

    Returns:
        Its `tpr` is the rate asked for. Never more attacks than allowed, nothing interpolated.

    Raises:
        ScoreError: As for `bpcer_at_apcer`.

    Reference:
        docs/concepts/metrics.md; bona fide is the positive class, as in face anti-spoofing papers.
    """
    check_limit(limit)
    scores = order(table)
    return _point(scores, "apcer_pooled", limit, scores.interval_at_apcer(limit, is_pooled=True))


def named_thresholds(dev: ScoreTable) -> dict[str, Threshold]:
    """The threshold of each name in `OPERATING_POINTS`, in their order: none accepts more than the next.

    Args:
        dev: Rows of the dev split only.

    Returns:
        Names whose limit no threshold up to 1 keeps are left out: too many bona fide rows score 1. Where a detector is so
        good that the limit of 'strict' lets more attacks in than 'balanced' does, and likewise for 'convenient', the
        balanced threshold stands in its place, with its own rule.

    Raises:
        ScoreError: If the balanced one can not be chosen on these rows.
    """
    chosen = {}
    for name, rule in OPERATING_POINTS.items():
        try:
            chosen[name] = threshold_by_rule(dev, rule)
        except ScoreError:
            if name == BALANCED:
                raise
    names = list(chosen)
    for name in names:
        side = names.index(name) - names.index(BALANCED)
        if side * (chosen[name].value - chosen[BALANCED].value) < 0:
            chosen[name] = chosen[BALANCED]
    return chosen


def _point(
    scores: OrderedScores, limited: Limited, limit: float, interval: tuple[float, float] | None
) -> OperatingPoint:
    nothing = Rate(0, 0)
    low, high = interval or (None, None)
    threshold = None if interval is None else middle(*interval)
    counts = scores.errors_at(0.0 if threshold is None else threshold)
    bonafide, *attacks = [Rate(int(row[ERRORS]), int(row[TOTAL])) for row in counts]
    by_species = dict(zip(scores.species, attacks, strict=True))
    pooled = Rate(sum(rate.errors for rate in attacks), sum(rate.total for rate in attacks))
    held = {
        "apcer_worst": by_species,
        "apcer_pooled": {"attack": pooled},
        "bpcer": {BONAFIDE.name: bonafide},
    }[limited]
    resolvable = {name: rate.total > 0 and 1 / rate.total <= limit for name, rate in held.items()}
    if threshold is None:
        return OperatingPoint(limited, limit, None, None, None, {}, nothing, nothing, nothing, resolvable)
    worst = by_species[worst_species(by_species) or ""]
    return OperatingPoint(
        limited, limit, threshold, low, high, by_species, worst, pooled, bonafide, resolvable
    )
