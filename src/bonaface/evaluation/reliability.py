"""Do scores mean what they say? Of the rows that score about 0.8, four of five should be attacks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bonaface.errors import ScoreError
from bonaface.evaluation.columns import Scores
from bonaface.evaluation.intervals import wilson
from bonaface.evaluation.likelihood import Counts, scores_by_class
from bonaface.evaluation.measured import Number
from bonaface.evaluation.scores import ScoreTable


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Rows with scores in [low, high); the last bin holds its upper end too.

    Attributes:
        low: Lower edge, in [0, 1).
        high: Upper edge, in (0, 1].
        count: Rows in it, bona fide and attacks, each counted once.
        mean_score: Of its rows, weighted as the classes are; NaN of nothing.
        attack_rate: Share of attacks among them, likewise.
        rate_low: Lower end of its 95 % Wilson interval; 0 of nothing.
        rate_high: Upper end; 1 of nothing.
    """

    low: float
    high: float
    count: int
    mean_score: Number
    attack_rate: Number
    rate_low: float
    rate_high: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far scores are from the shares of attacks that they promise.

    Attributes:
        bins: Of equal width, from 0 to 1, empty ones among them.
        ece: Expected calibration error: mean distance of a bin's share of attacks from its mean score, in [0, 1].
            It depends on the number of bins, and few rows make it too large.
        brier: Mean squared distance of the score from 1 for attacks and from 0 for bona fide rows, in [0, 1].
        brier_constant: The same of always answering `attack_share`: a score that knows nothing.
        attack_share: The share of attacks at which all of this holds: 0.5 where classes weigh alike.
    """

    bins: tuple[ReliabilityBin, ...]
    ece: float
    brier: float
    brier_constant: float
    attack_share: float


def reliability(table: ScoreTable, *, bins: int = 10, is_balanced: bool = True) -> Reliability:
    """Shares of attacks by score, with the calibration error and the Brier score.

    A score can be right as a probability at one share of attacks only. Here that share is a half, as in training,
    calibration and `cllr`; how many attacks a test set has for each bona fide row is its collector's choice.

    Args:
        table: Rows without a score are passed over. All species count as one.
        bins: Number of bins of equal width, at least 1.
        is_balanced: Both classes weigh alike, whatever their numbers. Otherwise each row weighs alike, and scores are
            held against the share of attacks that the table happens to have.

    Raises:
        ScoreError: If no bona fide row, or no attack, has a score, or there is no bin.

    Reference:
        Brier 1950; Naeini et al. 2015 for the calibration error; Wilson 1927. Ends of the interval are those of the
        plain share, carried over to the classes' weights.
    """
    if bins < 1:
        raise ScoreError(f"bins must be at least 1; got {bins}; 10 is usual")
    bonafide, attacks = scores_by_class(table)
    share = 0.5 if is_balanced else len(attacks) / (len(bonafide) + len(attacks))
    weight, bonafide_weight = share / len(attacks), (1 - share) / len(bonafide)
    edges = np.arange(bins + 1) / bins
    count, total = _in_bins(attacks, edges)
    bonafide_count, bonafide_total = _in_bins(bonafide, edges)
    mass = weight * count + bonafide_weight * bonafide_count
    promised = weight * total + bonafide_weight * bonafide_total
    odds_ratio = weight / bonafide_weight
    return Reliability(
        bins=tuple(
            ReliabilityBin(
                low=float(edges[i]),
                high=float(edges[i + 1]),
                count=int(count[i] + bonafide_count[i]),
                mean_score=float(promised[i] / mass[i]) if mass[i] else math.nan,
                attack_rate=float(weight * count[i] / mass[i]) if mass[i] else math.nan,
                **_interval(int(count[i]), int(bonafide_count[i]), odds_ratio),
            )
            for i in range(bins)
        ),
        ece=float(np.abs(weight * count - promised).sum()),
        brier=float(share * np.square(1 - attacks).mean() + (1 - share) * np.square(bonafide).mean()),
        brier_constant=share * (1 - share),
        attack_share=share,
    )


def _in_bins(scores: Scores, edges: Scores) -> tuple[Counts, Scores]:
    """How many scores are in each bin, and their sum."""
    num = len(edges) - 1
    at = np.minimum(np.searchsorted(edges, scores, side="right") - 1, num - 1)
    return np.bincount(at, minlength=num), np.asarray(np.bincount(at, scores, minlength=num), np.float64)


def _interval(attacks: int, bonafide: int, odds_ratio: float) -> dict[str, float]:
    """Wilson's interval of the share of attacks, when an attack weighs `odds_ratio` times a bona fide row."""
    ends = wilson(attacks, attacks + bonafide)
    low, high = (end * odds_ratio / (end * odds_ratio + 1 - end) for end in ends)
    return {"rate_low": low, "rate_high": high}
