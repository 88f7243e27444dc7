"""A leaderboard as one page that loads nothing."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

from bonaface import __version__
from bonaface.evaluation.canvas import BONAFIDE, INK, PAPER, SOFT, axes, foreign, svg
from bonaface.evaluation.figures import shortened, width_of
from bonaface.evaluation.leaderboard import Board, Leaderboard, Standing
from bonaface.evaluation.leaderboard_text import (
    VERSUS_COLUMNS,
    WITHIN_NOISE,
    board_facts,
    figure_columns,
    figure_rows,
    figure_text,
    how_measured,
    versus_rows,
)
from bonaface.evaluation.markup import visible
from bonaface.evaluation.template import template_named
from bonaface.evaluation.whole_text import write_text
from bonaface.evaluation.wording import statistic_name

DRAWN = ("acer_pooled", "auc")
"""The statistics that have a figure."""


def leaderboard_page(board: Leaderboard) -> str:
    """The page, self-contained HTML; the same leaderboard gives the same text.

    Raises:
        MissingExtraError: If jinja2 or matplotlib is not installed.
    """
    template = template_named("leaderboard.html.jinja", what="the page of a leaderboard")
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    return template.render(
        board=board,
        version=__version__,
        how=how_measured(board),
        noise=WITHIN_NOISE,
        versus_columns=VERSUS_COLUMNS,
        sections=[
            {
                "protocol": one.protocol,
                "facts": board_facts(one),
                "notes": one.notes,
                "columns": figure_columns(one),
                "rows": list(figure_rows(one)),
                "differences": list(versus_rows(one)),
                "figures": [(name, Markup(drawn)) for name, drawn in _figures(f"board-{i}", one)],
            }
            for i, one in enumerate(board.boards)
        ],
    )


def write_leaderboard_page(path: str | os.PathLike[str], board: Leaderboard) -> None:
    """Write the page, whole or not at all."""
    write_text(path, leaderboard_page(board))


def _figures(name: str, board: Board) -> list[tuple[str, str]]:
    """A plot of each of `DRAWN`, by its name for people."""
    rows = [one for one in board.standings if one.figures]
    return [
        (statistic_name(drawn), standings_plot(f"{name}-{drawn}", drawn, rows)) for drawn in DRAWN if rows
    ]


def standings_plot(name: str, statistic: str, rows: Sequence[Standing]) -> str:
    """One statistic of every recipe: the mean with its interval, and a small mark for each seed.

    Args:
        name: Of the figure in its page.
        statistic: One that all rows have.
        rows: At least one, from the top.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    factor = 1 if statistic == "auc" else 100
    figures = [row.figures[statistic] for row in rows]
    names = [shortened(visible(row.recipe)) for row in rows]

    def draw(figure: Any) -> None:
        plot = axes(figure, 18 + 6 * max(map(width_of, names)), 12, 4, 34)
        plot.set(ylim=(len(rows) - 0.5, -0.5), xlabel=_axis(statistic))
        plot.grid(axis="y", visible=False)
        plot.spines["bottom"].set_visible(False)
        plot.set_yticks(range(len(rows)), list(map(foreign, names)), color=INK)
        plot.locator_params(axis="x", nbins=6)
        for y, one in enumerate(figures):
            ends = [factor * end for end in (one.interval.low, one.interval.high)]
            if not math.isnan(ends[0]):
                plot.plot(ends, [y, y], linewidth=2.5, alpha=0.45, color=INK, gid=f"whisker-{y}")
            seeds = [factor * value for value in one.by_seed.values()]
            plot.plot(seeds, [y + 0.22] * len(seeds), "|", color=BONAFIDE, markersize=7, markeredgewidth=1.5)
            mark = {"markeredgecolor": PAPER, "markeredgewidth": 1.5, "markersize": 9, "gid": f"mean-{y}"}
            plot.plot(factor * one.interval.value, y, "o", color=INK if y else SOFT, zorder=4, **mark)

    told = "; ".join(
        f"{row.recipe} {figure_text(statistic, one)}" for row, one in zip(rows, figures, strict=True)
    )
    title = f"{statistic_name(statistic)} of every recipe"
    return svg(name, 400, 42 + 28 * len(rows), draw, title=title, description=told)


def _axis(statistic: str) -> str:
    return statistic_name(statistic) if statistic == "auc" else f"{statistic_name(statistic)} (%)"
