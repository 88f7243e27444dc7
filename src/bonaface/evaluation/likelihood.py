"""Scores as evidence: what their likelihood ratios cost in bits, and how much of that calibration could save."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bonaface.errors import ScoreError
from bonaface.evaluation.columns import Flags, Scores
from bonaface.evaluation.scores import ScoreTable

Counts = npt.NDArray[np.int64]

PASSES = 6
"""Rounds of pooling over whole arrays, before what is left is pooled one by one."""


def cllr(table: ScoreTable) -> float:
    """Cost of the scores as log-likelihood ratios, in bits: they must be right in size, not in order alone.

    A score is a posterior where both classes are equally likely, so its log-odds are the log-likelihood ratio. The
    cost is the cross-entropy of the labels in bits, both classes weighing alike.

    Args:
        table: Rows without a score are passed over. All species count as one.

    Returns:
        0 for scores that are always right and certain, 1 for a constant 0.5; more than 1 is worse than no score at
        all. One attack that scores 0, or one bona fide row that scores 1, makes it infinite: see `certain_errors`.

    Raises:
        ScoreError: If no bona fide row, or no attack, has a score.

    Reference:
        Brümmer and du Preez 2006, Application-independent evaluation of speaker detection.
    """
    bonafide, attacks = scores_by_class(table)
    with np.errstate(divide="ignore"):
        bits = np.log2(attacks).mean() + np.log1p(-bonafide).mean() / math.log(2)
    return float(0 - bits / 2)


def min_cllr(table: ScoreTable) -> float:
    """The least `cllr` that any rising change of the scores could reach on these rows: what is lost by their order.

    Args:
        table: Rows without a score are passed over. All species count as one.

    Returns:
        In [0, 1] bits; it is found with the labels at hand, so no calibration is to be expected to reach it.

    Raises:
        ScoreError: If no bona fide row, or no attack, has a score.

    Reference:
        Brümmer and du Preez 2006; the change is found by pooling adjacent violators, Ayer et al. 1955.
    """
    bonafide, attacks = scores_by_class(table)
    blocks = pooled(bonafide, attacks)
    shares = blocks.bonafide / len(bonafide), blocks.attacks / len(attacks)
    both = shares[0] + shares[1]
    return sum(
        float((share[share > 0] * np.log2(both[share > 0] / share[share > 0])).sum()) / 2 for share in shares
    )


def calibration_loss(table: ScoreTable) -> float:
    """Bits that calibration could save: `cllr` less `min_cllr`.

    Args:
        table: As for `cllr`.

    Returns:
        At least 0; infinite where `cllr` is.

    Raises:
        ScoreError: If no bona fide row, or no attack, has a score.
    """
    return max(cllr(table) - min_cllr(table), 0.0)  # rounding alone can bring it below


def certain_errors(table: ScoreTable) -> int:
    """How many rows are wrong and certain: attacks that score 0, bona fide rows that score 1. One makes `cllr` infinite."""
    wrong = (table.is_attack & (table.attack_score == 0)) | (table.is_bonafide & (table.attack_score == 1))
    return int(np.count_nonzero(wrong))


def scores_by_class(table: ScoreTable) -> tuple[Scores, Scores]:
    """The scores of bona fide rows, and those of attacks; rows without a score are left out.

    Raises:
        ScoreError: If there is none of either.
    """
    scored = table.has_score
    bonafide, attacks = (table.attack_score[scored & rows] for rows in (table.is_bonafide, table.is_attack))
    if not len(bonafide) or not len(attacks):
        raise ScoreError(
            "both classes must have a row with a score; "
            f"got {len(bonafide)} bona fide and {len(attacks)} attack; add the missing class"
        )
    return bonafide, attacks


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Neighbouring scores pooled until the share of attacks rises from block to block.

    Attributes:
        first: Lowest score of each block, rising.
        last: Highest score of each block.
        bonafide: Bona fide rows in it.
        attacks: Attacks in it.
    """

    first: Scores
    last: Scores
    bonafide: Counts
    attacks: Counts


def pooled(bonafide: Scores, attacks: Scores) -> Blocks:
    """The blocks on which the best rising function of the scores is constant, whatever the classes weigh.

    Args:
        bonafide: Scores of bona fide rows, finite.
        attacks: Scores of attacks, finite. Equal scores are in one block.

    Returns:
        At least one block. The share of attacks is strictly higher in each than in the one before.

    Reference:
        Ayer et al. 1955, pool adjacent violators. Fawcett and Niculescu-Mizil 2007: the blocks are the sides of the
        convex hull of the ROC curve, and weights of the classes do not move its corners.
    """
    scores = np.concatenate([bonafide, attacks])
    order = np.argsort(scores)
    ordered, is_attack = scores[order], order >= len(bonafide)
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff(np.append(starts, len(ordered)))
    risen = np.add.reduceat(is_attack.astype(np.int64), starts)
    for _ in range(PASSES):
        kept = np.flatnonzero(_starts_a_block(counts, risen))
        starts, counts, risen = starts[kept], np.add.reduceat(counts, kept), np.add.reduceat(risen, kept)
    starts, counts, risen = _pooled_one_by_one(starts, counts, risen)
    return Blocks(ordered[starts], ordered[starts + counts - 1], counts - risen, risen)


def _starts_a_block(counts: Counts, attacks: Counts) -> Flags:
    """Where the share of attacks is above that of the block before: whole numbers, so that equal is equal."""
    return np.concatenate([[True], attacks[1:] * counts[:-1] > attacks[:-1] * counts[1:]])


def _pooled_one_by_one(starts: Counts, counts: Counts, attacks: Counts) -> tuple[Counts, Counts, Counts]:
    """Each block joined with those before it as long as they do not have a lower share of attacks."""
    stack: list[tuple[int, int, int]] = []
    for block in zip(starts.tolist(), counts.tolist(), attacks.tolist(), strict=True):
        start, count, risen = block
        while stack and risen * stack[-1][1] <= stack[-1][2] * count:
            start, before, risen_before = stack.pop()
            count, risen = count + before, risen + risen_before
        stack.append((start, count, risen))
    columns = np.array(stack, dtype=np.int64).T
    return columns[0], columns[1], columns[2]
