"""A leaderboard in words: the cells of its tables, and the whole of it as Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from bonaface.evaluation.leaderboard import Board, Figure, Leaderboard, Standing, Versus
from bonaface.evaluation.markup import bullets, escaped, table
from bonaface.evaluation.wording import (
    NOT_KNOWN,
    decimal,
    decimal_interval_text,
    difference_text,
    interval_text,
    percent,
    round_percent,
    statistic_name,
)

Row = tuple[str, ...]
VERSUS_COLUMNS = ("recipe", "statistic", "difference", "95 % interval", "seeds that agree", "in words")
WITHIN_NOISE = "within noise"


def value_text(name: str, figure: Figure) -> str:
    """The mean alone."""
    return (decimal if name == "auc" else percent)(figure.interval.value)


def figure_text(name: str, figure: Figure) -> str:
    """The mean, its spread over seeds where there are several, and its interval.

    >>> from bonaface.evaluation.bootstrap import BootstrapInterval
    >>> figure_text("bpcer", Figure(BootstrapInterval(0.07, 0.05, 0.09, 0.95, "percentile", 9, 0), {}, 0.005, None))
    '7.00 % ± 0.50 (5.00 to 9.00 %)'
    """
    is_share, found = name != "auc", figure.interval
    spread = ""
    if not math.isnan(figure.spread):
        spread = f" ± {100 * figure.spread:.2f}" if is_share else f" ± {figure.spread:.4f}"
    ends = (interval_text if is_share else decimal_interval_text)(found.low, found.high)
    return f"{value_text(name, figure)}{spread}{'' if ends == NOT_KNOWN else f' ({ends})'}"


def figure_columns(board: Board) -> Row:
    """The heads of `figure_rows`."""
    found = next((one.figures for one in board.standings if one.figures), {})
    return "recipe", "seeds", *map(statistic_name, found)


def figure_rows(board: Board, words: Callable[[str, Figure], str] = figure_text) -> Iterator[Row]:
    """Every recipe with its figures, each in words; one without any says so in each cell."""
    columns = len(figure_columns(board)) - 2
    for one in board.standings:
        seeds = next((len(figure.by_seed) for figure in one.figures.values()), 0)
        cells = [words(name, figure) for name, figure in one.figures.items()]
        yield one.recipe, str(seeds), *(cells or [NOT_KNOWN] * columns)


def versus_rows(board: Board) -> Iterator[Row]:
    """Every statistic of every recipe that is compared with the baseline."""
    for standing in board.standings:
        for name, figure in standing.figures.items():
            if figure.versus is not None:
                yield standing.recipe, statistic_name(name), *_versus_cells(name, figure.versus)


def _versus_cells(name: str, versus: Versus) -> Row:
    found = versus.difference
    ends = NOT_KNOWN
    if not math.isnan(found.low):
        ends = f"{difference_text(name, found.low)} to {difference_text(name, found.high)}".replace(
            " % to ", " to "
        )
    agreeing = f"{versus.agreeing} of {versus.seeds}"
    return difference_text(name, found.value), ends, agreeing, verdict(versus)


def verdict(versus: Versus) -> str:
    """Better, worse, or within noise; with a warning where not every seed says so, and where nothing can be said."""
    found = versus.difference
    if versus.is_better is None:
        return NOT_KNOWN if math.isnan(found.low) and found.value != 0 else WITHIN_NOISE
    word = "better" if versus.is_better else "worse"
    return word if versus.agreeing == versus.seeds else f"{word}, but not with every seed"


def headline(standing: Standing) -> str:
    """A recipe beside the baseline, in ACER pooled, in one line; empty where they are not compared."""
    figure = standing.figures.get("acer_pooled")
    if figure is None or figure.versus is None:
        return ""
    difference, ends, _, words = _versus_cells("acer_pooled", figure.versus)
    return (
        f"ACER pooled {difference} ({ends}), {words}"
        if ends != NOT_KNOWN
        else f"ACER pooled {difference}, {words}"
    )


def board_facts(board: Board) -> str:
    """What a protocol is made of."""
    rows = f"{board.rows:,} test rows of {board.subjects:,} subjects"
    if len(board.parts) == 1:
        return rows
    return f"Mean over {len(board.parts)} parts ({', '.join(board.parts)}), {rows} in all"


def how_measured(board: Leaderboard) -> str:
    """What the numbers are, for whoever reads them elsewhere."""
    return (
        f"Every run chose its own threshold on its dev rows (rule {board.rule}). ± is the standard deviation over seeds. "
        f"Intervals of {round_percent(0.95)} are from subjects drawn with replacement {board.replicates:,} times, the same "
        "for every recipe and seed; they hold the chance of who was in the test set, not that of training again. "
        f"Differences are to {board.baseline}; one whose interval holds 0 is {WITHIN_NOISE}, and where no draw differs from "
        f"another it is {NOT_KNOWN}, unless the difference is exactly 0."
    )


def markdown(board: Leaderboard) -> str:
    """The leaderboard, for people.

    Returns:
        Markdown with GitHub's tables; the same leaderboard gives the same bytes.
    """
    sections = [f"# Recipes beside {escaped(board.baseline)}", how_measured(board)]
    if board.notes:
        sections.append(bullets(board.notes))
    if board.failures:
        failed = bullets(f"{one.run}: {one.reason}" for one in board.failures)
        sections.append(f"## Runs that are missing\n\n{failed}")
    sections += [_section(one) for one in board.boards]
    return "\n\n".join(sections) + "\n"


def _section(board: Board) -> str:
    parts = [f"## {escaped(board.protocol)}", f"{board_facts(board)}.", bullets(board.notes)]
    if any(one.figures for one in board.standings):
        parts.append(table(figure_columns(board), figure_rows(board)))
    differences = list(versus_rows(board))
    if differences:
        parts.append(table(VERSUS_COLUMNS, differences, num_words=2))
    return "\n\n".join(part for part in parts if part)
