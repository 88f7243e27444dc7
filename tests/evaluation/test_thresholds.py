from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings

from bonaface.errors import ScoreError
from bonaface.evaluation.thresholds import (
    RULES,
    Threshold,
    eer_threshold,
    fixed_threshold,
    threshold_by_rule,
)
from bonaface.vocabulary import Split

from .tables import ROWS, Row, both_classes, joined, table_of, two_errors


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
@given(rows=ROWS)
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
    assert list(RULES) == ["eer"]
    assert threshold_by_rule(table, "eer") == eer_threshold(table)
    with pytest.raises(ScoreError) as error:
        threshold_by_rule(table, "err")
    assert str(error.value) == "a threshold rule must be one of eer; got 'err'; did you mean 'eer'?"
    with pytest.raises(ScoreError) as error:
        threshold_by_rule(table, "best")
    assert str(error.value) == "a threshold rule must be one of eer; got 'best'; choose one of them"


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
