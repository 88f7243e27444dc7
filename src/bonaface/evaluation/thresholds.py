"""Thresholds and the rules that choose them, on dev rows only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bonaface.errors import ScoreError, did_you_mean
from bonaface.evaluation.ordered import OrderedScores, check_limit, middle, order
from bonaface.evaluation.scores import ScoreTable
from bonaface.vocabulary import Split


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where attacks begin: a row is called an attack when attack_score >= value.

    Attributes:
        value: In [0, 1].
        low: Every threshold above it ...
        high: ... up to this one makes the same errors on the rows it was chosen on.
        rule: As `threshold_by_rule` takes it, e.g. 'eer' or 'apcer=0.01'; 'fixed' when it was given.
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
    return _chosen(dev, "eer")


def min_acer_threshold(dev: ScoreTable) -> Threshold:
    """The threshold where the mean of pooled APCER and BPCER is smallest on dev rows.

    Args:
        dev: As for `eer_threshold`.

    Returns:
        As for `eer_threshold`.

    Raises:
        ScoreError: As for `eer_threshold`.
    """
    return _chosen(dev, "min_acer")


def apcer_threshold(dev: ScoreTable, limit: float) -> Threshold:
    """The highest threshold at which every species' APCER is within `limit` on dev rows.

    Args:
        dev: As for `eer_threshold`. A species without a score is passed over.
        limit: Largest APCER allowed for any one species, in (0, 1).

    Returns:
        The middle of the interval in which no dev error changes, with its ends.

    Raises:
        ScoreError: As for `eer_threshold`, or if `limit` is not in (0, 1).
    """
    return _chosen(dev, f"apcer={limit}")


def bpcer_threshold(dev: ScoreTable, limit: float) -> Threshold:
    """The lowest threshold at which BPCER is within `limit` on dev rows.

    Args:
        dev: As for `eer_threshold`.
        limit: Largest BPCER allowed, in (0, 1).

    Returns:
        The middle of the interval in which no dev error changes, with its ends.

    Raises:
        ScoreError: As for `eer_threshold`, or if `limit` is not in (0, 1), or no threshold up to 1 keeps it.
    """
    return _chosen(dev, f"bpcer={limit}")


RULES: dict[str, Callable[[ScoreTable], Threshold]] = {"eer": eer_threshold, "min_acer": min_acer_threshold}
"""The rules without a number by which a threshold can be chosen on dev rows."""

LIMIT_RULES: dict[str, Callable[[ScoreTable, float], Threshold]] = {
    "apcer": apcer_threshold,
    "bpcer": bpcer_threshold,
}
"""The rules with a number, written apcer=0.01."""

FIXED = "fixed"


def threshold_by_rule(dev: ScoreTable, rule: str) -> Threshold:
    """The threshold that a rule chooses.

    Args:
        dev: Rows of the dev split only.
        rule: A name of `RULES`, a name of `LIMIT_RULES` with its limit, as in 'apcer=0.01', or 'fixed=0.5', which
            looks at no score.

    Raises:
        ScoreError: If there is no such rule, or it can not choose on these rows.
    """
    name, number = parse_rule(rule)
    if number is None:
        return RULES[name](dev)
    return fixed_threshold(number) if name == FIXED else LIMIT_RULES[name](dev, number)


def parse_rule(rule: str) -> tuple[str, float | None]:
    """A rule's name and its number, None where it has none.

    Raises:
        ScoreError: If there is no such rule, or its number is missing or none, or a limit that is not in (0, 1).

    >>> parse_rule("apcer=0.01")
    ('apcer', 0.01)
    """
    name, equals, text = rule.partition("=")
    if name in RULES and not equals:
        return name, None
    written = [*RULES, *(f"{known}=x" for known in (*LIMIT_RULES, FIXED))]
    if name not in (*LIMIT_RULES, FIXED):
        tail = did_you_mean(name, [*RULES, *LIMIT_RULES, FIXED]) or "; choose one of them"
        raise ScoreError(f"a threshold rule must be one of {', '.join(written)}; got '{rule}'{tail}")
    try:
        number = float(text)
    except ValueError:
        raise ScoreError(
            f"the rule {name} must have a number, as in {name}=0.01; got '{rule}'; write one"
        ) from None
    if name in LIMIT_RULES:
        check_limit(number)
    else:
        fixed_threshold(number)
    return name, number


def interval_by_rule(scores: OrderedScores, name: str, number: float | None) -> tuple[float, float] | None:
    """The equally good thresholds, (low, high], of a rule that looks at scores.

    Args:
        scores: Rows to choose on, weighted or not.
        name: As `parse_rule` returns it, not 'fixed'.
        number: Likewise.

    Returns:
        None when no threshold up to 1 keeps a limit of BPCER.

    Raises:
        ScoreError: If a limit is not in (0, 1).
    """
    if number is not None:
        check_limit(number)
        return scores.interval_at_apcer(number) if name == "apcer" else scores.interval_at_bpcer(number)
    steps = scores.steps()
    best = steps.equal_error_index() if name == "eer" else steps.min_acer_index()
    return scores.interval(float(steps.thresholds[best]))


def _chosen(dev: ScoreTable, rule: str) -> Threshold:
    name, number = parse_rule(rule)
    _check_dev(dev)
    interval = interval_by_rule(order(dev), name, number)
    if interval is None:
        raise ScoreError(
            f"the rule {rule} must be within reach of a threshold up to 1; "
            "too many bona fide dev rows score 1; allow more"
        )
    return Threshold(middle(*interval), *interval, rule=rule, split=Split.DEV)


def _check_dev(dev: ScoreTable) -> None:
    others = sorted(set(dev.split[dev.split != Split.DEV.value].tolist()))
    if others:
        raise ScoreError(
            f"a threshold must be chosen on dev rows only; got rows of {', '.join(others)}; "
            "select them with of_split(Split.DEV)"
        )
    for name, rows in (("bona fide row", dev.is_bonafide), ("attack", dev.is_attack)):
        if not (rows & dev.has_score).any():
            raise ScoreError(
                f"dev must have both classes with a score; got no scored {name} among {np.count_nonzero(rows)}; add some"
            )
