"""The rates of detection that go by other names: HTER, D-EER, accuracy, morphs, silence counted as error, the gate with a recogniser."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bonaface.errors import ScoreError
from bonaface.evaluation import rates
from bonaface.evaluation.curves import EqualErrorRate, eer
from bonaface.evaluation.rates import Rate, accepted_rows, rate_of
from bonaface.evaluation.scores import ScoreTable
from bonaface.vocabulary import BONAFIDE

MORPH = "morph"
ACCEPTED = "accepted"
"""The group column with a recogniser's answer."""
ACCEPT, REJECT = "accept", "reject"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Right answers, beside those of an answer that is always the same.

    Attributes:
        correct: How many rows were called what they are.
        constant_correct: How many would be if every row were called what most rows are.
        total: Of how many.
    """

    correct: int
    constant_correct: int
    total: int

    @property
    def value(self) -> float:
        """Share of right answers; NaN of nothing."""
        return self.correct / self.total if self.total else math.nan

    @property
    def constant_value(self) -> float:
        """Share of right answers of the constant answer; NaN of nothing."""
        return self.constant_correct / self.total if self.total else math.nan


def accuracy(table: ScoreTable, threshold: float) -> Accuracy:
    """How many rows are called what they are, and how many a constant answer would get right.

    Args:
        table: Rows without a score are passed over.
        threshold: At or above it a row is called an attack; chosen on dev.

    Raises:
        ScoreError: If the threshold is not a finite number.
    """
    missed, rejected = rates.apcer_pooled(table, threshold), rates.bpcer(table, threshold)
    total = missed.total + rejected.total
    return Accuracy(
        correct=total - missed.errors - rejected.errors,
        constant_correct=max(missed.total, rejected.total),
        total=total,
    )


def hter(table: ScoreTable, threshold: float) -> float:
    """Half total error rate: mean of the share of all attacks accepted (FAR) and of bona fide rejected (FRR).

    Args:
        table: Rows without a score are passed over.
        threshold: Chosen on other rows: on dev, or on the data set that the detector comes from.

    Returns:
        Another name of `acer_pooled`; NaN when a class has no score.

    Raises:
        ScoreError: If the threshold is not a finite number.
    """
    return rates.acer_pooled(table, threshold)


def d_eer(table: ScoreTable) -> EqualErrorRate:
    """Detection equal error rate: `eer`, under the name that keeps it apart from a recogniser's.

    Args:
        table: Rows without a score are passed over. All species count as one.

    Raises:
        ScoreError: If no bona fide row, or no attack, has a score.
    """
    return eer(table)


def apcer_with_non_responses(table: ScoreTable, threshold: float) -> dict[str, Rate]:
    """Share of every species' attacks that is accepted or gets no answer: as if silence let them in.

    Args:
        table: All attacks count.
        threshold: At or above it a row is called an attack.

    Returns:
        A rate for each species of attack, in alphabetical order; never below its APCER times its answered share.

    Raises:
        ScoreError: If the threshold is not a finite number.
    """
    passed = accepted_rows(table, threshold) | ~table.has_score
    return rates.rates_by_species(table, passed, table.is_attack)


def acer_with_non_responses(table: ScoreTable, threshold: float) -> float:
    """Mean of the worst species' APCER and BPCER, no answer counting as an error in both.

    Args:
        table: All rows count.
        threshold: At or above it a row is called an attack.

    Returns:
        In [0, 1]; NaN when a class has no row.

    Raises:
        ScoreError: If the threshold is not a finite number.
    """
    by_species = apcer_with_non_responses(table, threshold)
    worst = max((rate.value for rate in by_species.values()), default=math.nan)
    return (worst + rates.bpcer_with_non_responses(table, threshold).value) / 2


def macer(table: ScoreTable, threshold: float, *, species: str = MORPH) -> Rate:
    """Morphing attack classification error rate: share of morphs that is accepted.

    Args:
        table: Rows without a score are passed over, and so are other attacks.
        threshold: At or above it a row is called an attack.
        species: The word of the morphs, where a table has several kinds of them.

    Returns:
        Of nothing when the table has no such row with a score.

    Raises:
        ScoreError: If the threshold is not a finite number, or `species` is not a species of attack.

    Reference:
        ISO/IEC 20059; the part that APCER plays for one species.
    """
    if species == BONAFIDE.name:
        raise ScoreError(f"a morph must be a species of attack; got '{species}'; name one, e.g. '{MORPH}'")
    rows = np.asarray(table.species == species, dtype=np.bool_)
    return rate_of(accepted_rows(table, threshold), rows & table.has_score)


def bscer(table: ScoreTable, threshold: float) -> Rate:
    """Bona fide sample classification error rate: BPCER, in the words of morphing.

    Args:
        table: Rows without a score are passed over.
        threshold: At or above it a row is called an attack.

    Raises:
        ScoreError: If the threshold is not a finite number.

    Reference:
        ISO/IEC 20059; the part that BPCER plays.
    """
    return rates.bpcer(table, threshold)


def iapar(table: ScoreTable, threshold: float) -> dict[str, Rate]:
    """Share of every species' attacks that gets through the gate and is accepted by the recogniser behind it.

    Args:
        table: With a group column 'accepted': 'accept' or 'reject' for every attack, the recogniser's answer to it.
            All attacks count; one without a score does not get through the gate.
        threshold: At or above it a row is called an attack. Above 1 the recogniser stands alone.

    Returns:
        A rate for each species of attack, in alphabetical order.

    Raises:
        ScoreError: If the column is missing or holds another word, or the threshold is not a finite number.

    Reference:
        ISO/IEC 30107-3, term IAPAR: impostor attack presentation accept rate of the full system.
    """
    if ACCEPTED not in table.groups:
        raise ScoreError(
            f"scores must have a column {ACCEPTED} with '{ACCEPT}' or '{REJECT}'; "
            f"got {', '.join(table.groups) or 'no group column'}; add the recogniser's answers"
        )
    answers = table.groups[ACCEPTED]
    wrong = np.flatnonzero(table.is_attack & ~np.isin(answers, [ACCEPT, REJECT]))
    if len(wrong):
        raise ScoreError(
            f"{ACCEPTED} must be '{ACCEPT}' or '{REJECT}' for every attack; "
            f"sample '{table.sample[wrong[0]]}' has '{answers[wrong[0]]}'; correct the row"
        )
    through = accepted_rows(table, threshold) & np.asarray(answers == ACCEPT, dtype=np.bool_)
    return rates.rates_by_species(table, through, table.is_attack)
