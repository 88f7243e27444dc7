"""Several captures of one presentation, a few frames of a video say: what they say together.

A capture's noise, blur and compression move its evidence as much as many attacks do. They are drawn anew with every capture, and the face and
the attack are not: so the log-odds of each family are averaged, and the families united as those of one capture are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]

LARGEST_LOG_ODDS = 20.0
"""A score of 0 or 1 counts as this much, so that one sure capture does not silence all others."""


def log_odds(scores: Scores) -> Scores:
    """ln(p / (1 - p)), within `LARGEST_LOG_ODDS` of 0."""
    with np.errstate(divide="ignore"):
        found = np.log(scores) - np.log1p(-scores)
    return np.asarray(np.clip(found, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS), np.float64)


def chance(log_odds: Scores) -> Scores:
    """1 / (1 + exp(-x)), the way back."""
    return np.asarray(np.exp(-np.logaddexp(0, -log_odds)), np.float64)


def union(families: Scores) -> Scores:
    """The chance of an attack of any family, these being independent: 1 - prod(1 - p) along the last axis."""
    return np.asarray(-np.expm1(np.log1p(-np.minimum(families, 1 - 1e-12)).sum(axis=-1)), np.float64)


def joint_scores(attack: Scores, families: Scores) -> tuple[float, Scores]:
    """The attack score and the family scores of a presentation.

    Args:
        attack: (captures,) attack scores in [0, 1], at least one.
        families: (captures, families) scores in [0, 1]; no family where the detector tells none.

    Returns:
        Of families their averaged log-odds as scores, and of an attack their union; without families the averaged log-odds of the
        attack. One capture's own scores, where there is one.

    >>> attack, families = joint_scores(np.array([0.5, 0.9]), np.empty((2, 0)))
    >>> print(f"{attack:.2f}")
    0.75
    """
    if len(attack) == 1:
        return float(attack[0]), families[0]
    if not families.shape[1]:
        return float(chance(log_odds(attack).mean())), families[0]
    joint = chance(log_odds(families).mean(axis=0))
    return float(union(joint)), joint
