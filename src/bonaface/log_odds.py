"""Scores as log-odds and back, and the union of families: the arithmetic of evidence, worded once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
LogOdds = npt.NDArray[np.float64]

LARGEST_LOG_ODDS = 20.0
"""A score of 0 or 1 counts as this much: no score is certain."""


def log_odds_of(scores: Scores) -> LogOdds:
    """ln(p / (1 - p)), within `LARGEST_LOG_ODDS` of 0."""
    with np.errstate(divide="ignore"):
        found = np.log(scores) - np.log1p(-scores)
    return np.asarray(np.clip(found, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS), np.float64)


def scores_of(log_odds: LogOdds) -> Scores:
    """1 / (1 + exp(-x)), the way back."""
    return np.asarray(np.exp(-np.logaddexp(0, -log_odds)), np.float64)


def union_log_odds(family_log_odds: LogOdds) -> LogOdds:
    """Log-odds of an attack of any family, the families being independent: 1 - prod(1 - p) along the last axis."""
    none = -np.logaddexp(0, family_log_odds).sum(axis=-1)
    return np.asarray(np.log(-np.expm1(none)) - none, np.float64)
