from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from bonaface.errors import MissingExtraError, ScoreError
from bonaface.evaluation.intervals import (
    clopper_pearson,
    rule_of_thirty,
    rule_of_three,
    sign_test,
    smallest_claim,
    wilson,
)

COUNTS = st.integers(1, 3000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


@pytest.mark.parametrize(
    ("errors", "total", "low", "high"),
    [
        (14, 4500, 0.170, 0.521),
        (54, 17006, 0.239, 0.414),
        (42, 4500, 0.673, 1.260),
        (0, 900, 0.0, 0.409),
        (0, 4500, 0.0, 0.082),
        (1, 13, 0.195, 36.030),
    ],
)
def test_published_examples_in_percent(errors: int, total: int, low: float, high: float) -> None:
    ends = clopper_pearson(errors, total)
    assert [round(100 * end, 3) for end in ends] == [low, high]


@settings(max_examples=60, deadline=None)
@given(counts=COUNTS, confidence=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_both_agree_with_scipy(counts: tuple[int, int], confidence: float) -> None:
    for ours, method in ((clopper_pearson, "exact"), (wilson, "wilson")):
        theirs = binomtest(*counts).proportion_ci(confidence, method)
        assert ours(*counts, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize("interval", [clopper_pearson, wilson])
def test_nothing_says_nothing_and_the_ends_are_exact(interval) -> None:
    assert interval(0, 0) == (0.0, 1.0)
    assert interval(0, 10)[0] == 0.0
    assert interval(10, 10)[1] == 1.0


@pytest.mark.parametrize("interval", [clopper_pearson, wilson])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 2), "errors must be between 0 and total; got 3 of 2; count them again"),
        ((-1, 2), "errors must be between 0 and total; got -1 of 2; count them again"),
        ((1, 2, 95), "confidence must be between 0 and 1; got 95; 0.95 is usual"),
        ((1, 2, math.nan), "confidence must be between 0 and 1; got nan; 0.95 is usual"),
    ],
)
def test_impossible_arguments_are_refused(interval, arguments, message: str) -> None:
    with pytest.raises(ScoreError) as error:
        interval(*arguments)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("total", "confidence", "percent"),
    [(40, 0.95, 7.22), (4500, 0.95, 0.067), (59, 0.95, 4.95), (1, 0.9, 90)],
)
def test_what_no_error_can_claim(total: int, confidence: float, percent: float) -> None:
    assert 100 * smallest_claim(total, confidence) == pytest.approx(percent, abs=0.006)
    upper = binomtest(0, total, alternative="less").proportion_ci(confidence, "exact").high
    assert smallest_claim(total, confidence) == pytest.approx(upper)


def test_the_rule_of_three_is_near_the_exact_claim() -> None:
    assert rule_of_three(4500) == pytest.approx(0.00067, abs=5e-6)
    for total in (50, 300, 10_000):
        assert rule_of_three(total) == pytest.approx(smallest_claim(total), rel=0.04)
    assert rule_of_three(2) == rule_of_three(0) == smallest_claim(0) == 1.0


@pytest.mark.parametrize(
    ("rate", "total"), [(0.01, 3000), (0.005, 6000), (0.001, 30_000), (0.07, 429), (1, 30)]
)
def test_the_rule_of_thirty(rate: float, total: int) -> None:
    assert rule_of_thirty(rate) == total


def test_the_rule_of_thirty_holds_what_it_says() -> None:
    """30 errors: with 90 % chance the true rate is within 30 % of what is seen."""
    rng = np.random.default_rng(5)
    seen = rng.binomial(3000, 0.01, size=20_000) / 3000
    assert np.mean(np.abs(seen - 0.01) <= 0.3 * 0.01) == pytest.approx(0.9, abs=0.02)


@settings(max_examples=60, deadline=None)
@given(first=st.integers(0, 400), second=st.integers(0, 400))
def test_the_sign_test_agrees_with_scipy(first: int, second: int) -> None:
    theirs = binomtest(first, first + second).pvalue if first + second else 1.0
    assert sign_test(first, second) == sign_test(second, first) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: smallest_claim(-1), "errors must be between 0 and total; got 0 of -1; count them again"),
        (lambda: smallest_claim(9, 1), "confidence must be between 0 and 1; got 1; 0.95 is usual"),
        (lambda: rule_of_three(-1), "errors must be between 0 and total; got 0 of -1; count them again"),
        (lambda: rule_of_thirty(0), "a rate must be above 0 and at most 1; got 0; 0.01 is usual"),
        (lambda: sign_test(-1, 2), "counts must not be negative; got -1 and 2; count them again"),
    ],
)
def test_impossible_counts_are_refused(call, message: str) -> None:
    with pytest.raises(ScoreError) as error:
        call()
    assert str(error.value) == message


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(MissingExtraError) as error:
        clopper_pearson(1, 10)
    assert error.value.extra == "report"
    assert str(error.value) == str(MissingExtraError("an exact confidence interval", extra="report"))
    with pytest.raises(MissingExtraError) as error:
        sign_test(1, 10)
    assert str(error.value) == str(MissingExtraError("an exact test", extra="report"))
    assert wilson(1, 10)[0] > 0
