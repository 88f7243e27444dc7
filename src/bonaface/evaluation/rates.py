"""Error rates at a threshold, in the words of ISO/IEC 30107-3. A row is called an attack when attack_score >= threshold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bonaface.errors import ScoreError
from bonaface.evaluation.columns import Flags
from bonaface.evaluation.scores import ScoreTable


@dataclass(frozen=True, slots=True)
class Rate:
    """Errors among presentations.

    Attributes:
        errors: How many went wrong.
        total: Of how many.

    >>> Rate(1, 8).value
    0.125
    >>> Rate(0, 0).value
    nan
    """

    errors: int
    total: int

    def __post_init__(self) -> None:
        if not 0 <= self.errors <= self.total:
            raise ScoreError(
                f"errors must be between 0 and total; got {self.errors} of {self.total}; count them again"
            )

    @property
    def value(self) -> float:
        """The share in [0, 1]; NaN of nothing."""
        return self.errors / self.total if self.total else math.nan


def apcer(table: ScoreTable, threshold: float) -> dict[str, Rate]:
    """Share of every species' attacks that is accepted as bona fide (attack_score < threshold).

    Args:
        table: Rows without a score are non-responses, not errors: see `apnrr`.
        threshold: At or above it a row is called an attack.

    Returns:
        A rate for each species of attack in the table, in alphabetical order; of nothing where no row has a score.

    Raises:
        ScoreError: If the threshold is not a finite number.

    Reference:
        ISO/IEC 30107-3, term APCER for one species.
    """
    return rates_by_species(table, accepted_rows(table, threshold), table.has_score)


def worst_species(rates: Mapping[str, Rate]) -> str | None:
    """The species with the highest rate: ISO's APCER is that one's.

    Args:
        rates: As `apcer` returns them. A rate of nothing is passed over.

    Returns:
        Its name, the first in the alphabet among equals; None when every rate is of nothing.

    >>> worst_species({"print": Rate(1, 10), "replay": Rate(1, 5), "morph": Rate(0, 0)})
    'replay'
    """
    known = sorted(name for name, rate in rates.items() if rate.total)
    return max(known, key=lambda name: rates[name].value, default=None)


def apcer_worst(table: ScoreTable, threshold: float) -> Rate:
    """APCER of the worst species: the standard's APCER.

    Args:
        table: As for `apcer`.
        threshold: As for `apcer`.

    Returns:
        That species' rate; of nothing without a scored attack.

    Reference:
        ISO/IEC 30107-3, term APCER: the maximum over species.
    """
    rates = apcer(table, threshold)
    worst = worst_species(rates)
    return Rate(0, 0) if worst is None else rates[worst]


def apcer_pooled(table: ScoreTable, threshold: float) -> Rate:
    """Share of all attacks that is accepted, whatever the species: what most papers call APCER.

    Args:
        table: As for `apcer`.
        threshold: As for `apcer`.

    Returns:
        Never more than `apcer_worst`.
    """
    return rate_of(accepted_rows(table, threshold), table.is_attack & table.has_score)


def bpcer(table: ScoreTable, threshold: float) -> Rate:
    """Share of bona fide presentations that is called an attack (attack_score >= threshold).

    Args:
        table: Rows without a score are non-responses, not errors: see `bpcer_with_non_responses`.
        threshold: At or above it a row is called an attack.

    Raises:
        ScoreError: If the threshold is not a finite number.

    Reference:
        ISO/IEC 30107-3, term BPCER.
    """
    return rate_of(~accepted_rows(table, threshold), table.is_bonafide & table.has_score)


def bpcer_with_non_responses(table: ScoreTable, threshold: float) -> Rate:
    """Share of bona fide presentations that is not accepted: called an attack, or not answered at all.

    Args:
        table: All bona fide rows count.
        threshold: As for `bpcer`.
    """
    return rate_of(~accepted_rows(table, threshold), table.is_bonafide)


def acer_pooled(table: ScoreTable, threshold: float) -> float:
    """Mean of pooled APCER and BPCER: the ACER (and HTER) of most papers; NaN when a class has no score."""
    return (apcer_pooled(table, threshold).value + bpcer(table, threshold).value) / 2


def acer_worst(table: ScoreTable, threshold: float) -> float:
    """Mean of the worst species' APCER and BPCER; NaN when a class has no score."""
    return (apcer_worst(table, threshold).value + bpcer(table, threshold).value) / 2


def apnrr(table: ScoreTable) -> Rate:
    """Share of all attacks without a score.

    Reference:
        ISO/IEC 30107-3, term APNRR.
    """
    return rate_of(~table.has_score, table.is_attack)


def apnrr_by_species(table: ScoreTable) -> dict[str, Rate]:
    """Share of every species' attacks without a score, in alphabetical order."""
    return rates_by_species(table, ~table.has_score, table.is_attack)


def bpnrr(table: ScoreTable) -> Rate:
    """Share of bona fide presentations without a score.

    Reference:
        ISO/IEC 30107-3, term BPNRR.
    """
    return rate_of(~table.has_score, table.is_bonafide)


def accepted_rows(table: ScoreTable, threshold: float) -> Flags:
    """Rows let through as bona fide; never one without a score."""
    if not math.isfinite(threshold):
        raise ScoreError(f"a threshold must be a finite number; got {threshold}; choose one on dev")
    return np.asarray(table.attack_score < threshold, dtype=np.bool_)


def rates_by_species(table: ScoreTable, wrong: Flags, rows: Flags) -> dict[str, Rate]:
    """How many of each species' rows are wrong, in alphabetical order of the species."""
    names, codes = table.coded_species
    errors = np.bincount(codes[wrong & rows], minlength=1 + len(names))
    totals = np.bincount(codes[rows], minlength=1 + len(names))
    return {name: Rate(int(errors[i]), int(totals[i])) for i, name in enumerate(names, 1)}


def rate_of(wrong: Flags, rows: Flags) -> Rate:
    """How many of the rows are wrong."""
    return Rate(int(np.count_nonzero(wrong & rows)), int(np.count_nonzero(rows)))
