"""Several captures of one presentation, a few frames of a video say: what they say together.

A capture's noise, blur and compression move its evidence as much as many attacks do. They are drawn anew with every capture, and the face and
the attack are not: so the log-odds of each family are averaged, and the families united as those of one capture are.
"""

from __future__ import annotations

from bonaface.log_odds import Scores, log_odds_of, scores_of, union_log_odds


def joint_scores(attack: Scores, families: Scores) -> tuple[float, Scores]:
    """The attack score and the family scores of a presentation.

    Args:
        attack: (captures,) attack scores in [0, 1], at least one.
        families: (captures, families) scores in [0, 1]; no family where the detector tells none.

    Returns:
        Of families their averaged log-odds as scores, and of an attack their union; without families the averaged log-odds of the
        attack. One capture's own scores, where there is one. No capture, however sure, outvotes all others.

    >>> import numpy as np
    >>> attack, families = joint_scores(np.array([0.5, 0.9]), np.empty((2, 0)))
    >>> print(f"{attack:.2f}")
    0.75
    """
    if len(attack) == 1:
        return float(attack[0]), families[0]
    if not families.shape[1]:
        return float(scores_of(log_odds_of(attack).mean())), families[0]
    joint = log_odds_of(families).mean(axis=0)
    return float(scores_of(union_log_odds(joint))), scores_of(joint)
