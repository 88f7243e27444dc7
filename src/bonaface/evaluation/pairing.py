"""Two score tables of the same samples, brought to one order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bonaface.errors import ScoreError
from bonaface.evaluation.scores import ScoreTable


def in_order_of(
    first: ScoreTable, second: ScoreTable, *, what: str, hint: str, agreed: Sequence[str]
) -> ScoreTable:
    """The second table in the order of the first.

    Args:
        first: Rows in the order that is wanted.
        second: Of the same samples, in any order.
        what: The two tables are of, for the error.
        hint: What to do where a sample is in one of them alone, likewise.
        agreed: Columns in which both must say the same of a sample.

    Raises:
        ScoreError: If the samples are not the same, or the tables do not agree on one.
    """
    there, here = np.argsort(first.sample), np.argsort(second.sample)
    if not np.array_equal(first.sample[there], second.sample[here]):
        only = sorted(set(first.sample.tolist()) ^ set(second.sample.tolist()))
        raise ScoreError(f"{what} must have the same samples; '{only[0]}' is in one table only; {hint}")
    rows = np.empty(len(first), dtype=np.intp)
    rows[there] = here
    second = second.take(rows)
    for name in agreed:
        differs = np.flatnonzero(getattr(first, name) != getattr(second, name))
        if len(differs):
            row = int(differs[0])
            raise ScoreError(
                f"{what} must agree on each sample's {name}; '{first.sample[row]}' has "
                f"'{getattr(first, name)[row]}' and '{getattr(second, name)[row]}'; correct one"
            )
    return second
