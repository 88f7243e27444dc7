from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings

from bonaface.errors import ScoreError
from bonaface.evaluation.thresholds import (
    RULES,
    Threshold,
    apcer_threshold,
    bpcer_threshold,
    eer_threshold,
    fixed_threshold,
    min_acer_threshold,
    threshold_by_rule,
)
from bonaface.vocabulary import Split

from .tables import (
    ROWS_OF_BOTH,
    Row,
    both_classes,
    candidates,
    joined,
    scored_by_species,
    table_of,
    two_errors,
)


def dev(*rows: Row) -> Threshold:
    return eer_threshold(table_of(*rows, split="dev"))


def test_classes_that_do_not_overlap_give_the_middle_between_them() -> None:
    threshold = dev(("bonafide", 0.1), ("bonafide", 0.25), ("print", 0.75), ("morph", 0.9))
    assert threshold == Threshold(0.5, 0.25, 0.75, rule="eer", split=Split.DEV)


def test_overlap_by_hand() -> None:
    """Above 0.3 up to 0.5 one of three bona fide is rejected and one of three attacks accepted."""
    threshold = dev(
        ("bonafide", 0.1),
        ("bonafide", 0.2),
        ("bonafide", 0.6),
        ("print", 0.3),
        ("print", 0.5),
        ("print", 0.9),
    )
    assert (threshold.value, threshold.low, threshold.high) == (pytest.approx(0.4), 0.3, 0.5)


def test_of_two_intervals_the_one_that_accepts_fewer_attacks() -> None:
    """Up to 0.5 everything is called an attack, above it everything is accepted: equally far apart."""
    threshold = dev(("bonafide", 0.5), ("print", 0.5))
    assert (threshold.value, threshold.low, threshold.high) == (0.25, 0.0, 0.5)


def test_a_constant_zero_calls_everything_an_attack() -> None:
    assert dev(("bonafide", 0.0), ("print", 0.0)).value == 0.0


@pytest.mark.parametrize("low", [0.1, 0.5, 0.7, 5e-324])
def test_neighbouring_floats_keep_the_attack_side(low: float) -> None:
    high = float(np.nextafter(low, 1))
    assert low < dev(("bonafide", low), ("print", high)).value <= high


@settings(max_examples=120, deadline=None)
@given(rows=ROWS_OF_BOTH)
def test_the_whole_interval_is_optimal_and_no_longer(rows: list[Row]) -> None:
    assume(both_classes(rows))
    threshold = dev(*rows)
    candidates = [*sorted({score for _, score in rows if score is not None}), 2.0]
    nearest = min(abs(a - b) for a, b in (two_errors(rows, t) for t in candidates))
    chosen = two_errors(rows, threshold.value)
    assert abs(chosen[0] - chosen[1]) == pytest.approx(nearest, abs=1e-12)
    assert two_errors(rows, threshold.high) == chosen
    assert two_errors(rows, np.nextafter(threshold.high, 2)) != chosen
    assert threshold.low == 0 or two_errors(rows, threshold.low) != chosen
    assert threshold.low == 0 or two_errors(rows, np.nextafter(threshold.low, 2)) == chosen
    assert dev(*reversed(rows)) == threshold


OVERLAP: tuple[Row, ...] = (
    ("bonafide", 0.1),
    ("bonafide", 0.3),
    ("bonafide", 0.4),
    ("bonafide", 0.7),
    ("print", 0.2),
    ("print", 0.8),
    ("replay", 0.5),
    ("replay", 0.6),
    ("replay", None),
)


@pytest.mark.parametrize(
    ("rule", "low", "high"),
    [
        # Of four attacks and four bona fide at (0.4, 0.5]: 1/4 and 1/4, the least sum.
        ("min_acer", 0.4, 0.5),
        # No print may pass: up to 0.2, where three of four bona fide are rejected.
        ("apcer=0.49", 0.1, 0.2),
        # One of two may pass: up to replay's second score.
        ("apcer=0.5", 0.5, 0.6),
        # No bona fide may be rejected: above 0.7.
        ("bpcer=0.24", 0.7, 0.8),
        ("bpcer=0.25", 0.4, 0.5),
    ],
)
def test_rules_by_hand(rule: str, low: float, high: float) -> None:
    threshold = threshold_by_rule(table_of(*OVERLAP, split="dev"), rule)
    assert threshold == Threshold((low + high) / 2, low, high, rule, Split.DEV)


def test_above_the_highest_score_the_interval_ends_at_one() -> None:
    table = table_of(("bonafide", 0.5), ("print", 0.4), split="dev")
    assert threshold_by_rule(table, "bpcer=0.1") == Threshold(0.75, 0.5, 1.0, "bpcer=0.1", Split.DEV)


def test_a_limit_out_of_reach_chooses_no_threshold() -> None:
    table = table_of(("bonafide", 1.0), ("print", 0.4), split="dev")
    with pytest.raises(ScoreError) as error:
        bpcer_threshold(table, 0.1)
    assert str(error.value) == (
        "the rule bpcer=0.1 must be within reach of a threshold up to 1; too many bona fide dev rows score 1; allow more"
    )


@settings(max_examples=100, deadline=None)
@given(rows=ROWS_OF_BOTH)
def test_min_acer_is_its_definition(rows: list[Row]) -> None:
    assume(both_classes(rows))
    threshold = min_acer_threshold(table_of(*rows, split="dev"))
    sums = [sum(two_errors(rows, t)) for t in candidates(rows)]
    first = next(t for t, both in zip(candidates(rows), sums, strict=True) if both < min(sums) + 1e-12)
    assert two_errors(rows, threshold.value) == two_errors(rows, threshold.high) == two_errors(rows, first)
    assert threshold.low == 0 or two_errors(rows, threshold.low) != two_errors(rows, threshold.value)


@settings(max_examples=100, deadline=None)
@given(rows=ROWS_OF_BOTH)
def test_a_limit_is_kept_and_nothing_is_given_away(rows: list[Row]) -> None:
    assume(both_classes(rows))
    table, by_species = table_of(*rows, split="dev"), scored_by_species(rows)
    bonafide = by_species.pop("bonafide")

    def worst(t: float) -> float:
        return max(sum(1 for s in scores if s < t) / len(scores) for scores in by_species.values())

    def rejected(t: float) -> float:
        return sum(1 for s in bonafide if s >= t) / len(bonafide)

    for limit in (0.1, 0.3, 1 / 3, 0.5):
        best = max(t for t in candidates(rows) if worst(t) <= limit)
        chosen = apcer_threshold(table, limit)
        assert worst(chosen.value) == worst(chosen.high) == worst(best) <= limit
        assert rejected(chosen.value) == rejected(chosen.high) == rejected(best)
        allowed = [t for t in candidates(rows) if rejected(t) <= limit]
        if allowed:
            chosen = bpcer_threshold(table, limit)
            assert rejected(chosen.value) == rejected(chosen.high) == rejected(min(allowed)) <= limit
            assert worst(chosen.value) == worst(chosen.high) == worst(min(allowed))
        else:
            with pytest.raises(ScoreError, match="within reach"):
                bpcer_threshold(table, limit)


def test_rows_of_test_choose_no_threshold() -> None:
    rows = (("bonafide", 0.1), ("print", 0.9))
    with pytest.raises(ScoreError) as error:
        eer_threshold(joined(table_of(*rows, split="dev"), table_of(*rows, split="test")))
    assert str(error.value) == (
        "a threshold must be chosen on dev rows only; got rows of test; select them with of_split(Split.DEV)"
    )


@pytest.mark.parametrize(
    ("rows", "came"),
    [
        ((("bonafide", 0.1),), "attack among 0"),
        ((("bonafide", 0.1), ("print", None)), "attack among 1"),
        ((("print", 0.1),), "bona fide row among 0"),
    ],
)
def test_a_missing_class_chooses_no_threshold(rows: tuple[Row, ...], came: str) -> None:
    with pytest.raises(ScoreError) as error:
        dev(*rows)
    assert str(error.value) == f"dev must have both classes with a score; got no scored {came}; add some"


def test_rules_by_name() -> None:
    table = table_of(("bonafide", 0.25), ("print", 0.75), split="dev")
    assert list(RULES) == ["eer", "min_acer"]
    assert threshold_by_rule(table, "eer") == eer_threshold(table)
    assert threshold_by_rule(table, "min_acer") == min_acer_threshold(table)
    assert threshold_by_rule(table, "apcer=0.1") == apcer_threshold(table, 0.1)
    assert threshold_by_rule(table, "bpcer=0.1") == bpcer_threshold(table, 0.1)
    assert threshold_by_rule(table, "fixed=0.3") == fixed_threshold(0.3)


ONE_OF = "a threshold rule must be one of eer, min_acer, apcer=x, bpcer=x, fixed=x; got"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("err", f"{ONE_OF} 'err'; did you mean 'eer'?"),
        ("zzz", f"{ONE_OF} 'zzz'; choose one of them"),
        ("eer=0.1", f"{ONE_OF} 'eer=0.1'; did you mean 'eer'?"),
        ("", f"{ONE_OF} ''; choose one of them"),
        ("apcer", "the rule apcer must have a number, as in apcer=0.01; got 'apcer'; write one"),
        ("fixed=half", "the rule fixed must have a number, as in fixed=0.01; got 'fixed=half'; write one"),
        ("apcer=0", "a limit must be between 0 and 1; got 0.0; 0.01 is usual"),
        ("bpcer=1", "a limit must be between 0 and 1; got 1.0; 0.01 is usual"),
        ("bpcer=nan", "a limit must be between 0 and 1; got nan; 0.01 is usual"),
    ],
)
def test_a_rule_that_is_none_is_refused(rule: str, message: str) -> None:
    with pytest.raises(ScoreError) as error:
        threshold_by_rule(table_of(("bonafide", 0.25), ("print", 0.75), split="dev"), rule)
    assert str(error.value) == message


def test_a_fixed_threshold_has_no_split() -> None:
    assert fixed_threshold(0.3) == Threshold(0.3, 0.3, 0.3, rule="fixed", split=None)


@pytest.mark.parametrize("value", [-0.1, 1.01, math.nan])
def test_a_threshold_outside_the_scale_is_refused(value: float) -> None:
    with pytest.raises(ScoreError) as error:
        fixed_threshold(value)
    assert str(error.value) == (
        f"a threshold must be in [0, 1] and within its interval; got {value} in [{value}, {value}]; "
        "give a probability of attack"
    )
