"""What does only making a picture darker do to its score? The same samples before and after one change, pair by pair."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from bonaface.errors import ScoreError, did_you_mean
from bonaface.evaluation.bootstrap import REPLICATES
from bonaface.evaluation.columns import Flags, Scores, coded
from bonaface.evaluation.intervals import sign_test
from bonaface.evaluation.measured import CONFIDENCE, MeasuredRate, Number, measured
from bonaface.evaluation.pairing import in_order_of
from bonaface.evaluation.rates import rate_of
from bonaface.evaluation.resampling import clusters
from bonaface.evaluation.scores import ScoreTable
from bonaface.log_odds import log_odds_of

SAME = 1e-12
"""Replicates that differ by less do not differ: sums of the same numbers in another order."""


@dataclass(frozen=True, slots=True)
class Change:
    """Of a quantity, after less before, over pairs. All NaN of no pair.

    Attributes:
        mean: Above 0, it rose.
        median: Likewise.
        low: Lower end of the 95 % interval of the mean, subjects drawn with replacement; NaN when no replicate differs.
        high: Its upper end.
    """

    mean: Number
    median: Number
    low: Number
    high: Number


@dataclass(frozen=True, slots=True)
class ClassProbe:
    """What a change does to the rows of one class.

    Attributes:
        pairs: Samples with a score before and after: all that follows is of them.
        unpaired: Samples without a score on one side, or on both.
        attack_score: In [-1, 1]; above 0 it looks more like an attack.
        log_odds: The same on an even scale, log-odds kept within 20 of 0.
        to_attack: Pairs called bonafide before and attack after.
        to_bonafide: Pairs called attack before and bonafide after.
        p_value: Chance of so uneven a split of the two, were both equally likely: McNemar's exact test.
    """

    pairs: int
    unpaired: int
    attack_score: Change
    log_odds: Change
    to_attack: MeasuredRate
    to_bonafide: MeasuredRate
    p_value: float


@dataclass(frozen=True, slots=True)
class Probe:
    """What a change does at one threshold.

    Attributes:
        threshold: At or above it a row is called an attack.
        bonafide: On bona fide rows.
        attack: On attacks of all species.
        by: The group column; None without one.
        groups: The same for each of its values, in alphabetical order.
    """

    threshold: float
    bonafide: ClassProbe
    attack: ClassProbe
    by: str | None = None
    groups: Mapping[str, Probe] = field(default_factory=dict)


def causal_probe(
    before: ScoreTable,
    after: ScoreTable,
    threshold: float,
    *,
    by: str | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Probe:
    """How scores and verdicts change when one thing is done to every picture, and nothing else.

    Nothing but the change separates the two scores of a pair, so their difference is its effect. Two groups of
    different pictures, dark ones and bright ones, would differ in who is in them too.

    Args:
        before: Scores of the pictures as they are.
        after: Scores of the same samples, changed, in any order.
        threshold: Chosen on dev.
        by: A group column of `before`: the same for each of its values.
        replicates: Of the bootstrap over subjects, at least 2.
        seed: The same seed, the same intervals.

    Raises:
        ScoreError: If the samples are not the same, the column is missing, or the threshold is not a finite number.
        MissingExtraError: If scipy is not installed.

    Reference:
        Pearl 2009, Causality, section 3.2: an intervention, not an association. Field and Welsh 2007 for clusters.
    """
    if not math.isfinite(threshold):
        raise ScoreError(f"a threshold must be a finite number; got {threshold}; choose one on dev")
    if replicates < 2:
        raise ScoreError(f"replicates must be at least 2; got {replicates}; 1000 is usual")
    if by is not None and by not in before.groups:
        tail = did_you_mean(by, before.groups) or "; add it"
        raise ScoreError(
            f"a probe must be by a group column; got '{by}' of {', '.join(before.groups) or 'none'}{tail}"
        )
    after = in_order_of(before, after, what="a probe's tables", hint="judge the rest", agreed=("species",))
    scores = after.attack_score
    everything = np.ones(len(before), dtype=np.bool_)
    whole = _probe(before, scores, threshold, everything, replicates, seed)
    if by is None:
        return whole
    names, codes = coded(before.groups[by])
    groups = {
        name: _probe(before, scores, threshold, codes == code, replicates, seed)
        for code, name in enumerate(names)
    }
    return Probe(threshold, whole.bonafide, whole.attack, by, groups)


def _probe(
    before: ScoreTable, after: Scores, threshold: float, rows: Flags, replicates: int, seed: int
) -> Probe:
    bonafide, attack = (
        _class_probe(before, after, threshold, rows & of_class, replicates, seed)
        for of_class in (before.is_bonafide, before.is_attack)
    )
    return Probe(threshold, bonafide, attack)


def _class_probe(
    before: ScoreTable, after: Scores, threshold: float, rows: Flags, replicates: int, seed: int
) -> ClassProbe:
    paired = rows & before.has_score & ~np.isnan(after)
    was, is_now = before.attack_score >= threshold, after >= threshold
    to_attack, to_bonafide = rate_of(~was & is_now, paired), rate_of(was & ~is_now, paired)
    pairs, changed = before.select(paired), after[paired]
    differences = (changed - pairs.attack_score, log_odds_of(changed) - log_odds_of(pairs.attack_score))
    attack_score, log_odds = _changes(pairs, np.stack(differences, axis=1), replicates, seed)
    return ClassProbe(
        pairs=len(pairs),
        unpaired=int(np.count_nonzero(rows & ~paired)),
        attack_score=attack_score,
        log_odds=log_odds,
        to_attack=measured(to_attack),
        to_bonafide=measured(to_bonafide),
        p_value=sign_test(to_attack.errors, to_bonafide.errors),
    )


def _changes(pairs: ScoreTable, differences: Scores, replicates: int, seed: int) -> tuple[Change, Change]:
    """Of both columns of `differences` (pairs, 2), under the same draws."""
    if not len(pairs):
        nothing = Change(math.nan, math.nan, math.nan, math.nan)
        return nothing, nothing
    groups = clusters(pairs)
    sums = np.stack([np.bincount(groups.of_row, column) for column in differences.T], axis=1)
    sizes = np.bincount(groups.of_row)
    drawn = np.concatenate(
        [
            weights @ sums / (weights @ sizes)[:, None]
            for weights in groups.draws(replicates, np.random.default_rng(seed))
        ]
    )
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    low[np.ptp(drawn, axis=0) < SAME] = high[np.ptp(drawn, axis=0) < SAME] = math.nan
    first, second = (
        Change(float(column.mean()), float(np.median(column)), float(low[i]), float(high[i]))
        for i, column in enumerate(differences.T)
    )
    return first, second
