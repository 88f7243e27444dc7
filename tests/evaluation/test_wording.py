from __future__ import annotations

import doctest
import math
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonaface.evaluation import wording
from bonaface.evaluation.measured import MeasuredRate
from bonaface.evaluation.thresholds import Threshold, fixed_threshold
from bonaface.evaluation.wording import (
    decimal,
    decimal_interval_text,
    interval_text,
    percent,
    rate_cells,
    rate_text,
    round_percent,
    signed,
    statistic_name,
    threshold_text,
)
from bonaface.vocabulary import Split

NAN = math.nan
NOTHING = MeasuredRate(0, 0, NAN, NAN, NAN)
SHARES = st.floats(0, 1)


def test_examples_in_docstrings_run() -> None:
    result = doctest.testmod(wording)
    assert result.attempted >= 9
    assert not result.failed


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0.00 %"), (1.0, "100.00 %"), (0.5, "50.00 %"), (18 / 148, "12.16 %"), (1 / 3, "33.33 %"),
        (0.00004, "< 0.01 %"), (5e-324, "< 0.01 %"), (0.0001, "0.01 %"), (0.99996, "> 99.99 %"), (0.9999, "99.99 %"),
        (NAN, "not known"),
    ],
)  # fmt: skip
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"), (1.0, "1.0000"), (0.39287, "0.3929"), (0.99999, "> 0.9999"), (0.00001, "< 0.0001"),
        (1.5, "1.5000"), (math.inf, "infinite"), (NAN, "not known"),
    ],
)  # fmt: skip
def test_decimal(value: float, text: str) -> None:
    assert decimal(value) == text


@given(SHARES)
def test_a_share_is_rounded_as_decimal_arithmetic_does_and_never_to_none_or_all(share: float) -> None:
    text, exact = percent(share), Decimal(100 * share)
    if text[0] == "<":
        assert 0 < exact < Decimal("0.01")
    elif text[0] == ">":
        assert Decimal("99.99") < exact < 100
    else:
        number = Decimal(text.removesuffix(" %"))
        assert number == exact.quantize(Decimal("0.01"), ROUND_HALF_EVEN)
        assert (number == 0) == (share == 0)
        assert number != 100 or Decimal(share) * 100 > Decimal("99.999999999")


@given(SHARES, SHARES)
def test_words_keep_the_order_of_numbers(first: float, second: float) -> None:
    def key(text: str) -> float:
        return float(text.replace("< 0.0001", "0.00005").replace("> 0.9999", "0.99995"))

    low, high = sorted((first, second))
    assert key(decimal(low)) <= key(decimal(high))


def test_signs() -> None:
    assert [signed(value) for value in (0.25, -0.0625, 0.0, NAN)] == [
        "+0.250",
        "-0.062",
        "+0.000",
        "not known",
    ]
    assert signed(-0.5, digits=1) == "-0.5"


def test_what_somebody_chose_is_written_as_it_was_chosen() -> None:
    limits = (0.1, 0.05, 0.01, 0.07, 0.001, 0.95)
    assert [round_percent(one) for one in limits] == ["10 %", "5 %", "1 %", "7 %", "0.1 %", "95 %"]


def test_intervals() -> None:
    assert interval_text(0.0, 0.0246) == "0.00 to 2.46 %"
    assert interval_text(0.00001, 1.0) == "< 0.01 to 100.00 %"
    assert interval_text(NAN, 1.0) == interval_text(0.0, NAN) == "not known"
    assert decimal_interval_text(0.25, 0.5) == "0.2500 to 0.5000"
    assert decimal_interval_text(0.0, 0.1, digits=1) == "0.0 to 0.1"
    assert decimal_interval_text(NAN, NAN) == "not known"


def test_rates() -> None:
    rate = MeasuredRate(1234, 45678, 1234 / 45678, 0.0255, 0.0285)
    assert rate_cells(rate) == ("1,234", "45,678", "2.70 %", "2.55 to 2.85 %")
    assert rate_text(rate) == "1,234 of 45,678 = 2.70 % (2.55 to 2.85 %)"
    assert rate_cells(NOTHING) == ("", "", "not known", "")
    assert rate_text(NOTHING) == "not known"


def test_thresholds() -> None:
    chosen = Threshold(0.39287, 0.3879, 0.39784, rule="eer", split=Split.DEV)
    assert (
        threshold_text(chosen)
        == "threshold 0.3929 by the rule eer on dev; equally good there: 0.3879 to 0.3978"
    )
    assert threshold_text(fixed_threshold(0.5)) == "threshold 0.5000, given and not chosen on scores"
    assert threshold_text(None) == "no threshold could be chosen"


def test_names() -> None:
    assert statistic_name("tpr_at_fpr1") == "TPR at FPR 1 %"
    assert statistic_name("apcer paper mask") == "APCER paper mask"
    assert statistic_name("apcer") == "apcer"
    assert statistic_name("something new") == "something new"
