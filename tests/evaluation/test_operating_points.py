from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from sklearn.metrics import roc_curve

from bonaface.errors import ScoreError
from bonaface.evaluation.operating_points import (
    OPERATING_POINTS,
    OperatingPoint,
    apcer_at_bpcer,
    bpcer10,
    bpcer20,
    bpcer100,
    bpcer_at_apcer,
    named_thresholds,
    tpr_at_fpr,
)
from bonaface.evaluation.ordered import allowed_errors
from bonaface.evaluation.rates import Rate
from bonaface.evaluation.thresholds import eer_threshold, threshold_by_rule

from .tables import ROWS_OF_BOTH, Row, both_classes, candidates, scored_by_species, table_of

BY_HAND: tuple[Row, ...] = (
    *[("bonafide", score) for score in (0.05, 0.1, 0.2, 0.45, 0.8)],
    *[("print", score) for score in (0.3, 0.5, 0.7, 0.9)],
    *[("replay", score) for score in (0.4, 0.6)],
    ("replay", None),
    ("morph", None),
)


def test_bpcer_at_apcer_by_hand() -> None:
    """Print may lose one of four: up to 0.5. Replay may lose none of two: up to 0.4, which is the tighter."""
    point = bpcer_at_apcer(table_of(*BY_HAND), 0.25)
    assert (point.limited, point.limit) == ("apcer_worst", 0.25)
    assert (point.threshold, point.low, point.high) == (pytest.approx(0.35), 0.3, 0.4)
    assert point.apcer == {"morph": Rate(0, 0), "print": Rate(1, 4), "replay": Rate(0, 2)}
    assert (point.apcer_worst, point.apcer_pooled, point.bpcer) == (Rate(1, 4), Rate(1, 6), Rate(2, 5))
    assert point.resolvable == {"morph": False, "print": True, "replay": False}
    assert not point.is_resolvable


def test_apcer_at_bpcer_by_hand() -> None:
    """One of five bona fide may be rejected: above 0.45, up to the next score."""
    point = apcer_at_bpcer(table_of(*BY_HAND), 0.2)
    assert (point.threshold, point.low, point.high) == (pytest.approx(0.475), 0.45, 0.5)
    assert (point.bpcer, point.apcer_worst, point.apcer_pooled) == (Rate(1, 5), Rate(1, 2), Rate(2, 6))
    assert point.resolvable == {"bonafide": True}
    assert point.is_resolvable
    assert apcer_at_bpcer(table_of(*BY_HAND), 0.19).resolvable == {"bonafide": False}


def test_tpr_at_fpr_by_hand_is_pooled() -> None:
    """Of six attacks one may pass: up to 0.4, below which three of five bona fide score."""
    point = tpr_at_fpr(table_of(*BY_HAND), 0.2)
    assert (point.low, point.high) == (0.3, 0.4)
    assert point.tpr == Rate(3, 5)
    assert point.resolvable == {"attack": True}


def test_without_a_threshold_nothing_is_claimed() -> None:
    point = apcer_at_bpcer(table_of(("bonafide", 1.0), ("bonafide", 0.2), ("print", 0.4)), 0.3)
    nothing = Rate(0, 0)
    assert point == OperatingPoint(
        "bpcer", 0.3, None, None, None, {}, nothing, nothing, nothing, {"bonafide": False}
    )
    assert np.isnan(point.tpr.value)


def test_a_limit_of_apcer_can_always_be_kept_by_rejecting_everything() -> None:
    point = bpcer_at_apcer(table_of(("bonafide", 0.0), ("print", 0.0), ("print", 0.9)), 0.1)
    assert (point.threshold, point.apcer_worst, point.bpcer) == (0.0, Rate(0, 2), Rate(1, 1))


def test_polarity_holding_attacks_out_costs_bona_fide() -> None:
    table = table_of(*[("bonafide", 0.1)] * 9, ("bonafide", 0.95), ("print", 0.9), ("print", 0.99))
    assert bpcer_at_apcer(table, 0.01).bpcer == Rate(1, 10)
    assert apcer_at_bpcer(table, 0.01).apcer_worst == Rate(1, 2)


def test_the_named_ones_are_limits_of_apcer() -> None:
    rng = np.random.default_rng(3)
    attacks = [("print", float(score)) for score in rng.beta(4, 1, 200)]
    table = table_of(*attacks, *[("bonafide", float(score)) for score in rng.beta(1, 4, 100)])
    for named, limit in ((bpcer10, 0.1), (bpcer20, 0.05), (bpcer100, 0.01)):
        assert named(table) == bpcer_at_apcer(table, limit)
        assert named(table).apcer_worst.errors == round(200 * limit)
        assert named(table).is_resolvable


def test_tpr_at_fpr_agrees_with_scikit_learn() -> None:
    """There bona fide is the positive class, so it wants 1 - attack_score and accepts at or above its thresholds."""
    rng = np.random.default_rng(4)
    is_attack = rng.random(500) < 0.4
    scores = np.round(rng.beta(1 + 2.0 * is_attack, 3 - 2.0 * is_attack), 2)
    rows = [
        ("print" if flag else "bonafide", float(score)) for flag, score in zip(is_attack, scores, strict=True)
    ]
    fpr, tpr, _ = roc_curve(~is_attack, 1 - scores, drop_intermediate=False)
    for limit in (0.01, 0.05, 0.2):
        assert tpr_at_fpr(table_of(*rows), limit).tpr.value == pytest.approx(tpr[fpr <= limit].max())


@settings(max_examples=100, deadline=None)
@given(rows=ROWS_OF_BOTH)
def test_points_are_their_definitions(rows: list[Row]) -> None:
    assume(both_classes(rows))
    table, by_species = table_of(*rows), scored_by_species(rows)
    bonafide = by_species.pop("bonafide")
    attacks = [score for scores in by_species.values() for score in scores]

    def share_below(scores: list[float], t: float) -> float:
        return sum(1 for s in scores if s < t) / len(scores)

    for limit in (0.2, 1 / 3, 0.6):
        kept = [t for t in candidates(rows) if all(share_below(s, t) <= limit for s in by_species.values())]
        point = bpcer_at_apcer(table, limit)
        assert point.bpcer.value == pytest.approx(1 - share_below(bonafide, max(kept)))
        assert point.apcer_worst.value == max(share_below(s, max(kept)) for s in by_species.values()) <= limit
        kept = [t for t in candidates(rows) if share_below(attacks, t) <= limit]
        assert tpr_at_fpr(table, limit).tpr.value == pytest.approx(share_below(bonafide, max(kept)))
        kept = [t for t in candidates(rows) if 1 - share_below(bonafide, t) <= limit + 1e-12]
        point = apcer_at_bpcer(table, limit)
        assert (point.threshold is None) == (not kept)
        if kept:
            assert point.apcer_pooled.value == share_below(attacks, min(kept))
            assert point.bpcer.value == pytest.approx(1 - share_below(bonafide, min(kept)))
        assert point == apcer_at_bpcer(table_of(*reversed(rows)), limit)


@pytest.mark.parametrize("quantity", [bpcer_at_apcer, apcer_at_bpcer, tpr_at_fpr])
def test_bad_limits_and_missing_classes_are_refused(quantity) -> None:
    for limit in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ScoreError) as error:
            quantity(table_of(("bonafide", 0.1), ("print", 0.9)), limit)
        assert str(error.value) == f"a limit must be between 0 and 1; got {limit}; 0.01 is usual"
    with pytest.raises(ScoreError) as error:
        quantity(table_of(("bonafide", 0.1), ("print", None)), 0.1)
    assert str(error.value) == (
        "both classes must have a row with a score; got 1 bona fide and 0 attack; add the missing class"
    )


def test_allowed_errors_is_its_definition() -> None:
    for total in (*range(1, 40), 100, 1000, 4500):
        for limit in (0.001, 0.01, 0.07, 0.1, 0.29, 1 / 3, 0.5, 0.57, 0.99):
            assert allowed_errors(total, limit) == max(k for k in range(total + 1) if k / total <= limit)


def test_named_points_of_an_overlap_are_three() -> None:
    rng = np.random.default_rng(8)
    attacks = [("print", float(score)) for score in rng.beta(3, 1.5, 300)]
    table = table_of(*attacks, *[("bonafide", float(score)) for score in rng.beta(1.5, 3, 300)], split="dev")
    chosen = named_thresholds(table)
    assert list(chosen) == list(OPERATING_POINTS) == ["strict", "balanced", "convenient"]
    assert {name: threshold.rule for name, threshold in chosen.items()} == OPERATING_POINTS
    assert chosen["strict"].value < chosen["balanced"].value < chosen["convenient"].value


def test_strict_never_accepts_more_than_balanced() -> None:
    """Without any error on dev a limit of 1 % would be spent: strict would let attacks in that balanced catches."""
    rows = [("bonafide", 0.001 * i) for i in range(200)] + [("print", 0.8 + 0.001 * i) for i in range(200)]
    table = table_of(*rows, split="dev")
    assert threshold_by_rule(table, "apcer=0.01").value > eer_threshold(table).value
    assert threshold_by_rule(table, "bpcer=0.01").value < eer_threshold(table).value
    assert named_thresholds(table) == dict.fromkeys(OPERATING_POINTS, eer_threshold(table))


def test_a_point_whose_limit_no_threshold_keeps_is_left_out() -> None:
    """A twentieth of the bona fide rows scores 1, so none up to 1 turns away a hundredth."""
    rows = [("bonafide", 0.01 * i) for i in range(19)] + [("bonafide", 1.0)] + [("print", 0.9)] * 20
    chosen = named_thresholds(table_of(*rows, split="dev"))
    assert list(chosen) == ["strict", "balanced"]
