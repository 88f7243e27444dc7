from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from bonaface.errors import ScoreError
from bonaface.evaluation.reliability import reliability

from .tables import ROWS_OF_BOTH, Row, repeated, table_of

# Two bona fide rows, three attacks and one without an answer.
ROWS: tuple[Row, ...] = (
    ("bonafide", 0.2),
    ("bonafide", 0.6),
    ("print", 0.4),
    ("print", 0.8),
    ("replay", 1.0),
    ("print", None),
)


def test_by_hand_each_row_alike() -> None:
    """Below 0.5: scores 0.2 and 0.4, one attack. From 0.5: 0.6, 0.8 and 1.0, two attacks."""
    found = reliability(table_of(*ROWS), bins=2, is_balanced=False)
    low, high = found.bins
    assert (low.low, low.high, low.count) == (0.0, 0.5, 2)
    assert (high.low, high.high, high.count) == (0.5, 1.0, 3)
    assert (low.mean_score, low.attack_rate) == (pytest.approx(0.3), pytest.approx(1 / 2))
    assert (high.mean_score, high.attack_rate) == (pytest.approx(0.8), pytest.approx(2 / 3))
    assert found.ece == pytest.approx(2 / 5 * 0.2 + 3 / 5 * (0.8 - 2 / 3))
    assert found.brier == pytest.approx((0.04 + 0.36 + 0.36 + 0.04 + 0) / 5)
    assert (found.attack_share, found.brier_constant) == (0.6, pytest.approx(0.24))


def test_by_hand_classes_alike() -> None:
    """A bona fide row weighs 1/4, an attack 1/6: below 0.5 the attack has 2/5 of the weight, from 0.5 it is 4/7."""
    found = reliability(table_of(*ROWS), bins=2)
    low, high = found.bins
    assert (low.mean_score, low.attack_rate) == (pytest.approx(0.28), pytest.approx(2 / 5))
    assert (high.mean_score, high.attack_rate) == (
        pytest.approx((0.15 + 0.3) / (7 / 12)),
        pytest.approx(4 / 7),
    )
    assert found.ece == pytest.approx(5 / 12 * 0.12 + (0.45 - 1 / 3))
    assert found.brier == pytest.approx((0.04 + 0.36) / 4 + (0.36 + 0.04) / 6)
    assert (found.attack_share, found.brier_constant) == (0.5, 0.25)
    assert low.count + high.count == 5


def test_edges_belong_to_the_bin_above_and_the_last_one_to_the_bin_below() -> None:
    """Every edge as a person writes it: 0.29 * 100 is less than 29 in floats."""
    edges = [i / 100 for i in range(101)]
    found = reliability(table_of(("bonafide", 0.0), *(("print", edge) for edge in edges)), bins=100)
    assert [one.count for one in found.bins] == [2, *[1] * 98, 2]
    assert [one.low for one in found.bins] == edges[:-1]
    assert [one.high for one in found.bins] == edges[1:]
    assert found.bins[29].mean_score == pytest.approx(0.29)


def test_an_empty_bin_says_nothing() -> None:
    empty = reliability(table_of(("bonafide", 0.1), ("print", 0.9)), bins=3).bins[1]
    assert (empty.count, empty.rate_low, empty.rate_high) == (0, 0.0, 1.0)
    assert math.isnan(empty.mean_score)
    assert math.isnan(empty.attack_rate)


@given(rows=ROWS_OF_BOTH, bins=st.sampled_from([1, 2, 4, 10]), is_balanced=st.booleans())
def test_it_is_its_definition(rows: list[Row], bins: int, is_balanced: bool) -> None:
    found = reliability(table_of(*rows), bins=bins, is_balanced=is_balanced)
    scored = [(species != "bonafide", score) for species, score in rows if score is not None]
    number = {kind: sum(1 for attack, _ in scored if attack is kind) for kind in (True, False)}
    weight = {kind: 1 / (2 * number[kind]) if is_balanced else 1 / len(scored) for kind in (True, False)}
    ece = brier = 0.0
    for i, one in enumerate(found.bins):
        inside = [(a, s) for a, s in scored if i / bins <= s < (i + 1) / bins or (i == bins - 1 and s == 1)]
        mass = sum(weight[attack] for attack, _ in inside)
        assert one.count == len(inside)
        if inside:
            mean = sum(weight[attack] * score for attack, score in inside) / mass
            rate = sum(weight[attack] for attack, _ in inside if attack) / mass
            assert (one.mean_score, one.attack_rate) == (pytest.approx(mean), pytest.approx(rate))
            assert one.rate_low - 1e-12 <= rate <= one.rate_high + 1e-12
            ece += mass * abs(mean - rate)
    for attack, score in scored:
        brier += weight[attack] * (attack - score) ** 2
    assert (found.ece, found.brier) == (pytest.approx(ece, abs=1e-12), pytest.approx(brier, abs=1e-12))
    share = number[True] * weight[True]
    constant = sum(weight[attack] * (attack - share) ** 2 for attack, _ in scored)
    assert (found.attack_share, found.brier_constant) == (pytest.approx(share), pytest.approx(constant))


@given(rows=ROWS_OF_BOTH)
def test_classes_alike_is_as_if_rows_were_copied_until_they_are(rows: list[Row]) -> None:
    table = table_of(*rows)
    scored = table.select(table.has_score)
    num_bonafide, num_attacks = int(scored.is_bonafide.sum()), int(scored.is_attack.sum())
    copied = repeated(scored, np.where(scored.is_attack, num_bonafide, num_attacks))
    alike, plain = reliability(table, bins=4), reliability(copied, bins=4, is_balanced=False)
    assert (alike.ece, alike.brier) == (
        pytest.approx(plain.ece, abs=1e-12),
        pytest.approx(plain.brier, abs=1e-12),
    )
    for one, other in zip(alike.bins, plain.bins, strict=True):
        assert (one.mean_score, one.attack_rate) == (
            pytest.approx(other.mean_score, nan_ok=True),
            pytest.approx(other.attack_rate, nan_ok=True),
        )


def test_many_rows_agree_with_scikit_learn_and_scipy() -> None:
    generator = np.random.default_rng(4)
    is_attack = generator.random(4000) < 0.75
    scores = generator.beta(np.where(is_attack, 2.0, 1.0), np.where(is_attack, 1.0, 3.0))
    table = table_of(*zip(np.where(is_attack, "print", "bonafide").tolist(), scores.tolist(), strict=True))
    found = reliability(table, bins=7, is_balanced=False)
    rates, means = calibration_curve(is_attack, scores, n_bins=7)
    np.testing.assert_allclose([one.attack_rate for one in found.bins], rates)
    np.testing.assert_allclose([one.mean_score for one in found.bins], means)
    assert found.brier == pytest.approx(brier_score_loss(is_attack, scores))
    for one in found.bins:
        attacks = round(one.attack_rate * one.count)
        wanted = binomtest(attacks, one.count).proportion_ci(method="wilson")
        assert (one.rate_low, one.rate_high) == (pytest.approx(wanted.low), pytest.approx(wanted.high))
    weights = np.where(is_attack, 0.5 / is_attack.mean(), 0.5 / (~is_attack).mean())
    balanced = reliability(table, bins=7)
    assert balanced.brier == pytest.approx(brier_score_loss(is_attack, scores, sample_weight=weights))
    for one, other in zip(found.bins, balanced.bins, strict=True):
        for plain, moved in ((one.rate_low, other.rate_low), (one.rate_high, other.rate_high)):
            odds = plain / (1 - plain) * (~is_attack).sum() / is_attack.sum()
            assert moved == pytest.approx(odds / (1 + odds))


@pytest.mark.parametrize("bins", [0, -1])
def test_there_must_be_a_bin(bins: int) -> None:
    with pytest.raises(ScoreError) as error:
        reliability(table_of(*ROWS), bins=bins)
    assert str(error.value) == f"bins must be at least 1; got {bins}; 10 is usual"


def test_a_missing_class_is_an_error() -> None:
    with pytest.raises(ScoreError) as error:
        reliability(table_of(("print", 0.5), ("bonafide", None)))
    assert str(error.value) == (
        "both classes must have a row with a score; got 0 bona fide and 1 attack; add the missing class"
    )
