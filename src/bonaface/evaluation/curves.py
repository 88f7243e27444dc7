"""What a detector can do at any threshold: AUC and EER. No operating point may be taken from here on test rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bonaface.errors import ScoreError
from bonaface.evaluation.columns import Flags, Scores, number_column
from bonaface.evaluation.measured import Number
from bonaface.evaluation.scores import ScoreTable


@dataclass(frozen=True, slots=True)
class EqualErrorRate:
    """The EER of step functions, which need not meet.

    Attributes:
        value: Mean of pooled APCER and BPCER where they are nearest, without interpolation.
        lower: The smaller of the two there.
        upper: The larger of the two there.
    """

    value: Number
    lower: Number
    upper: Number


@dataclass(frozen=True, slots=True, eq=False)
class ErrorSteps:
    """Errors at every threshold that matters: rates change at scores only.

    Attributes:
        thresholds: The unique scores, rising. Thresholds in (thresholds[i - 1], thresholds[i]] have the errors of i.
        attacks_accepted: Attacks below each threshold.
        bonafide_rejected: Bona fide rows at or above each threshold.
        num_attacks: Attacks with a score.
        num_bonafide: Bona fide rows with a score.
    """

    thresholds: Scores
    attacks_accepted: npt.NDArray[np.int64]
    bonafide_rejected: npt.NDArray[np.int64]
    num_attacks: int
    num_bonafide: int

    def equal_error_index(self) -> int:
        """Where pooled APCER and BPCER are nearest; among equals where fewer attacks are accepted."""
        # Whole numbers, so that equal differences are equal: APCER - BPCER times both totals.
        difference = self.attacks_accepted * self.num_bonafide - self.bonafide_rejected * self.num_attacks
        return int(np.argmin(np.abs(difference)))

    def min_acer_index(self) -> int:
        """Where the mean of pooled APCER and BPCER is smallest; among equals where fewer attacks are accepted."""
        weighted = self.attacks_accepted * self.num_bonafide + self.bonafide_rejected * self.num_attacks
        return int(np.argmin(weighted))

    def equal_error_rate(self) -> EqualErrorRate:
        """Both errors where they are nearest."""
        best = self.equal_error_index()
        apcer = int(self.attacks_accepted[best]) / self.num_attacks
        bpcer = int(self.bonafide_rejected[best]) / self.num_bonafide
        return EqualErrorRate(value=(apcer + bpcer) / 2, lower=min(apcer, bpcer), upper=max(apcer, bpcer))


def error_steps(table: ScoreTable) -> ErrorSteps:
    """The step functions of both errors, pooled over species.

    Args:
        table: Rows without a score are passed over.

    Raises:
        ScoreError: If no bona fide row, or no attack, has a score.
    """
    scored = table.has_score
    thresholds, attacks, bonafide = _counts(table.attack_score[scored], table.is_attack[scored])
    return ErrorSteps(
        thresholds=thresholds,
        attacks_accepted=np.cumsum(attacks) - attacks,
        bonafide_rejected=np.cumsum(bonafide[::-1])[::-1],
        num_attacks=int(attacks.sum()),
        num_bonafide=int(bonafide.sum()),
    )


def eer(table: ScoreTable) -> EqualErrorRate:
    """The error where as many attacks are accepted as bona fide presentations rejected, as shares.

    Args:
        table: Rows without a score are passed over. All species count as one.

    Raises:
        ScoreError: If no bona fide row, or no attack, has a score.

    Reference:
        docs/concepts/metrics.md. Evaluated at every unique score; (APCER + BPCER) / 2 where the two are nearest.
    """
    return error_steps(table).equal_error_rate()


def auc(table: ScoreTable) -> float:
    """Probability that an attack scores higher than a bona fide presentation; a tie counts half.

    Args:
        table: Rows without a score are passed over. All species count as one.

    Raises:
        ScoreError: If no bona fide row, or no attack, has a score.
    """
    scored = table.has_score
    return auc_of(table.attack_score[scored], table.is_attack[scored])


def auc_of(scores: npt.ArrayLike, is_attack: npt.ArrayLike) -> float:
    """`auc` of plain arrays, in n log n steps.

    Args:
        scores: Finite, higher = attack; any range, as only their order counts.
        is_attack: One boolean a score.

    Raises:
        ScoreError: If the arrays are not that, or a class is missing.

    Reference:
        Mann and Whitney 1947, U divided by the number of pairs.

    >>> auc_of([0.1, 0.4, 0.4, 0.9], [False, False, True, True])
    0.875
    """
    numbers, flags = number_column("scores", scores), np.asarray(is_attack)
    if flags.dtype != np.bool_ or numbers.shape != flags.shape:
        raise ScoreError(
            f"is_attack must be {len(numbers)} booleans, one a score; got shape {flags.shape} of {flags.dtype}; "
            "compare labels to make them"
        )
    if not np.isfinite(numbers).all():
        raise ScoreError("scores must be finite; got NaN or infinity; leave out rows without a score")
    _, attacks, bonafide = _counts(numbers, flags)
    bonafide_below = np.cumsum(bonafide) - bonafide
    twice_wins = int((attacks * (2 * bonafide_below + bonafide)).sum())
    return twice_wins / (2 * int(attacks.sum()) * int(bonafide.sum()))


def _counts(scores: Scores, is_attack: Flags) -> tuple[Scores, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The unique scores, rising, with the attacks and the bona fide rows at each."""
    num_attacks = int(np.count_nonzero(is_attack))
    if num_attacks in (0, len(is_attack)):
        raise ScoreError(
            "both classes must have a row with a score; "
            f"got {len(is_attack) - num_attacks} bona fide and {num_attacks} attack; add the missing class"
        )
    values, at = np.unique(scores, return_inverse=True)
    attacks = np.bincount(at[is_attack], minlength=len(values))
    bonafide = np.bincount(at[~is_attack], minlength=len(values))
    return values, attacks, bonafide
