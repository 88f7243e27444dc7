"""A report as one page that loads nothing: numbers, curves and the worst errors, for screen, phone and paper."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bonaface import __version__
from bonaface.errors import ScoreError
from bonaface.evaluation import wording
from bonaface.evaluation.canvas import BONAFIDE, INK
from bonaface.evaluation.contact_sheet import Pictures, worst_errors
from bonaface.evaluation.det import COLOURS, Point, det, error_curves, roc
from bonaface.evaluation.fairness import Grouping
from bonaface.evaluation.figures import (
    Dot,
    dots,
    heights,
    histogram,
    reliability_diagram,
    robustness_plot,
)
from bonaface.evaluation.measured import MeasuredRate
from bonaface.evaluation.report import LimitReport, Report, SpeciesReport
from bonaface.evaluation.robustness import Robustness
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.template import template_named
from bonaface.evaluation.whole_text import write_text
from bonaface.vocabulary import FAMILIES, Family

MARKERS: dict[Family | None, str] = {Family.PHYSICAL: "o", Family.DIGITAL: "D", None: "s"}


@dataclass(frozen=True, slots=True)
class Headline:
    """One of the numbers that stand first: its name, its value, and what is known of its uncertainty."""

    name: str
    value: str
    interval: str
    count: str


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One error where another is held, in words.

    Attributes:
        name: Of the limit.
        answer: The error at it; not known where no threshold keeps it.
        interval: Of the answer.
        count: Behind the answer.
        held: What is held, and within what.
        achieved: By the held error.
        too_few: How many rows can not resolve the limit; None where they can.
    """

    name: str
    answer: str
    interval: str
    count: str
    held: str
    achieved: str
    too_few: int | None


def write_page(
    path: str | os.PathLike[str],
    report: Report,
    table: ScoreTable,
    *,
    pictures: Pictures | None = None,
    robustness: Robustness | None = None,
) -> None:
    """Write the page of a report.

    Args:
        path: Replaced at once when the new file is complete.
        report: This and all that follows as for `page`.
        table: Likewise.
        pictures: Likewise.
        robustness: Likewise.
    """
    write_text(path, page(report, table, pictures=pictures, robustness=robustness))


def page(
    report: Report,
    table: ScoreTable,
    *,
    pictures: Pictures | None = None,
    robustness: Robustness | None = None,
) -> str:
    """The page of a report, self-contained HTML; the same input gives the same text.

    Args:
        report: Any report.
        table: The scores that it was made of, at its level; rows of other splits are passed over.
        pictures: Where a sample's picture should be, for the worst errors; where none is they are left out.
        robustness: What `bonaface stress` wrote; without it its section is left out.

    Raises:
        ScoreError: If the table has not the rows that the report counts.
        MissingExtraError: If jinja2, matplotlib or scipy is not installed.
    """
    template = template_named("page.html.jinja", what="the page of a report", filters=_filters())
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    rows = table.of_split(report.split)
    _check_rows(report, rows)
    figures = {name: Markup(drawn) for name, drawn in _figures(report, rows)}
    return template.render(
        report=report,
        version=__version__,
        headlines=list(headlines(report)),
        species=by_family(report),
        limits=list(limit_rows(report)),
        figures=figures,
        group_figures=[
            (grouping, Markup(group_dots(f"group-{i}", grouping)))
            for i, grouping in enumerate(report.fairness.columns if report.fairness else ())
        ],
        robustness=robustness,
        robustness_figures=[
            (curve, Markup(robustness_plot(f"robustness-{i}", curve)))
            for i, curve in enumerate(robustness.curves if robustness else ())
        ],
        sheets=_sheets(report, rows, pictures),
    )


def _filters() -> dict[str, Callable[..., Any]]:
    return {
        "percent": wording.percent,
        "decimal": wording.decimal,
        "percents": lambda ends: wording.interval_text(*ends),
        "ends": lambda ends: wording.decimal_interval_text(*ends),
        "rate_cells": wording.rate_cells,
        "statistic_name": wording.statistic_name,
        "count": "{:,}".format,
    }


def headlines(report: Report) -> Iterator[Headline]:
    """The numbers that stand first."""
    worst = f" ({report.worst_species})" if report.worst_species else ""
    for name, rate in (
        (f"APCER worst species{worst}", report.apcer_worst),
        ("APCER pooled", report.apcer_pooled),
        ("BPCER", report.bpcer),
    ):
        errors, total, value, interval = wording.rate_cells(rate)
        yield Headline(name, value, interval, f"{errors} of {total}" if rate.total else "")
    for name, means in (("acer_worst", "worst species and BPCER"), ("acer_pooled", "pooled and BPCER")):
        value = wording.percent(getattr(report, name))
        yield Headline(wording.NAMES[name], value, _by_subject(report, name), f"mean of {means}")
    counts, auc = report.counts, report.threshold_free.auc
    pairs = f"{counts.scored_attack:,} attacks, {counts.scored_bonafide:,} bona fide"
    yield Headline("AUC", wording.decimal(auc), _by_subject(report, "auc"), pairs)


def _by_subject(report: Report, name: str) -> str:
    """The bootstrap interval at this threshold, or why there is none."""
    found = report.intervals.get(name)
    if found is None:
        return "interval not known"
    words = wording.decimal_interval_text if name == "auc" else wording.interval_text
    return words(found.low, found.high)


def by_family(report: Report) -> dict[str, SpeciesReport]:
    """The species, physical ones first, then digital ones, then those whose family is not known."""
    families = (*FAMILIES, None)
    return dict(sorted(report.species.items(), key=lambda item: (families.index(item[1].family), item[0])))


def limit_rows(report: Report) -> Iterator[LimitRow]:
    """Each error where another is held, as a row of a table."""
    smallest = min((one.rows - one.apnrr.errors for one in report.species.values()), default=0)
    counts = report.counts
    rows = {"apcer_worst": smallest, "apcer_pooled": counts.scored_attack, "bpcer": counts.scored_bonafide}
    for name, limit in report.threshold_free.limits.items():
        answer = _answer(limit)
        errors, total, value, interval = wording.rate_cells(answer)
        held = f"{wording.NAMES[limit.limited]} ≤ {100 * limit.limit:g} %"
        yield LimitRow(
            name=wording.statistic_name(name),
            answer=value if answer.total else "no threshold keeps it",
            interval=interval,
            count=f"{errors} of {total}" if answer.total else "",
            held=held,
            achieved=wording.percent(getattr(limit, limit.limited).value),
            too_few=None if limit.is_resolvable else rows[limit.limited],
        )


def _answer(limit: LimitReport) -> MeasuredRate:
    """The error that a limit is asked for; for a limit of pooled APCER the share of bona fide rows that is accepted."""
    if limit.limited == "bpcer":
        return limit.apcer_worst
    rejected = limit.bpcer
    if limit.limited == "apcer_worst":
        return rejected
    accepted = rejected.total - rejected.errors
    return MeasuredRate(accepted, rejected.total, 1 - rejected.value, 1 - rejected.high, 1 - rejected.low)


def _check_rows(report: Report, rows: ScoreTable) -> None:
    """Raise `ScoreError` where the rows can not be those that the report counts."""
    scored, counts = rows.has_score, report.counts
    found = [len(rows)] + [
        int(np.count_nonzero(flags))
        for flags in (rows.is_bonafide, rows.is_bonafide & scored, rows.is_attack & scored)
    ]
    wanted = [counts.rows, counts.bonafide, counts.scored_bonafide, counts.scored_attack]
    if found != wanted or rows.coded_species[0] != tuple(sorted(report.species)):
        raise ScoreError(
            f"a page must be made with the scores of its report, {counts.rows} rows of {report.split}; "
            f"got {len(rows)}, or others; give the table that was measured"
        )


def _figures(report: Report, rows: ScoreTable) -> Iterator[tuple[str, str]]:
    """Every figure of the report itself, by its name; those that nothing is known for are left out."""
    if report.apcer_pooled.total or report.bpcer.total:
        yield "rates", dots("rates", list(_rate_dots(report)), title="APCER of each species, and BPCER")
    if report.threshold_free.limits:
        curves, points = error_curves(rows), list(operating_points(report))
        yield "det", det("det", curves, points)
        yield "roc", roc("roc", curves, points)
    if report.calibration:
        yield "reliability", reliability_diagram("reliability", report.calibration.reliability)
    yield from _histograms(report, rows)


def _histograms(report: Report, rows: ScoreTable) -> Iterator[tuple[str, str]]:
    """One for each species, all to one scale; bona fide rows alone where there is none."""
    names, codes = rows.coded_species
    of = [rows.attack_score[(codes == code) & rows.has_score] for code in range(1 + len(names))]
    top = max(float(heights(scores).max()) for scores in of) or 1.0
    threshold = None if report.threshold is None else report.threshold.value
    drawn = [
        (name, of[1 + names.index(name)], COLOURS[one.family]) for name, one in by_family(report).items()
    ]
    for i, (name, scores, colour) in enumerate(drawn or [("bona fide", of[0][:0], INK)]):
        title = f"Scores of {name}"
        figure = histogram(f"scores-{i}", scores, of[0], threshold, colour=colour, title=title, top=top)
        yield f"scores {name}", figure


def _rate_dots(report: Report) -> Iterator[Dot]:
    for name, one in by_family(report).items():
        yield Dot(name, one.apcer, COLOURS[one.family], MARKERS[one.family])
    yield Dot("BPCER", report.bpcer, INK, "v")


def group_dots(name: str, grouping: Grouping) -> str:
    """BPCER of every group of a column; groups that are too small for a gap are grey."""
    rows = [
        Dot(", ".join(group.values), group.bpcer, BONAFIDE if group.is_small else INK, "v")
        for group in grouping.groups
    ]
    return dots(name, rows, title=f"BPCER by {', '.join(grouping.columns)}")


def operating_points(report: Report) -> Iterator[Point]:
    """The named operating points, and the report's own threshold where it is none of them."""
    known = {name: point.threshold.value for name, point in report.operating_points.items()}
    for name, point in report.operating_points.items():
        yield Point(name, point.apcer_pooled.value, point.bpcer.value)
    if report.threshold is not None and report.threshold.value not in known.values():
        yield Point("threshold", report.apcer_pooled.value, report.bpcer.value)


def _sheets(report: Report, rows: ScoreTable, pictures: Pictures | None) -> Any:
    if pictures is None or report.threshold is None:
        return None
    sheets = worst_errors(rows, report.threshold.value, pictures)
    return sheets if any(tile.image for sheet in sheets for tile in sheet.tiles) else None
