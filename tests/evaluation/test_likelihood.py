from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss

from bonaface.errors import ScoreError
from bonaface.evaluation.likelihood import (
    calibration_loss,
    certain_errors,
    cllr,
    min_cllr,
    pooled,
    scores_by_class,
)

from .tables import ROWS_OF_BOTH, Row, table_of


def two_classes(rows: Sequence[Row]) -> tuple[list[float], list[float]]:
    scored = [(species == "bonafide", score) for species, score in rows if score is not None]
    return [s for genuine, s in scored if genuine], [s for genuine, s in scored if not genuine]


def slow_cllr(bonafide: list[float], attacks: list[float]) -> float:
    """As Brümmer and du Preez write it: costs of likelihood ratios, not of probabilities."""

    def ratio(score: float) -> float:
        return math.inf if score == 1 else score / (1 - score)

    of_attacks = [math.inf if s == 0 else math.log2(1 + 1 / ratio(s)) for s in attacks]
    of_bonafide = [math.log2(1 + ratio(s)) for s in bonafide]
    return (sum(of_attacks) / len(attacks) + sum(of_bonafide) / len(bonafide)) / 2


def slow_rising(scores: list[float], values: list[float], weights: list[float]) -> list[float]:
    """The best rising fit by its min-max formula (Barlow et al. 1972), for unique rising scores."""

    def mean(j: int, k: int) -> float:
        part = range(j, k + 1)
        return sum(values[m] * weights[m] for m in part) / sum(weights[m] for m in part)

    num = len(scores)
    return [max(min(mean(j, k) for k in range(i, num)) for j in range(i + 1)) for i in range(num)]


def share_at(score: float, bonafide: list[float], attacks: list[float]) -> tuple[float, float]:
    """Share of attacks at one score and its weight, when both classes weigh 1."""
    genuine, attack = bonafide.count(score) / len(bonafide), attacks.count(score) / len(attacks)
    return attack / (attack + genuine), attack + genuine


def test_cllr_by_hand() -> None:
    """Attacks cost log2(1 / s): 1 and 2 bits. Bona fide rows cost log2(1 / (1 - s)): 0 and 3 bits."""
    table = table_of(
        ("print", 0.5), ("replay", 0.25), ("bonafide", 0.0), ("bonafide", 0.875), ("print", None)
    )
    assert cllr(table) == pytest.approx((1.5 + 1.5) / 2)


def test_a_constant_half_costs_one_bit_and_has_nothing_to_save() -> None:
    table = table_of(("print", 0.5), ("print", 0.5), ("bonafide", 0.5))
    assert (cllr(table), min_cllr(table), calibration_loss(table)) == (1.0, 1.0, 0.0)


def test_certain_and_right_costs_nothing() -> None:
    table = table_of(("print", 1.0), ("bonafide", 0.0))
    assert str(cllr(table)) == "0.0"  # not -0.0
    assert (min_cllr(table), certain_errors(table)) == (0.0, 0)


@pytest.mark.parametrize("wrong", [("print", 0.0), ("bonafide", 1.0)])
def test_certain_and_wrong_costs_without_end(wrong: Row) -> None:
    table = table_of(("print", 0.9), ("bonafide", 0.1), ("print", None), wrong, wrong)
    assert cllr(table) == calibration_loss(table) == math.inf
    assert certain_errors(table) == 2
    assert min_cllr(table) < 1


def test_min_cllr_by_hand() -> None:
    """0.2 and 0.4 stand the wrong way round and are pooled: half of the bona fide rows, half of the attacks there.

    The pool is worth nothing, 1 bit; the other halves cost none. So it is half a bit, however wrong the scores are.
    """
    table = table_of(("bonafide", 0.1), ("print", 0.2), ("bonafide", 0.4), ("print", 0.41))
    assert min_cllr(table) == pytest.approx(0.5)
    assert calibration_loss(table) == pytest.approx(cllr(table) - 0.5)


@given(rows=ROWS_OF_BOTH)
def test_cllr_is_its_definition(rows: list[Row]) -> None:
    table = table_of(*rows)
    bonafide, attacks = two_classes(rows)
    assert cllr(table) == pytest.approx(slow_cllr(bonafide, attacks), abs=1e-12)
    assert cllr(table_of(*reversed(rows))) == pytest.approx(cllr(table), abs=1e-12)
    assert math.isinf(cllr(table)) == (certain_errors(table) > 0)


@given(rows=ROWS_OF_BOTH)
def test_min_cllr_is_its_definition(rows: list[Row]) -> None:
    table = table_of(*rows)
    bonafide, attacks = two_classes(rows)
    scores = sorted({*bonafide, *attacks})
    shares = [share_at(score, bonafide, attacks) for score in scores]
    best = dict(zip(scores, slow_rising(scores, *map(list, zip(*shares, strict=True))), strict=True))
    wanted = slow_cllr([best[s] for s in bonafide], [best[s] for s in attacks])
    assert min_cllr(table) == pytest.approx(wanted, abs=1e-9)
    assert 0 <= min_cllr(table) <= min(1, cllr(table)) + 1e-12
    assert calibration_loss(table) >= 0


def test_cllr_agrees_with_scikit_learn_on_many_rows() -> None:
    table = many_rows()
    weights = np.where(table.is_attack, 0.5 / table.is_attack.sum(), 0.5 / table.is_bonafide.sum())
    wanted = log_loss(table.is_attack, table.attack_score, sample_weight=weights) / math.log(2)
    assert cllr(table) == pytest.approx(wanted, rel=1e-12)


def test_min_cllr_agrees_with_scikit_learn_on_many_rows() -> None:
    table = many_rows()
    weights = np.where(table.is_attack, 0.5 / table.is_attack.sum(), 0.5 / table.is_bonafide.sum())
    best = IsotonicRegression().fit_transform(table.attack_score, table.is_attack, sample_weight=weights)
    wanted = slow_cllr(best[table.is_bonafide].tolist(), best[table.is_attack].tolist())
    assert min_cllr(table) == pytest.approx(wanted, rel=1e-9)


def test_min_cllr_looks_at_the_order_alone() -> None:
    table = many_rows()
    bent = np.sqrt(table.attack_score) / 2
    rows = zip(table.species.tolist(), bent.tolist(), strict=True)
    assert min_cllr(table_of(*rows)) == min_cllr(table)


def many_rows():
    generator = np.random.default_rng(3)
    is_attack = generator.random(5000) < 0.7
    scores = 1 / (1 + np.exp(-np.round(generator.normal(np.where(is_attack, 1.5, -1.0), 2.0), 2)))
    return table_of(*zip(np.where(is_attack, "print", "bonafide").tolist(), scores.tolist(), strict=True))


def test_blocks_by_hand() -> None:
    """Attacks at 0.2 and 0.5, bona fide rows at 0.1, 0.2, 0.3 and 0.5: shares 0, 1/2, 0, 1/2; the middle ones are pooled."""
    blocks = pooled(np.array([0.3, 0.2, 0.1, 0.5]), np.array([0.5, 0.2]))
    assert blocks.first.tolist() == [0.1, 0.2, 0.5]
    assert blocks.last.tolist() == [0.1, 0.3, 0.5]
    assert blocks.bonafide.tolist() == [1, 2, 1]
    assert blocks.attacks.tolist() == [0, 1, 1]


def test_equal_shares_are_one_block() -> None:
    blocks = pooled(np.array([0.1, 0.2]), np.array([0.1, 0.2]))
    assert (blocks.first.tolist(), blocks.last.tolist()) == ([0.1], [0.2])


def test_a_long_fall_at_the_end_is_pooled_one_by_one() -> None:
    """The share of attacks rises from score to score; then come bona fide rows that pull it down block after block."""
    attacks = np.repeat(np.arange(100) / 100, np.arange(100))
    bonafide = np.concatenate([np.repeat(np.arange(100) / 100, 100), np.full(9000, 1.0)])
    blocks = pooled(bonafide, attacks)
    scores = np.concatenate([bonafide, attacks])
    labels = np.repeat([0.0, 1.0], [len(bonafide), len(attacks)])
    wanted = IsotonicRegression().fit_transform(scores, labels)
    at = np.searchsorted(blocks.last, scores)
    np.testing.assert_allclose((blocks.attacks / (blocks.attacks + blocks.bonafide))[at], wanted)
    assert 1 < len(blocks.first) < 90


@pytest.mark.parametrize("quantity", [cllr, min_cllr, calibration_loss, scores_by_class])
def test_a_missing_class_is_an_error(quantity) -> None:
    for rows, came in (
        ((), "0 bona fide and 0 attack"),
        ((("print", 0.1), ("bonafide", None)), "0 bona fide and 1 attack"),
        ((("bonafide", 0.1), ("bonafide", 0.2), ("print", None)), "2 bona fide and 0 attack"),
    ):
        with pytest.raises(ScoreError) as error:
            quantity(table_of(*rows))
        assert (
            str(error.value)
            == f"both classes must have a row with a score; got {came}; add the missing class"
        )
