"""The figures of a report: rates with their intervals, scores by species, reliability, robustness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import east_asian_width

import numpy as np

from bonaface.evaluation.canvas import BONAFIDE, INK, PAPER, SOFT, axes, foreign, svg
from bonaface.evaluation.columns import Scores
from bonaface.evaluation.markup import visible
from bonaface.evaluation.measured import MeasuredRate
from bonaface.evaluation.reliability import Reliability
from bonaface.evaluation.robustness import RobustnessCurve
from bonaface.evaluation.wording import NOT_KNOWN, percent

BINS = 40
LONGEST_NAME = 24
TOP_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Dot:
    """A row of a dot plot.

    Attributes:
        name: Foreign words are welcome.
        rate: Of nothing, its row says so.
        colour: Of `canvas`.
        marker: As matplotlib takes it: shape tells apart what colour does, too.
    """

    name: str
    rate: MeasuredRate
    colour: str
    marker: str = "o"


def dots(name: str, rows: Sequence[Dot], *, title: str) -> str:
    """Rates as dots with the whiskers of their intervals, one row each, from the top.

    Args:
        name: Of the figure in its page.
        rows: At least one.
        title: What the rates are.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    top = top_of(rows)
    names = [shortened(visible(row.name)) for row in rows]
    letters = max(map(width_of, names))

    def draw(figure: Any) -> None:
        plot = axes(figure, 18 + 6 * letters, 56, 4, 34)
        plot.set(xlim=(0, top), ylim=(len(rows) - 0.5, -0.5), xlabel="rate (%)")
        plot.grid(axis="y", visible=False)
        plot.spines["bottom"].set_visible(False)
        plot.set_yticks(range(len(rows)), list(map(foreign, names)), color=INK)
        ticks = np.linspace(0, top, 5 if "2" in f"{top:g}" else 6)
        plot.set_xticks(ticks, [f"{100 * tick:.4g}" for tick in ticks])
        for y, row in enumerate(rows):
            _draw_dot(plot, y, row)

    told = "; ".join(f"{row.name} {percent(row.rate.value)}" for row in rows)
    return svg(name, 400, 38 + 24 * len(rows), draw, title=title, description=told)


def _draw_dot(plot: Any, y: int, row: Dot) -> None:
    right = {"transform": plot.get_yaxis_transform(), "va": "center_baseline", "clip_on": False}
    if not row.rate.total:
        plot.text(1.03, y, NOT_KNOWN, color=SOFT, **right)
        return
    ends = [row.rate.low, row.rate.high]
    style = {"color": row.colour, "clip_on": False, "zorder": 4}
    plot.plot(ends, [y, y], linewidth=2.5, alpha=0.45, gid=f"whisker-{y}", **style)
    edge = {"markeredgecolor": PAPER, "markeredgewidth": 1.5, "markersize": 9}
    plot.plot(row.rate.value, y, marker=row.marker, gid=f"dot-{y}", **style, **edge)
    plot.text(1.03, y, percent(row.rate.value), color=INK, **right)


def top_of(rows: Sequence[Dot]) -> float:
    """A round number that no interval goes beyond."""
    highest = max((row.rate.high for row in rows if row.rate.total), default=1.0)
    return next(top for top in TOP_TICKS if highest <= top)


def shortened(name: str) -> str:
    """A name that fits beside a plot."""
    if width_of(name) <= LONGEST_NAME:
        return name
    kept = max(n for n in range(LONGEST_NAME) if width_of(name[:n]) < LONGEST_NAME)
    return name[:kept] + "…"


def width_of(name: str) -> int:
    """About how many letters wide it is; an ideogram is as wide as two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in name)


def histogram(
    name: str,
    scores: Scores,
    bonafide: Scores,
    threshold: float | None,
    *,
    colour: str,
    title: str,
    top: float,
) -> str:
    """The scores of one species, with those of bona fide rows behind them.

    Args:
        name: Of the figure in its page.
        scores: In [0, 1]; may be none.
        bonafide: Likewise.
        threshold: A line; None for none.
        colour: Of the species.
        title: Whose scores.
        top: The height that the figure ends at, as `heights` gives them.

    Returns:
        `BINS` bins from 0 to 1. Heights are square roots of shares, so that the few wrong rows are seen beside many
        right ones.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """

    def draw(figure: Any) -> None:
        plot = axes(figure, 8, 8, 6, 24)
        plot.set(xlim=(0, 1), ylim=(0, 1.03 * top), yticks=[])
        plot.grid(visible=False)
        plot.spines["left"].set_visible(False)
        plot.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        edges = np.linspace(0, 1, BINS + 1)
        plot.stairs(heights(bonafide), edges, fill=True, color=BONAFIDE, alpha=0.35, gid="bonafide")
        plot.stairs(heights(scores), edges, fill=True, color=colour, alpha=0.35, gid="species-fill")
        plot.stairs(heights(scores), edges, color=colour, linewidth=1.3, gid="species")
        if threshold is not None:
            plot.axvline(threshold, color=INK, linewidth=1.2, gid="threshold")

    return svg(name, 180, 100, draw, title=title)


def heights(scores: Scores) -> Scores:
    """Square roots of the shares of scores in each bin, (`BINS`,); all 0 of nothing."""
    counts = np.histogram(scores, BINS, (0, 1))[0]
    return np.sqrt(counts / max(len(scores), 1))


def reliability_diagram(name: str, measured: Reliability) -> str:
    """The share of attacks in each bin over its mean score, with intervals; below, how many rows each has.

    Args:
        name: Of the figure in its page.
        measured: Empty bins are left out.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    filled = [one for one in measured.bins if one.count]

    def draw(figure: Any) -> None:
        plot = axes(figure, 54, 10, 8, 108)
        plot.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of attacks", xticks=np.linspace(0, 1, 6))
        plot.set_yticks(np.linspace(0, 1, 6), [f"{tick:g}" for tick in np.linspace(0, 1, 6)])
        plot.tick_params(labelbottom=False)
        plot.plot([0, 1], [0, 1], color=SOFT, linewidth=1, dashes=(3, 3), gid="promised")
        for one in filled:
            ends = [one.rate_low, one.rate_high]
            plot.plot([one.mean_score] * 2, ends, color=INK, linewidth=2.5, alpha=0.35)
        x, y = [one.mean_score for one in filled], [one.attack_rate for one in filled]
        plot.plot(x, y, color=INK, linewidth=1.2, gid="rates")
        style = {"color": INK, "markeredgecolor": PAPER, "markeredgewidth": 1.5, "markersize": 8}
        plot.plot(x, y, marker="o", linestyle="", clip_on=False, zorder=5, gid="bins", **style)
        _draw_counts(axes(figure, 54, 10, 340, 40), measured)

    return svg(name, 420, 420, draw, title="Reliability: share of attacks over the score")


def _draw_counts(plot: Any, measured: Reliability) -> None:
    counts = [one.count for one in measured.bins]
    plot.set(xlim=(0, 1), ylim=(0, max(counts)), xlabel="score", ylabel="rows")
    plot.grid(visible=False)
    plot.set_yticks([max(counts)], [f"{max(counts):,}"])
    plot.set_xticks(np.linspace(0, 1, 6), [f"{tick:g}" for tick in np.linspace(0, 1, 6)])
    edges = [measured.bins[0].low, *(one.high for one in measured.bins)]
    plot.stairs(counts, edges, fill=True, color=BONAFIDE, alpha=0.5)


def robustness_plot(name: str, curve: RobustnessCurve) -> str:
    """AUC, pooled APCER and BPCER over the severity of one kind of alteration, the rates with their intervals.

    Args:
        name: Of the figure in its page.
        curve: Untouched pictures stand on the left, the strongest alteration on the right.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    x = np.array(curve.severities)

    def draw(figure: Any) -> None:
        plot = axes(figure, 30, 10, 8, 42)
        plot.set(xlim=(x[0], x[-1]), ylim=(0, 1), xlabel=foreign(curve.unit))
        plot.set_yticks([0, 0.5, 1], ["0", "50", "100"])
        plot.set_xticks(x, [f"{x[0]:g}", *[""] * (len(x) - 2), f"{x[-1]:g}"])
        for quantity, rates, colour, marker in (
            ("apcer_pooled", [point.apcer_pooled for point in curve.points], INK, "o"),
            ("bpcer", [point.bpcer for point in curve.points], BONAFIDE, "s"),
        ):
            band = [rate.low for rate in rates], [rate.high for rate in rates]
            plot.fill_between(x, *band, color=colour, alpha=0.15, linewidth=0)
            style = {"markersize": 4, "clip_on": False, "zorder": 4, "gid": quantity}
            plot.plot(x, [rate.value for rate in rates], color=colour, marker=marker, **style)
        plot.plot(x, curve.values("auc"), color=SOFT, dashes=(3, 2), clip_on=False, gid="auc")

    return svg(name, 190, 150, draw, title=f"Errors under {curve.kind}, over {curve.unit}")
