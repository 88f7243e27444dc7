"""Thresholds and the rules that choose them, on dev rows only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bonaface.errors import ScoreError, did_you_mean
from bonaface.evaluation.curves import error_steps
from bonaface.evaluation.scores import ScoreTable
from bonaface.vocabulary import Split


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where attacks begin: a row is called an attack when attack_score >= value.

    Attributes:
        value: In [0, 1].
        low: Every threshold above it ...
        high: ... up to this one makes the same errors on the rows it was chosen on.
        rule: A name of `RULES`, or 'fixed'.
        split: The split it was chosen on; None when it was not chosen on scores.
    """

    value: float
    low: float
    high: float
    rule: str
    split: Split | None

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.value <= self.high <= 1:
            raise ScoreError(
                "a threshold must be in [0, 1] and within its interval; "
                f"got {self.value} in [{self.low}, {self.high}]; give a probability of attack"
            )


def fixed_threshold(value: float) -> Threshold:
    """A threshold given from outside, e.g. by a bundle.

    Args:
        value: In [0, 1].

    Raises:
        ScoreError: If it is not.

    >>> fixed_threshold(0.5)
    Threshold(value=0.5, low=0.5, high=0.5, rule='fixed', split=None)
    """
    return Threshold(float(value), float(value), float(value), rule="fixed", split=None)


def eer_threshold(dev: ScoreTable) -> Threshold:
    """The threshold where pooled APCER and BPCER are nearest on dev rows.

    Args:
        dev: Rows of the dev split only. Rows without a score are passed over.

    Returns:
        The middle of the interval in which no dev error changes, with its ends: for classes that do not overlap,
        midway between the highest bona fide and the lowest attack score. Of two intervals that are equally
        good the one that accepts fewer attacks.

    Raises:
        ScoreError: If a row is not of dev, or no bona fide row, or no attack, has a score.
    """
    _check_dev(dev)
    steps = error_steps(dev)
    best = steps.equal_error_index()
    high = float(steps.thresholds[best])
    low = float(steps.thresholds[best - 1]) if best else 0.0
    middle = (low + high) / 2
    # Between two neighbouring floats, or at 0, the middle can be `low`, which is outside the interval.
    value = middle if middle > low else high
    return Threshold(value, low, high, rule="eer", split=Split.DEV)


RULES: dict[str, Callable[[ScoreTable], Threshold]] = {"eer": eer_threshold}
"""Every rule by which a threshold can be chosen on dev rows."""


def threshold_by_rule(dev: ScoreTable, rule: str) -> Threshold:
    """The threshold that a rule of `RULES` chooses.

    Args:
        dev: Rows of the dev split only.
        rule: Its name.

    Raises:
        ScoreError: If there is no such rule, or it can not choose on these rows.
    """
    if rule not in RULES:
        tail = did_you_mean(rule, RULES) or "; choose one of them"
        raise ScoreError(f"a threshold rule must be one of {', '.join(RULES)}; got '{rule}'{tail}")
    return RULES[rule](dev)


def _check_dev(dev: ScoreTable) -> None:
    others = np.unique(dev.split[dev.split != Split.DEV.value]).tolist()
    if others:
        raise ScoreError(
            f"a threshold must be chosen on dev rows only; got rows of {', '.join(others)}; "
            "select them with of_split(Split.DEV)"
        )
    for name, rows in (("bona fide row", dev.is_bonafide), ("attack", dev.is_attack)):
        if not (rows & dev.has_score).any():
            raise ScoreError(
                f"dev must have both classes with a score; got no scored {name} among {rows.sum()}; add some"
            )
