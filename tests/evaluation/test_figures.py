from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonaface.evaluation.canvas import DIGITAL, INK, PHYSICAL
from bonaface.evaluation.figures import (
    BINS,
    LONGEST_NAME,
    Dot,
    dots,
    heights,
    histogram,
    reliability_diagram,
    robustness_plot,
    shortened,
    top_of,
)
from bonaface.evaluation.measured import MeasuredRate
from bonaface.evaluation.reliability import reliability
from bonaface.evaluation.robustness import robustness

from .drawings import Drawing
from .tables import table_of

NOTHING = MeasuredRate(0, 0, math.nan, math.nan, math.nan)
HOSTILE = "<b>&\u202ename that is much too long to stand there"


def rate(value: float, low: float, high: float) -> MeasuredRate:
    return MeasuredRate(1, 2, value, low, high)


# Dots


def test_dots_and_whiskers_stand_where_their_rates_are() -> None:
    rows = [
        Dot("print", rate(0.05, 0.01, 0.2), PHYSICAL),
        Dot("morph", rate(0.0, 0.0, 0.1), DIGITAL, "D"),
        Dot("BPCER", rate(0.2, 0.1, 0.2), INK, "v"),
    ]
    drawing = Drawing(dots("rates", rows, title="Rates"), "rates")
    left, right, top = 18 + 6 * 5, 400 - 56, 4  # five letters are the longest name
    for i, row in enumerate(rows):
        y = top + 24 * i + 12
        x = [left + (right - left) * share / 0.2 for share in (row.rate.low, row.rate.value, row.rate.high)]
        assert drawing.markers(f"dot-{i}")[0] == pytest.approx((x[1], y), abs=0.02)
        assert drawing.points(f"whisker-{i}") == pytest.approx(np.array([(x[0], y), (x[2], y)]), abs=0.02)
    words = drawing.words()
    assert [word for word in words if word.endswith(" %")] == ["5.00 %", "0.00 %", "20.00 %"]
    assert words[:5] == ["0", "5", "10", "15", "20"]
    assert drawing.root.findtext("desc") == "print 5.00 %; morph 0.00 %; BPCER 20.00 %"


def test_a_rate_of_nothing_says_so() -> None:
    drawing = Drawing(dots("rates", [Dot("print", NOTHING, PHYSICAL)], title="Rates"), "rates")
    assert "not known" in drawing.words()
    assert not drawing.has("dot-0")


def test_foreign_names_beside_dots_are_short_and_harmless() -> None:
    text = dots("rates", [Dot(HOSTILE, rate(0.5, 0, 1), PHYSICAL)], title=f"of {HOSTILE}")
    drawing = Drawing(text, "rates")
    assert "<b>&\\u202ename that is …" in drawing.words()
    assert "<b>" not in text
    assert "\u202e" not in text
    assert drawing.label().startswith("of <b>&\\u202ename")


@pytest.mark.parametrize(("name", "short"), [("print", "print"), ("x" * 24, "x" * 24), ("x" * 25, "x" * 23 + "…"), ("面" * 13, "面" * 11 + "…"), ("面" * 12, "面" * 12)])  # fmt: skip
def test_names_are_cut_to_a_width(name: str, short: str) -> None:
    assert shortened(name) == short
    assert len(short) <= LONGEST_NAME


@pytest.mark.parametrize(
    ("highest", "top"), [(1.0, 1.0), (0.51, 1.0), (0.5, 0.5), (0.03, 0.05), (0.0004, 0.001), (None, 1.0)]
)
def test_the_axis_ends_at_a_round_number(highest: float | None, top: float) -> None:
    rows = [Dot("a", NOTHING if highest is None else rate(highest, 0, highest), INK)]
    assert top_of([*rows, Dot("b", NOTHING, INK)]) == top
    shown = [float(word) for word in Drawing(dots("x", rows, title=""), "x").words() if word[0].isdigit() and "%" not in word]  # fmt: skip
    assert max(shown) == pytest.approx(100 * top)
    assert len({round(step, 9) for step in np.diff(sorted(shown))}) == 1


# Histograms


@given(st.lists(st.floats(0, 1), max_size=30))
def test_heights_are_square_roots_of_shares(scores: list[float]) -> None:
    edges = [i / BINS for i in range(BINS + 1)]
    inner = [score for score in scores if all(abs(score - edge) > 1e-9 for edge in edges[1:-1])]
    wanted = []
    for low, high in pairwise(edges):
        found = [s for s in inner if low <= s < high or s == high == 1]
        wanted.append(math.sqrt(len(found) / len(inner)) if found else 0.0)
    assert heights(np.array(inner)) == pytest.approx(np.array(wanted))


def test_a_histogram_shows_both_classes_and_the_threshold() -> None:
    scores, bonafide = np.array([0.9, 0.91, 0.99, 1.0]), np.array([0.0, 0.01])
    text = histogram("h", scores, bonafide, 0.25, colour=PHYSICAL, title="Scores of print", top=1.0)
    drawing = Drawing(text, "h")
    assert drawing.points("threshold")[:, 0] == pytest.approx(8 + 164 * 0.25, abs=0.02)
    bottom, full = 100 - 24, 100 - 24 - 70 / 1.03
    line = drawing.points("species")
    # Two of four scores in [0.9, 0.925), two in the last bin.
    assert line[:, 1].min() == pytest.approx(bottom - (bottom - full) * math.sqrt(0.5), abs=0.02)
    assert drawing.points("bonafide")[:, 1].min() == pytest.approx(full, abs=0.02)
    assert drawing.label() == "Scores of print"


def test_a_histogram_of_nothing_is_flat() -> None:
    nothing = np.array([], np.float64)
    drawing = Drawing(histogram("h", nothing, nothing, None, colour=INK, title="none", top=1.0), "h")
    assert not drawing.has("threshold")
    assert len(set(drawing.points("species")[:, 1])) == 1


# Reliability


def test_reliability_stands_where_its_bins_are() -> None:
    table = table_of(
        ("bonafide", 0.02), ("bonafide", 0.64), ("print", 0.61), ("print", 0.62), ("print", 0.97)
    )
    measured = reliability(table)
    drawing = Drawing(reliability_diagram("r", measured), "r")
    filled = [one for one in measured.bins if one.count]
    assert [one.count for one in filled] == [1, 3, 1]
    wanted = [(54 + 356 * one.mean_score, 8 + 304 * (1 - one.attack_rate)) for one in filled]
    assert drawing.markers("bins") == pytest.approx(np.array(wanted), abs=0.02)
    assert drawing.points("rates") == pytest.approx(np.array(wanted), abs=0.02)
    assert "3" in drawing.words()  # the fullest bin


# Robustness


def test_robustness_stands_where_its_points_are() -> None:
    rows = [("bonafide", 0.1), ("bonafide", 0.2), ("print", 0.9), ("print", 0.8)]
    worse = [("bonafide", 0.1), ("bonafide", 0.6), ("print", 0.4), ("print", 0.3)]
    tables = {100.0: table_of(*rows), 40.0: table_of(*worse)}
    curve = robustness(tables, 0.5, kind="jpeg", unit="quality <i>")
    text = robustness_plot("j", curve)
    drawing = Drawing(text, "j")
    left, right, top, bottom = 30, 180, 8, 108
    up = bottom - top
    assert drawing.points("auc") == pytest.approx(
        np.array([(left, top), (right, bottom - 0.5 * up)]), abs=0.02
    )
    assert drawing.markers("apcer_pooled") == pytest.approx(
        np.array([(left, bottom), (right, top)]), abs=0.02
    )
    assert drawing.markers("bpcer") == pytest.approx(
        np.array([(left, bottom), (right, bottom - 0.5 * up)]), abs=0.02
    )
    assert {"100", "40", "quality <i>"} <= set(drawing.words())
    assert drawing.label() == "Errors under jpeg, over quality <i>"


def test_where_nothing_has_a_score_a_curve_has_a_hole() -> None:
    silent = table_of(("bonafide", None), ("print", None))
    curve = robustness({0.0: table_of(("bonafide", 0.1), ("print", 0.9)), 1.0: silent, 2.0: silent}, 0.5, kind="blur", unit="px")  # fmt: skip
    drawing = Drawing(robustness_plot("b", curve), "b")
    assert len(drawing.markers("bpcer")) == 1
