from __future__ import annotations

import math
import sys
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonaface.errors import MissingExtraError, ScoreError
from bonaface.evaluation.curves import error_steps
from bonaface.evaluation.det import (
    MAX_POINTS,
    POOLED,
    Curve,
    Point,
    det,
    error_curves,
    normal_deviates,
    roc,
    thinned,
)
from bonaface.vocabulary import Family

from .drawings import Drawing
from .tables import ROWS_OF_BOTH, Row, candidates, table_of, two_errors

LOW, HIGH = 0.0005, 0.6
"""The ends of a DET figure's axes."""


def on_det(rate: float) -> float:
    """How far along a DET axis of 356 units a rate stands: normal quantiles, without scipy."""
    low, here, high = (NormalDist().inv_cdf(one) for one in (LOW, min(max(rate, LOW), HIGH), HIGH))
    return 356 * (here - low) / (high - low)


def det_place(apcer: float, bpcer: float) -> tuple[float, float]:
    return 54 + on_det(apcer), 10 + 356 - on_det(bpcer)


def straight(of: str | None, *points: tuple[float, float]) -> Curve:
    return Curve(of, np.array([x for x, _ in points]), np.array([y for _, y in points]))


# Curves


@given(ROWS_OF_BOTH)
def test_a_curve_has_both_errors_of_every_threshold(rows: list[Row]) -> None:
    curves = {curve.of: curve for curve in error_curves(table_of(*rows))}
    families = {"print": Family.PHYSICAL, "replay": Family.PHYSICAL, "faceswap": Family.DIGITAL}
    kinds = {Family.PHYSICAL: ("print", "replay"), Family.DIGITAL: ("faceswap",)}
    present = {families[species] for species, score in rows if species != "bonafide" and score is not None}
    assert set(curves) == present | ({POOLED} if len(present) > 1 else set())
    for of, curve in curves.items():
        kept = [row for row in rows if of == POOLED or row[0] in ("bonafide", *kinds[Family(of)])]
        wanted = {two_errors(kept, threshold) for threshold in (*candidates(kept), 2.0)}
        assert set(zip(curve.apcer.tolist(), curve.bpcer.tolist(), strict=True)) == wanted
        assert (curve.apcer[0], curve.bpcer[0], curve.apcer[-1], curve.bpcer[-1]) == (0, 1, 1, 0)


def test_species_outside_the_vocabulary_have_a_curve_of_their_own() -> None:
    curves = error_curves(table_of(("bonafide", 0.1), ("print", 0.9), ("odd", 0.8), ("morph", None)))
    assert [curve.of for curve in curves] == [Family.PHYSICAL, None, POOLED]
    assert [curve.of for curve in error_curves(table_of(("bonafide", 0.1), ("odd", 0.8)))] == [None]


def test_one_class_has_no_curve() -> None:
    with pytest.raises(ScoreError, match="both classes must have a row with a score"):
        error_curves(table_of(("bonafide", 0.1)))


# Normal deviates


@given(st.floats(1e-9, 1 - 1e-9))
def test_normal_deviates_are_normal_quantiles(rate: float) -> None:
    assert normal_deviates([rate])[0] == pytest.approx(NormalDist().inv_cdf(rate), abs=1e-9, rel=1e-9)


def test_no_error_and_nothing_but_errors_have_no_finite_place() -> None:
    assert normal_deviates([0, 0.5, 1]).tolist() == [-math.inf, 0, math.inf]


def test_without_scipy(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(MissingExtraError) as caught:
        normal_deviates([0.5])
    assert str(caught.value) == (
        "a DET curve needs packages outside the light install; install them with: pip install 'bonaface[report]'"
    )


# Thinning


def distance(x: float, y: float, corners: list[tuple[float, float]]) -> float:
    """From a point to the nearest piece of a line, piece by piece."""
    nearest = math.inf
    for (ax, ay), (bx, by) in pairwise(corners):
        length = (bx - ax) ** 2 + (by - ay) ** 2
        share = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length if length else 0
        share = min(max(share, 0), 1)
        nearest = min(nearest, math.dist((x, y), (ax + share * (bx - ax), ay + share * (by - ay))))
    return nearest


STEPS = st.lists(st.tuples(st.sampled_from([0.0, 0.0, 0.1, 1.0]), st.sampled_from([0.0, 0.0, 0.2, 3.0])), min_size=1, max_size=60)  # fmt: skip


@given(STEPS)
def test_a_curve_of_few_corners_is_the_same_line(steps: list[tuple[float, float]]) -> None:
    x = np.cumsum([0.0, *(right for right, _ in steps)])
    y = -np.cumsum([0.0, *(down for _, down in steps)])
    kept_x, kept_y = thinned(x, y)
    kept = list(zip(kept_x.tolist(), kept_y.tolist(), strict=True))
    assert (kept[0], kept[-1]) == ((x[0], y[0]), (x[-1], y[-1]))
    if len(kept) == 1:
        assert (x == x[0]).all()
        return
    assert all(distance(a, b, kept) < 1e-9 for a, b in zip(x.tolist(), y.tolist(), strict=True))
    # no corner is left that lies between its neighbours on a straight run
    assert all(
        not (a[0] == b[0] == c[0] or a[1] == b[1] == c[1])
        for a, b, c in zip(kept, kept[1:], kept[2:], strict=False)
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_long_curve_keeps_within_half_a_step_of_itself(seed: int) -> None:
    generator = np.random.default_rng(seed)
    # many small steps and a few leaps, one at a time like a curve without ties
    sizes = np.where(generator.random(20_000) < 0.001, 5.0, generator.random(20_000) / 100)
    is_right = generator.random(20_000) < 0.5
    x, y = np.cumsum(np.where(is_right, sizes, 0)), -np.cumsum(np.where(is_right, 0, sizes))
    kept_x, kept_y = thinned(x, y)
    assert len(kept_x) <= MAX_POINTS
    assert (kept_x[0], kept_y[0], kept_x[-1], kept_y[-1]) == (x[0], y[0], x[-1], y[-1])
    step = (x[-1] - y[-1] - x[0] + y[0]) / (MAX_POINTS // 2 - 2)
    kept = list(zip(kept_x.tolist(), kept_y.tolist(), strict=True))
    looked_at = generator.choice(20_000, 200, replace=False)
    assert max(distance(float(x[i]), float(y[i]), kept) for i in looked_at) <= step / 2


# Figures


def test_points_of_a_det_curve_stand_at_normal_quantiles() -> None:
    places = [(0.001, 0.5), (0.01, 0.3), (0.05, 0.05), (0.2, 0.004), (0.55, 0.001)]
    curve = straight(Family.PHYSICAL, (0, 1), *places, (1, 0))
    drawing = Drawing(det("det", [curve], []), "det")
    drawn = drawing.points("curve-physical")[1:-1]
    assert drawn == pytest.approx(np.array([det_place(*place) for place in places]), abs=0.02)


def test_ticks_of_a_det_curve_stand_at_normal_quantiles() -> None:
    drawing = Drawing(det("det", [straight(POOLED, (0, 1), (1, 0))], []), "det")
    texts = [
        (one.text or "", float(one.get("x", "")), float(one.get("y", "")))
        for one in drawing.root.iter("text")
    ]
    across = {text: x for text, x, y in texts if y > 10 + 356 and not text.startswith("attacks")}
    wanted = {"0.1": 0.001, "0.5": 0.005, "1": 0.01, "2": 0.02, "5": 0.05, "10": 0.1, "20": 0.2, "40": 0.4}
    assert across == pytest.approx({text: 54 + on_det(rate) for text, rate in wanted.items()}, abs=0.02)
    up = [y for text, x, y in texts if x < 54 and text in wanted]
    assert np.diff(up) == pytest.approx(-np.diff([on_det(rate) for rate in wanted.values()]), abs=0.02)


def test_what_lies_beyond_the_edges_is_cut_and_not_seen() -> None:
    drawing = Drawing(det("det", [straight(None, (0, 1), (0, 0.2), (0.2, 0), (1, 0))], []), "det")
    (line,) = drawing.part("curve-other").iter("path")
    assert line.get("clip-path")
    drawn = drawing.points("curve-other")
    assert drawn[1][0] < 54
    assert drawn[2][1] > 10 + 356
    assert np.abs(drawn - drawn.clip([54, 10], [410, 366])).max() < 20


def test_a_point_stands_on_the_curve_and_one_without_an_error_on_the_edge() -> None:
    points = [Point("strict", 0.0, 0.3), Point("balanced", 0.05, 0.05)]
    drawing = Drawing(det("det", [straight(POOLED, (0, 1), (1, 0))], points), "det")
    assert drawing.markers("point-0")[0] == pytest.approx(det_place(LOW, 0.3), abs=0.02)
    assert drawing.markers("point-1")[0] == pytest.approx(det_place(0.05, 0.05), abs=0.02)
    assert drawing.root.findtext("desc") == (
        "strict: APCER 0.00 %, BPCER 30.00 %; balanced: APCER 5.00 %, BPCER 5.00 %"
    )


def test_names_of_points_in_one_place_are_joined_and_keep_off_the_edge() -> None:
    points = [Point("a<b", 0.05, 0.05), Point("second", 0.0501, 0.05), Point("third", 0.5, 0.001)]
    drawing = Drawing(det("det", [straight(POOLED, (0, 1), (1, 0))], points), "det")
    words = {text: drawing.part(f"label-{i}").find("text") for i, text in enumerate(("a<b, second", "third"))}
    for text, element in words.items():
        assert element is not None
        assert element.text == text
        side = -9 if text == "third" else 9
        anchor = "text-anchor: end" if text == "third" else "text-anchor: start"
        assert (anchor in element.get("style", "")) or side == 9  # start is the rule
        x = det_place(points[0].apcer, 0)[0] if side == 9 else det_place(0.5, 0)[0]
        assert float(element.get("x", "")) == pytest.approx(x + side, abs=0.02)


def test_a_roc_curve_is_bonafide_accepted_over_attacks_accepted() -> None:
    places = [(0, 1), (0.1, 0.4), (0.5, 0.2), (1, 0)]
    drawing = Drawing(roc("roc", [straight(Family.DIGITAL, *places)], [Point("here", 0.1, 0.4)]), "roc")
    wanted = np.array([(54 + 356 * x, 10 + 356 * y) for x, y in places])
    assert drawing.points("curve-digital") == pytest.approx(wanted, abs=0.02)
    assert drawing.markers("point-0")[0] == pytest.approx(wanted[1], abs=0.02)
    assert "here" in drawing.words()


def test_curves_of_a_table_have_their_own_colours() -> None:
    table = table_of(("bonafide", 0.1), ("bonafide", 0.6), ("print", 0.9), ("faceswap", 0.3), ("odd", 0.2))
    assert error_steps(table).num_attacks == 3
    for draw, name in ((det, "det"), (roc, "roc")):
        drawing = Drawing(draw(name, error_curves(table), []), name)
        for gid, colour in (
            ("physical", "physical"),
            ("digital", "digital"),
            ("other", "other"),
            ("pooled", "ink"),
        ):
            (line,) = drawing.part(f"curve-{gid}").iter("path")
            assert f"stroke: var(--{colour})" in line.get("style", "")
