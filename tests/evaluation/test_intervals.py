from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from bonaface.errors import MissingExtraError, ScoreError
from bonaface.evaluation.intervals import clopper_pearson, wilson

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


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(MissingExtraError) as error:
        clopper_pearson(1, 10)
    assert error.value.extra == "report"
    assert str(error.value) == str(MissingExtraError("an exact confidence interval", extra="report"))
    assert wilson(1, 10)[0] > 0
