"""Confidence intervals of a rate. Both take presentations as independent: frames of one video are not."""

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


def _check(errors: int, total: int, confidence: float) -> None:
    if not 0 <= errors <= total:
        raise ScoreError(f"errors must be between 0 and total; got {errors} of {total}; count them again")
    if not 0 < confidence < 1:
        raise ScoreError(f"confidence must be between 0 and 1; got {confidence}; 0.95 is usual")
