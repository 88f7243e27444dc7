"""The statistics of a table under many weightings of its subjects, fast: by counts a subject, and by scores sorted once."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bonaface.errors import ScoreError, did_you_mean
from bonaface.evaluation.columns import Scores
from bonaface.evaluation.ordered import ERRORS, TOTAL, Counts, OrderedScores, middle, order
from bonaface.evaluation.resampling import Clusters, Weights
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.thresholds import interval_by_rule, parse_rule
from bonaface.vocabulary import Split

Statistic = Literal[
    "apcer", "apcer_worst", "apcer_pooled", "bpcer", "acer_worst", "acer_pooled", "eer", "auc"
]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)
"""What an interval can be had of; 'apcer' stands for that of every species, named 'apcer print' and so on."""

CLUSTER_BLOCK = 1 << 16


class Measurement:
    """Statistics of one table as a function of how often each cluster counts. Final.

    Args:
        table: Rows of one split; of dev and test when the threshold is chosen by a rule.
        clusters: Its clusters.
        at: The threshold, or the rule that chooses it anew on the dev rows of every replicate; not 'fixed'.
        statistics: Of `STATISTICS`.

    Attributes:
        names: Of the columns that a call returns.

    Raises:
        ScoreError: If a statistic or the rule is unknown, the threshold is no finite number, or a class has no score.
    """

    def __init__(
        self, table: ScoreTable, clusters: Clusters, at: float | str, statistics: tuple[Statistic, ...]
    ) -> None:
        for name in statistics:
            if name not in STATISTICS:
                tail = did_you_mean(name, STATISTICS) or "; choose one of them"
                raise ScoreError(f"a statistic must be one of {', '.join(STATISTICS)}; got '{name}'{tail}")
        self._statistics = statistics
        self._counts: _FixedCounts | _RuleCounts
        if isinstance(at, str):
            dev, test = (
                _ordered(table, clusters, table.split == split.value) for split in (Split.DEV, Split.TEST)
            )
            self._counts = _RuleCounts(dev, test, at)
        else:
            if not math.isfinite(at):
                raise ScoreError(f"a threshold must be a finite number; got {at}; choose one on dev")
            test = _ordered(table, clusters, np.ones(len(table), dtype=np.bool_))
            self._counts = _FixedCounts(test, clusters.count, at)
        self._ranks = _Ranks(*test) if {"eer", "auc"} & set(statistics) else None
        self._species = test[0].species
        self.names = tuple(
            part
            for name in statistics
            for part in ([f"apcer {species}" for species in self._species] if name == "apcer" else [name])
        )

    def __call__(self, weights: Weights) -> Scores:
        """The statistics of a batch of weights, (batch, names); NaN where a rate is of nothing."""
        counts = self._counts(weights)
        columns: dict[str, Scores] = {**_rates(counts)}
        if self._ranks is not None:
            pairs = np.array([self._ranks(row) for row in weights])
            columns["auc"], columns["eer"] = pairs[:, :1], pairs[:, 1:]
        return np.concatenate([columns[name] for name in self._statistics], axis=1)


def _ordered(
    table: ScoreTable, clusters: Clusters, rows: npt.NDArray[np.bool_]
) -> tuple[OrderedScores, npt.NDArray[np.int32]]:
    """The chosen rows in order of their scores, with the cluster of each."""
    scores = order(table if rows.all() else table.select(rows))
    return scores, clusters.of_row[np.flatnonzero(rows)[scores.rows]]


def _rates(counts: Counts) -> dict[str, Scores]:
    """Rates, (batch, 1) each and APCER (batch, species), of counts (batch, 1 + species, 2)."""
    attacks = counts[:, 1:].sum(axis=1, keepdims=True)
    apcer, pooled, bpcer = (
        np.divide(
            part[:, :, ERRORS],
            part[:, :, TOTAL],
            out=np.full(part.shape[:2], np.nan),
            where=part[:, :, TOTAL] > 0,
        )
        for part in (counts[:, 1:], attacks, counts[:, :1])
    )
    worst = np.fmax.reduce(apcer, axis=1, keepdims=True)
    return {
        "apcer": apcer,
        "apcer_worst": worst,
        "apcer_pooled": pooled,
        "bpcer": bpcer,
        "acer_worst": (worst + bpcer) / 2,
        "acer_pooled": (pooled + bpcer) / 2,
    }


class _FixedCounts:
    """Counts at one threshold: a replicate is a weighted sum of the subjects' counts."""

    def __init__(
        self, test: tuple[OrderedScores, npt.NDArray[np.int32]], num_clusters: int, threshold: float
    ) -> None:
        scores, cluster = test
        size = 1 + len(scores.species)
        is_error = (scores.scores < threshold) == (scores.codes > 0)
        cell = cluster.astype(np.int64) * size + scores.codes
        shape = (num_clusters, size)
        total = np.bincount(cell, minlength=num_clusters * size).reshape(shape)
        errors = np.bincount(cell[is_error], minlength=num_clusters * size).reshape(shape)
        self._shape = (size, 2)
        self._by_cluster = np.stack([errors, total], axis=2).reshape(num_clusters, -1).astype(np.int32)

    def __call__(self, weights: Weights) -> Counts:
        sums = np.zeros((len(weights), self._by_cluster.shape[1]))
        for start in range(0, len(self._by_cluster), CLUSTER_BLOCK):
            block = slice(start, start + CLUSTER_BLOCK)
            # float64 holds these whole numbers exactly, and only it is multiplied fast
            sums += weights[:, block].astype(np.float64) @ self._by_cluster[block].astype(np.float64)
        return sums.astype(np.int64).reshape(len(weights), *self._shape)


class _RuleCounts:
    """Counts on the test rows at the threshold that each replicate's dev rows choose; none where these can choose none."""

    def __init__(
        self,
        dev: tuple[OrderedScores, npt.NDArray[np.int32]],
        test: tuple[OrderedScores, npt.NDArray[np.int32]],
        rule: str,
    ) -> None:
        self._dev, self._test = dev, test
        self._name, self._number = parse_rule(rule)

    def __call__(self, weights: Weights) -> Counts:
        return np.stack([self._one(row) for row in weights.astype(np.int64)])

    def _one(self, weights: Counts) -> Counts:
        scores, cluster = self._dev
        drawn = scores.weighted(weights[cluster])
        interval = interval_by_rule(drawn, self._name, self._number) if drawn.has_both else None
        scores, cluster = self._test
        counts = scores.weighted(weights[cluster]).errors_at(middle(*interval or (0.0, 0.0)))
        return counts if interval else np.zeros_like(counts)


class _Ranks:
    """AUC and EER from scores that were sorted once."""

    def __init__(self, scores: OrderedScores, cluster: npt.NDArray[np.int32]) -> None:
        is_attack = scores.codes > 0
        # as intp, since any other index is converted anew at every look-up
        self._attack_clusters = cluster[is_attack].astype(np.intp)
        self._bonafide_clusters = cluster[~is_attack].astype(np.intp)
        attacks, bonafide = scores.scores[is_attack], scores.scores[~is_attack]
        unique = np.unique(scores.scores)
        self._attacks_below = np.searchsorted(attacks, unique)
        self._bonafide_below = np.searchsorted(bonafide, unique)
        self._lower = np.searchsorted(bonafide, attacks)
        upper = np.searchsorted(bonafide, attacks, side="right")
        self._upper = None if (upper == self._lower).all() else upper

    def __call__(self, weights: Weights) -> tuple[float, float]:
        once = weights.astype(np.float64)
        attacks = once[self._attack_clusters]
        accepted, below = _sums(attacks), _sums(once[self._bonafide_clusters])
        num_attacks, num_bonafide = int(accepted[-1]), int(below[-1])
        if not num_attacks or not num_bonafide:
            return np.nan, np.nan
        won = below[self._lower]
        if self._upper is not None:
            won = (won + below[self._upper]) / 2
        wins = float(
            np.multiply(attacks, won, out=won).sum()
        )  # a dot product would wake all threads for little
        return wins / (num_attacks * num_bonafide), self._eer(accepted, below, num_attacks, num_bonafide)

    def _eer(self, accepted: Scores, below: Scores, num_attacks: int, num_bonafide: int) -> float:
        """The mean of both errors where they are nearest: their difference only rises, so halving finds its change of sign."""

        def errors(step: int) -> tuple[int, int]:
            missed = int(accepted[self._attacks_below[step]])
            return missed * num_bonafide, (
                num_bonafide - int(below[self._bonafide_below[step]])
            ) * num_attacks

        low, high = (
            0,
            len(self._attacks_below) - 1,
        )  # the first step at which as many attacks pass, if there is one
        while low < high:
            step = (low + high) // 2
            missed, rejected = errors(step)
            low, high = (low, step) if missed >= rejected else (step + 1, high)
        near = min((errors(step) for step in (max(low - 1, 0), low)), key=lambda pair: abs(pair[0] - pair[1]))
        return sum(near) / (2 * num_attacks * num_bonafide)


def _sums(weights: Scores) -> Scores:
    """Sums of the first 0, 1, ... all weights: whole numbers that float64 holds exactly."""
    sums = np.zeros(len(weights) + 1)
    np.cumsum(weights, out=sums[1:])
    return sums
