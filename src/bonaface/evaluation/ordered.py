"""Scores in rising order with whole-number weights: what thresholds, operating points and replicates are found on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from bonaface.errors import ScoreError
from bonaface.evaluation.columns import Flags, Scores
from bonaface.evaluation.curves import ErrorSteps
from bonaface.evaluation.scores import ScoreTable

Counts = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

ERRORS, TOTAL = 0, 1
"""The columns of an array of counts; its row 0 is bona fide, row i is species i - 1."""


@dataclass(frozen=True, slots=True, eq=False)
class OrderedScores:
    """Rows with a score, lowest first.

    Attributes:
        scores: In [0, 1], rising.
        codes: 0 for bona fide, i for `species[i - 1]`.
        weights: How often each row counts, at least 1.
        species: Every species of attack of the table, scored or not, in alphabetical order.
        rows: Where each row stands in the table.
    """

    scores: Scores
    codes: Codes
    weights: Counts
    species: tuple[str, ...]
    rows: npt.NDArray[np.intp]

    def weighted(self, weights: Counts) -> OrderedScores:
        """The same rows, each counting so often; those that count never are left out."""
        kept = np.flatnonzero(weights)
        return OrderedScores(
            self.scores[kept], self.codes[kept], weights[kept], self.species, self.rows[kept]
        )

    @property
    def has_both(self) -> bool:
        """Whether bona fide rows and attacks are among them."""
        return bool((self.codes == 0).any() and (self.codes > 0).any())

    def steps(self) -> ErrorSteps:
        """Both errors, pooled over species, at every unique score."""
        starts = np.flatnonzero(np.diff(self.scores, prepend=-1.0))
        attacks = np.where(self.codes > 0, self.weights, 0)
        accepted, below = _sum_before(attacks), _sum_before(self.weights - attacks)
        num_bonafide = int(below[-1])
        return ErrorSteps(
            thresholds=self.scores[starts],
            attacks_accepted=accepted[starts],
            bonafide_rejected=num_bonafide - below[starts],
            num_attacks=int(accepted[-1]),
            num_bonafide=num_bonafide,
        )

    def twice_wins(self) -> Counts:
        """Of every row twice the bona fide weight at lower scores, and once that at equal ones."""
        starts = np.flatnonzero(np.diff(self.scores, prepend=-1.0))
        bonafide = np.where(self.codes == 0, self.weights, 0)
        below = _sum_before(bonafide)[np.append(starts, len(self.scores))]
        return np.repeat(below[:-1] + below[1:], np.diff(np.append(starts, len(self.scores))))

    def aucs(self) -> tuple[float, dict[str, float]]:
        """The AUC of all attacks against bona fide, and that of every species; NaN where it has no score.

        Reference: Mann and Whitney 1947, U divided by the number of pairs; a tie counts half.
        """
        size = 1 + len(self.species)
        # whole numbers below 2^53, which float64 adds exactly
        wins = np.bincount(self.codes, self.twice_wins() * self.weights, minlength=size)
        totals = np.bincount(self.codes, self.weights, minlength=size)
        pairs = 2 * totals[0] * totals
        shares = np.divide(wins, pairs, out=np.full(size, np.nan), where=pairs > 0)
        pooled = float(wins[1:].sum() / pairs[1:].sum())
        return pooled, {name: float(shares[i]) for i, name in enumerate(self.species, 1)}

    def errors_at(self, threshold: float) -> Counts:
        """Errors and totals of bona fide and of every species, (1 + species, 2)."""
        split = int(np.searchsorted(self.scores, threshold))
        size = 1 + len(self.species)
        below = np.bincount(self.codes[:split], self.weights[:split], minlength=size)
        total = np.bincount(self.codes, self.weights, minlength=size)
        counts = np.stack([below, total], axis=1).astype(np.int64)
        counts[0, ERRORS] = counts[0, TOTAL] - counts[0, ERRORS]
        return counts

    def interval(self, score: float) -> tuple[float, float]:
        """The thresholds, (low, high], that make the errors of the lowest unique score at or above `score`.

        Above the highest score it ends at 1.
        """
        first = int(np.searchsorted(self.scores, score))
        low = float(self.scores[first - 1]) if first else 0.0
        return low, float(self.scores[first]) if first < len(self.scores) else 1.0

    def interval_at_apcer(self, limit: float, *, is_pooled: bool = False) -> tuple[float, float]:
        """The highest thresholds at which every species' APCER, or that of all attacks, is within `limit`.

        Species without a score are passed over. Such thresholds always exist: the lowest score accepts no attack.
        """
        one_by_one = [self.codes == code for code in range(1, 1 + len(self.species))]
        samples: list[Flags] = [self.codes > 0] if is_pooled else [rows for rows in one_by_one if rows.any()]
        return self.interval(min(_quantile(self.scores[rows], self.weights[rows], limit) for rows in samples))

    def interval_at_bpcer(self, limit: float) -> tuple[float, float] | None:
        """The lowest thresholds at which BPCER is within `limit`; None when too many bona fide rows score 1."""
        rows = self.codes == 0
        last_rejected = _quantile(self.scores[rows][::-1], self.weights[rows][::-1], limit)
        return None if last_rejected == 1 else self.interval(float(np.nextafter(last_rejected, 2)))


_KNOWN: WeakKeyDictionary[ScoreTable, OrderedScores] = WeakKeyDictionary()
"""What was ordered already: tables never change, and sorting is most of the work."""


def order(table: ScoreTable) -> OrderedScores:
    """The scored rows of a table, each with weight 1; sorted once, however often it is asked for.

    Raises:
        ScoreError: If no bona fide row, or no attack, has a score.
    """
    if table not in _KNOWN:
        _KNOWN[table] = _ordered(table)
    return _KNOWN[table]


def _ordered(table: ScoreTable) -> OrderedScores:
    attacks, codes = table.coded_species
    scored = table.has_score
    num_attacks = int(np.count_nonzero(scored & table.is_attack))
    num_bonafide = int(np.count_nonzero(scored & table.is_bonafide))
    if not num_attacks or not num_bonafide:
        raise ScoreError(
            "both classes must have a row with a score; "
            f"got {num_bonafide} bona fide and {num_attacks} attack; add the missing class"
        )
    rows = np.flatnonzero(scored)
    rows = rows[np.argsort(table.attack_score[rows], kind="stable")]
    weights = np.ones(len(rows), dtype=np.int64)
    return OrderedScores(table.attack_score[rows], codes[rows], weights, attacks, rows)


def middle(low: float, high: float) -> float:
    """The middle of the thresholds (low, high], and always one of them."""
    centre = (low + high) / 2
    # Between two neighbouring floats, or at 0, the middle can be `low`, which is outside the interval.
    return centre if centre > low else high


def check_limit(limit: float) -> None:
    """Raise `ScoreError` unless an error rate can be limited so."""
    if not 0 < limit < 1:
        raise ScoreError(f"a limit must be between 0 and 1; got {limit}; 0.01 is usual")


def allowed_errors(total: int, limit: float) -> int:
    """The most errors of `total` whose rate is within `limit`.

    >>> allowed_errors(100, 0.29), allowed_errors(99, 0.01)
    (29, 0)
    """
    errors = max(math.floor(total * limit) - 1, 0)  # 100 * 0.29 is less than 29
    while (errors + 1) / total <= limit:
        errors += 1
    return errors


def _quantile(scores: Scores, weights: Counts, limit: float) -> float:
    """The first score that may not be passed: with it the share of what was passed would exceed `limit`."""
    passed = np.cumsum(weights)
    return float(scores[np.searchsorted(passed, allowed_errors(int(passed[-1]), limit), side="right")])


def _sum_before(values: Counts) -> Counts:
    """Sums of the first 0, 1, ... all values."""
    sums = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=sums[1:])
    return sums
