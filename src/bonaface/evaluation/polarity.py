"""Whether scores point the right way: two polarities are in use, and a swapped one gives rates that look like rates."""

from __future__ import annotations

import math

from bonaface.evaluation.ordered import order
from bonaface.evaluation.scores import ScoreTable

Z = 1.96
"""Standard errors that chance alone leaves in 2.5 % of tables on either side."""


def polarity_note(table: ScoreTable) -> str | None:
    """One sentence when bona fide rows score higher than attacks by more than chance, else None.

    Args:
        table: Rows without a score are passed over.

    Returns:
        None too where a class has no score. A polarity and labels that are both swapped rank rightly: no ranking can
        tell them, only the counts of the classes.

    Reference:
        Mann and Whitney 1947: where scores tell nothing, the AUC of n attacks and m bona fide rows has the mean 1/2 and
        the variance (n + m + 1) / 12 n m, less with ties. Hanley and McNeil's error of the AUC found is 0 at an AUC
        of 0, and would make two rows more than chance.
    """
    num_attacks = int((table.is_attack & table.has_score).sum())
    num_bonafide = int((table.is_bonafide & table.has_score).sum())
    if not num_attacks or not num_bonafide:
        return None
    area, _ = order(table).aucs()
    error = math.sqrt((num_attacks + num_bonafide + 1) / (12 * num_attacks * num_bonafide))
    if area + Z * error >= 0.5:
        return None
    return (
        f"scores rank bona fide above attacks: the AUC of {num_attacks} attacks and {num_bonafide} bona fide rows is "
        f"{area:.4f}, below 0.5 by more than chance; is the polarity right, and are the labels?"
    )
