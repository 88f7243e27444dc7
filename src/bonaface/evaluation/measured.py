"""Numbers as reports carry them: a rate with its count and its interval, and floats that may be unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import pydantic

from bonaface.evaluation.intervals import clopper_pearson
from bonaface.evaluation.rates import Rate

CONFIDENCE = 0.95

Number = Annotated[float, pydantic.BeforeValidator(lambda value: math.nan if value is None else value)]
"""A float in a report; NaN, where it is not known, is null in JSON."""


@dataclass(frozen=True, slots=True)
class MeasuredRate:
    """A rate with its exact interval.

    Attributes:
        errors: How many went wrong.
        total: Of how many.
        value: The share in [0, 1]; NaN of nothing.
        low: Lower end of the 95 % Clopper-Pearson interval; NaN of nothing.
        high: Its upper end; NaN of nothing.
    """

    errors: int
    total: int
    value: Number
    low: Number
    high: Number


def measured(rate: Rate, confidence: float = CONFIDENCE) -> MeasuredRate:
    """The rate with its exact interval.

    Raises:
        MissingExtraError: If scipy is not installed.
    """
    if not rate.total:
        return MeasuredRate(0, 0, math.nan, math.nan, math.nan)
    return MeasuredRate(
        rate.errors, rate.total, rate.value, *clopper_pearson(rate.errors, rate.total, confidence)
    )
