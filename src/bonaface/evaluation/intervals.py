"""Confidence intervals of a rate, and what a count can claim. All take presentations as independent: frames of one video are not."""

from __future__ import annotations

import math
from statistics import NormalDist

from bonaface.errors import MissingExtraError, ScoreError


def clopper_pearson(errors: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval: it holds the true rate at least as often as it says.

    Args:
        errors: How many went wrong.
        total: Of how many independent presentations.
        confidence: In (0, 1), two-sided.

    Returns:
        Its ends in [0, 1]; (0, 1) of nothing.

    Raises:
        ScoreError: If an argument is out of its range.
        MissingExtraError: If scipy is not installed.

    Reference:
        Clopper and Pearson 1934.

    >>> low, high = clopper_pearson(14, 4500)
    >>> print(f"{low:.3%} {high:.3%}")
    0.170% 0.521%
    """
    _check(errors, total, confidence)
    try:
        from scipy.special import betaincinv  # noqa: PLC0415 - outside the light install
    except ImportError:
        raise MissingExtraError("an exact confidence interval", extra="report") from None
    tail = (1 - confidence) / 2
    low = float(betaincinv(errors, total - errors + 1, tail)) if errors else 0.0
    high = float(betaincinv(errors + 1, total - errors, 1 - tail)) if errors < total else 1.0
    return low, high


def wilson(errors: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval: shorter than the exact one, right on average; for plots.

    Args:
        errors: How many went wrong.
        total: Of how many independent presentations.
        confidence: In (0, 1), two-sided.

    Returns:
        Its ends in [0, 1]; (0, 1) of nothing.

    Raises:
        ScoreError: If an argument is out of its range.

    Reference:
        Wilson 1927.

    >>> low, high = wilson(1, 13)
    >>> print(f"{low:.3f} {high:.3f}")
    0.014 0.333
    """
    _check(errors, total, confidence)
    if total == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = errors / total
    centre = rate + z * z / (2 * total)
    half = z * math.sqrt(rate * (1 - rate) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    low = (centre - half) / scale if errors else 0.0
    high = (centre + half) / scale if errors < total else 1.0
    return low, high


def smallest_claim(total: int, confidence: float = 0.95) -> float:
    """The smallest error rate that can be claimed of so many presentations, when not one of them went wrong.

    Args:
        total: How many independent presentations.
        confidence: In (0, 1), one-sided.

    Returns:
        The exact upper bound 1 - (1 - confidence)^(1 / total); 1 of nothing.

    Raises:
        ScoreError: If an argument is out of its range.

    Reference:
        Clopper and Pearson 1934, at no error.

    >>> print(f"{smallest_claim(40):.1%}")
    7.2%
    """
    _check(0, total, confidence)
    return -math.expm1(math.log1p(-confidence) / total) if total else 1.0


def rule_of_three(total: int) -> float:
    """About the largest rate that is compatible with no error in so many presentations, at 95 %.

    Args:
        total: How many independent presentations.

    Returns:
        3 / total, at most 1: `smallest_claim` in the head.

    Raises:
        ScoreError: If total is negative.

    >>> rule_of_three(300)
    0.01
    """
    _check(0, total, 0.95)
    return min(3 / total, 1.0) if total else 1.0


def rule_of_thirty(rate: float) -> int:
    """How many presentations let a rate be known to within 30 % of itself, at 90 %: 30 errors are to be expected.

    Args:
        rate: The error rate that is expected, in (0, 1].

    Raises:
        ScoreError: If it is not.

    Reference:
        Doddington et al. 2000, the rule of 30.

    >>> rule_of_thirty(0.01)
    3000
    """
    if not 0 < rate <= 1:
        raise ScoreError(f"a rate must be above 0 and at most 1; got {rate}; 0.01 is usual")
    return math.ceil(round(30 / rate, 6))


def sign_test(first: int, second: int) -> float:
    """Two-sided chance of a split at least as uneven as this one, were both sides equally likely.

    Args:
        first: How often one side came.
        second: How often the other.

    Returns:
        The exact p-value in (0, 1]; 1 of nothing.

    Raises:
        ScoreError: If a count is negative.
        MissingExtraError: If scipy is not installed.
    """
    if min(first, second) < 0:
        raise ScoreError(f"counts must not be negative; got {first} and {second}; count them again")
    try:
        from scipy.special import betainc  # noqa: PLC0415 - outside the light install
    except ImportError:
        raise MissingExtraError("an exact test", extra="report") from None
    fewer, total = min(first, second), first + second
    return 1.0 if first == second else min(1.0, 2 * float(betainc(total - fewer, fewer + 1, 0.5)))


def _check(errors: int, total: int, confidence: float) -> None:
    if not 0 <= errors <= total:
        raise ScoreError(f"errors must be between 0 and total; got {errors} of {total}; count them again")
    if not 0 < confidence < 1:
        raise ScoreError(f"confidence must be between 0 and 1; got {confidence}; 0.95 is usual")
