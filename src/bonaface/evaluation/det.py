"""What a detector trades: attacks accepted against bona fide rejected, as a DET and as a ROC curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bonaface.errors import MissingExtraError
from bonaface.evaluation.canvas import (
    DIGITAL,
    FONT_SIZE,
    INK,
    LINE,
    OTHER,
    PAPER,
    PHYSICAL,
    axes,
    foreign,
    svg,
)
from bonaface.evaluation.columns import Scores
from bonaface.evaluation.ordered import OrderedScores, order
from bonaface.evaluation.remarks import family_of
from bonaface.evaluation.scores import ScoreTable
from bonaface.vocabulary import FAMILIES, Family

POOLED = "pooled"
MAX_POINTS = 500
SIDE = 356
"""Of the square between the axes."""

LEFT, RIGHT, TOP, BOTTOM = 54, 10, 10, 42
SIZE = (LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM)
TICKS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
EDGES = (0.0005, 0.6)
"""What a DET curve's axes show of rates; what lies beyond is cut."""

COLOURS: dict[str | None, str] = {
    Family.PHYSICAL: PHYSICAL,
    Family.DIGITAL: DIGITAL,
    None: OTHER,
    POOLED: INK,
}
"""Of a family, of species whose family is not known, and of all attacks together."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Both errors at every threshold, from one that rejects everything to one that accepts everything.

    Attributes:
        of: A family; None for species whose family is not known; 'pooled' for all attacks.
        apcer: Share of these attacks accepted, rising from 0 to 1.
        bpcer: Share of bona fide rows rejected, falling from 1 to 0.
    """

    of: str | None
    apcer: Scores
    bpcer: Scores


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the pooled curve, with its name."""

    name: str
    apcer: float
    bpcer: float


def error_curves(table: ScoreTable) -> list[Curve]:
    """The curve of each family with a score, and where there are several, that of all attacks.

    Args:
        table: Rows without a score are passed over.

    Raises:
        ScoreError: If no bona fide row, or no attack, has a score.
    """
    scores = order(table)
    families = [family_of(name) for name in scores.species]
    scored = set(scores.codes.tolist())
    present = [
        (of, [code for code, family in enumerate(families, 1) if family is of and code in scored])
        for of in (*FAMILIES, None)
    ]
    curves = [_curve(of, scores, np.isin(scores.codes, [0, *codes])) for of, codes in present if codes]
    return curves if len(curves) == 1 else [*curves, _curve(POOLED, scores, np.ones(len(scores.codes), bool))]


def _curve(of: str | None, scores: OrderedScores, rows: Any) -> Curve:
    steps = scores.weighted(scores.weights * rows).steps()
    return Curve(
        of,
        np.append(steps.attacks_accepted / steps.num_attacks, 1.0),
        np.append(steps.bonafide_rejected / steps.num_bonafide, 0.0),
    )


def normal_deviates(rates: Scores | Sequence[float]) -> Scores:
    """The standard normal quantile of each rate; minus and plus infinity at 0 and 1.

    Raises:
        MissingExtraError: If scipy is not installed.

    Reference:
        Martin et al. 1997, The DET curve in assessment of detection task performance.
    """
    try:
        from scipy.special import ndtri  # noqa: PLC0415 - outside the light install
    except ImportError:
        raise MissingExtraError("a DET curve", extra="report") from None
    return np.asarray(ndtri(np.asarray(rates, np.float64)), np.float64)


def thinned(x: Scores, y: Scores) -> tuple[Scores, Scores]:
    """At most `MAX_POINTS` points of a curve, both ends among them: all its corners where that is enough of them.

    Args:
        x: Finite, never falling.
        y: Finite, never rising: what lies between two points then is in the box between them.

    Returns:
        Where corners are more, points in even steps along the curve, and both ends of every longer step.
    """
    moves = np.append(True, np.diff(x - y) > 0)
    x, y = x[moves], y[moves]
    flat, steep = np.diff(y) == 0, np.diff(x) == 0
    inside = (flat[:-1] & flat[1:]) | (steep[:-1] & steep[1:])
    corners = np.flatnonzero(~np.concatenate([[False], inside, [False]])[: len(x)])
    x, y = x[corners], y[corners]
    if len(x) <= MAX_POINTS:
        return x, y
    along = x - y
    wanted = np.linspace(along[0], along[-1], MAX_POINTS // 2 - 1)
    leaps = np.flatnonzero(np.diff(along) > wanted[1] - wanted[0])
    kept = np.unique(np.concatenate([np.searchsorted(along, wanted), leaps, [len(x) - 1]]))
    return x[kept], y[kept]


def det(name: str, curves: Sequence[Curve], points: Sequence[Point]) -> str:
    """A DET figure: both errors on normal-deviate axes, on which equal and normal scores give straight lines.

    Args:
        name: Of the figure in its page.
        curves: At least one.
        points: Marked on it; a rate of 0 stands on the edge.

    Raises:
        MissingExtraError: If matplotlib or scipy is not installed.
    """
    low, high = normal_deviates(EDGES)

    def draw(figure: Any) -> None:
        plot = _square(figure, "attacks accepted, APCER (%)", "bona fide rejected, BPCER (%)", (low, high))
        plot.plot([low, high], [low, high], color=LINE, linewidth=1, gid="equal")
        for at in (plot.xaxis, plot.yaxis):
            at.set_ticks(normal_deviates(TICKS), [f"{100 * tick:g}" for tick in TICKS])
        for curve in curves:
            # a little beyond the edges, where nothing is seen: 0 has no finite place
            x, y = (np.clip(normal_deviates(of), low - 0.1, high + 0.1) for of in (curve.apcer, curve.bpcer))
            _draw_curve(plot, curve, *thinned(x, y))
        places = normal_deviates([rate for point in points for rate in (point.apcer, point.bpcer)])
        _mark(plot, points, np.clip(places, low, high).reshape(-1, 2), above=6)

    return svg(name, *SIZE, draw, title="DET curve: APCER against BPCER", description=_told(points))


def roc(name: str, curves: Sequence[Curve], points: Sequence[Point]) -> str:
    """A ROC figure: bona fide accepted over attacks accepted; the area below it is the AUC.

    Args:
        name: Of the figure in its page.
        curves: At least one.
        points: Marked on it.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """

    def draw(figure: Any) -> None:
        plot = _square(figure, "attacks accepted, APCER (%)", "bona fide accepted, 1 - BPCER (%)", (0, 1))
        plot.plot([0, 1], [0, 1], color=LINE, linewidth=1, gid="chance")
        for at in (plot.xaxis, plot.yaxis):
            at.set_ticks(np.linspace(0, 1, 6), ["0", "20", "40", "60", "80", "100"])
        for curve in curves:
            x, y = thinned(curve.apcer, curve.bpcer)
            _draw_curve(plot, curve, x, 1 - y)
        _mark(
            plot,
            points,
            np.array([(point.apcer, 1 - point.bpcer) for point in points]).reshape(-1, 2),
            above=-14,
        )

    return svg(name, *SIZE, draw, title="ROC curve: bona fide accepted over attacks accepted")


def _square(figure: Any, x_label: str, y_label: str, limits: tuple[float, float]) -> Any:
    plot = axes(figure, LEFT, RIGHT, TOP, BOTTOM)
    plot.set(xlabel=x_label, ylabel=y_label, xlim=limits, ylim=limits)
    return plot


def _draw_curve(plot: Any, curve: Curve, x: Scores, y: Scores) -> None:
    plot.plot(x, y, color=COLOURS[curve.of], gid=f"curve-{curve.of or 'other'}", zorder=3)


def _mark(plot: Any, points: Sequence[Point], places: Scores, above: float) -> None:
    """A dot at each place with its name beside it, so far above; names of places too near to be told apart are joined."""
    low, high = plot.get_xlim()
    unit = (high - low) / SIDE
    joined: list[tuple[Scores, list[str]]] = []
    for i, (place, point) in enumerate(zip(places, points, strict=True)):
        near = (names for other, names in joined if np.abs(other - place).max() < FONT_SIZE * unit)
        names = next(near, None)
        if names is None:
            joined.append((place, [point.name]))
        else:
            names.append(point.name)
        style = {"color": INK, "markeredgecolor": PAPER, "markeredgewidth": 1.5, "markersize": 8}
        plot.plot(*place, marker="o", clip_on=False, zorder=5, gid=f"point-{i}", **style)
    for i, (place, names) in enumerate(joined):
        is_right = place[0] > low + 0.7 * (high - low)
        plot.annotate(
            foreign(", ".join(names)), place, xytext=(-9 if is_right else 9, above), textcoords="offset points",
            ha="right" if is_right else "left", color=INK, zorder=6, gid=f"label-{i}",
        )  # fmt: skip


def _told(points: Sequence[Point]) -> str:
    return "; ".join(f"{p.name}: APCER {100 * p.apcer:.2f} %, BPCER {100 * p.bpcer:.2f} %" for p in points)
