"""A report, and two side by side, as tables in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bonaface.cli.console import plain, remark, results, say

if TYPE_CHECKING:
    from rich.table import Table

    from bonaface.evaluation.report import Report
    from bonaface.evaluation.side_by_side import SideBySide


def show(report: Report) -> None:
    """Print a report's rates, its operating points, its threshold and its notes."""
    from bonaface.evaluation.wording import NOT_KNOWN, decimal, percent, rate_cells, threshold_text

    level = "" if report.level.unit == "row" else f", {report.level.unit}s"
    table = _table(f"on {report.split}{level}", "errors", "of", "rate", "95 % interval", "no answer", "AUC")
    for name, species in report.species.items():
        table.add_row(
            f"APCER {plain(name)}",
            *rate_cells(species.apcer),
            percent(species.apnrr.value),
            decimal(species.auc),
        )
    worst = plain(report.worst_species or NOT_KNOWN)
    table.add_row(f"APCER worst species ({worst})", *rate_cells(report.apcer_worst), "", "")
    free = report.threshold_free
    table.add_row(
        "APCER pooled", *rate_cells(report.apcer_pooled), percent(report.apnrr.value), decimal(free.auc)
    )
    table.add_row("BPCER", *rate_cells(report.bpcer), percent(report.bpnrr.value), "")
    table.add_row("BPCER, no answer counted", *rate_cells(report.bpcer_with_non_responses), "", "")
    table.add_section()
    for title, value, name in (
        ("[bold]ACER pooled[/]", report.acer_pooled, "acer_pooled"),
        ("[bold]ACER worst species[/]", report.acer_worst, "acer_worst"),
        (f"EER of {free.split} (threshold-free)", free.eer.value, "eer"),
    ):
        table.add_row(title, "", "", percent(value), _by_subject(report, name), "", "")
    results.print(table)
    if report.operating_points:
        results.print(_operating_points(report))
    say(threshold_text(report.threshold))
    for note in report.notes:
        remark(f"note: {note}")


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _by_subject(report: Report, name: str) -> str:
    """The interval by subject bootstrap, where there is one."""
    from bonaface.evaluation.wording import interval_text

    one = report.intervals.get(name)
    return "" if one is None or one.low != one.low else interval_text(one.low, one.high)


def _operating_points(report: Report) -> Table:
    from bonaface.evaluation.wording import decimal, percent

    table = _table("operating point", "threshold", "APCER worst species", "APCER pooled", "BPCER")
    for name, point in report.operating_points.items():
        rates = (point.apcer_worst, point.apcer_pooled, point.bpcer)
        table.add_row(name, decimal(point.threshold.value), *(percent(rate.value) for rate in rates))
    return table


def _chance(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def show_side_by_side(comparison: SideBySide) -> None:
    """Print both systems' statistics, their differences, and who is better where it is more than noise."""
    from bonaface.evaluation.wording import decimal, difference_text, percent, statistic_name, threshold_text

    first, second = map(plain, comparison.names)
    table = _table("on test", first, second, "difference", "95 % interval", "better")
    for name, one in comparison.differences.items():
        words = decimal if name == "auc" else percent
        interval = one.difference
        known = interval.low == interval.low
        ends = (
            f"{difference_text(name, interval.low).removesuffix(' %')} to {difference_text(name, interval.high)}"
            if known
            else "no difference drawn"
        )
        unclear = "within noise" if one.is_within_noise else "not known"
        better = {"first": first, "second": second, None: unclear}[one.better]
        table.add_row(
            plain(statistic_name(name)),
            words(one.first),
            words(one.second),
            difference_text(name, interval.value),
            ends,
            better,
        )
    results.print(table)
    for name, threshold in zip(comparison.names, comparison.thresholds, strict=True):
        say(f"{name}: {threshold_text(threshold)}")
    quick = comparison.mcnemar
    say(
        f"wrong alone: {comparison.names[0]} {quick.first_only}, {comparison.names[1]} {quick.second_only} of "
        f"{quick.total} samples; McNemar p = {_chance(quick.p_value)} (takes samples as independent)"
    )
    if comparison.is_within_noise:
        say("no difference is larger than noise")
    for note in comparison.notes:
        remark(f"note: {note}")
