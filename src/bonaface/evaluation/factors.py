"""What rates depend on, as Markdown: groups of people, and alterations of the picture."""

from __future__ import annotations

import math

from bonaface.evaluation.causal_probe import Change
from bonaface.evaluation.fairness import RATES, Fairness, Gap, Group, Grouping
from bonaface.evaluation.markup import bullets, escaped, table
from bonaface.evaluation.report import Report
from bonaface.evaluation.robustness import AlteredProbe, Robustness, RobustnessCurve, RobustnessPoint
from bonaface.evaluation.wording import (
    NOT_KNOWN,
    decimal,
    percent,
    rate_text,
    round_percent,
    signed,
    statistic_name,
)

Row = tuple[str, ...]


def groups(report: Report) -> str:
    """Rates of each group of each column, the gaps between them, and which gaps are noise."""
    found = report.fairness
    if found is None or not found.columns:
        notes = f"\n\n{bullets(found.notes)}" if found else ""
        return f"Not measured: {no_groups(report)}.{notes}"
    tested = (
        f"Groups with at least {found.min_group:,} rows of a rate are compared. A gap is more than noise where its p, "
        f"corrected for all that were looked at (Holm), is below {round_percent(1 - found.confidence)}; it is of differences "
        "within a species. A gap within noise may be there all the same."
    )
    parts = [*(_grouping(one, found) for one in found.columns), tested, bullets(found.notes)]
    return "\n\n".join(part for part in parts if part)


def no_groups(report: Report) -> str:
    """Why there are no rates by group."""
    return (
        "there is no threshold" if report.threshold is None else "no group column of the scores was compared"
    )


def crossings(report: Report) -> str:
    """The same of every two columns crossed; their gaps are not tested."""
    found = report.fairness
    if found is None or not found.crossings:
        return "Not measured: it takes two group columns that can be compared."
    return "\n\n".join(_grouping(one, found) for one in found.crossings)


def _grouping(grouping: Grouping, fairness: Fairness) -> str:
    title = " x ".join(grouping.columns)
    rates = table(
        (
            title,
            "BPCER",
            "bona fide without an answer",
            "APCER pooled",
            "APCER worst species",
            "compared by BPCER",
        ),
        [_group_row(one, fairness.min_group) for one in grouping.groups],
    )
    gaps = table(
        ("gap", "lowest", "highest", "difference", "ratio", "p (Holm)", "verdict"),
        [_gap_row(name, grouping.gaps.get(name)) for name in RATES],
        num_words=3,
    )
    odds = (
        f"Equalised odds: difference {percent(grouping.equalized_odds_difference)}, ratio "
        f"{decimal(grouping.equalized_odds_ratio, digits=2)}. Intervals are of {round_percent(fairness.confidence)}. "
        f"Rows without a value of {title}: {grouping.num_unknown:,}."
    )
    return f"{rates}\n\n{gaps}\n\n{escaped(odds)}"


def _group_row(group: Group, min_group: int) -> Row:
    return (
        ", ".join(group.values),
        rate_text(group.bpcer),
        rate_text(group.bpnrr),
        rate_text(group.apcer_pooled),
        f"{group.worst_species or NOT_KNOWN}: {rate_text(group.apcer_worst)}",
        f"no: fewer than {min_group:,} bona fide rows" if group.is_small else "yes",
    )


def _gap_row(name: str, gap: Gap | None) -> Row:
    if gap is None:
        return statistic_name(name), "", "", NOT_KNOWN, "", "", "fewer than two groups have enough rows"
    test = gap.test
    verdict = "not tested" if test is None else "within noise" if test.is_within_noise else "more than noise"
    return (
        statistic_name(name),
        ", ".join(gap.lowest),
        ", ".join(gap.highest),
        percent(gap.difference),
        decimal(gap.ratio, digits=2),
        "" if test is None else decimal(test.p_value_holm, digits=3),
        verdict,
    )


def tested_gaps(report: Report) -> list[tuple[str, bool]]:
    """Every gap that was tested, in words, and whether it is within noise."""
    return [
        (
            f"{statistic_name(name)} differs by {percent(gap.difference)} between {', '.join(gap.lowest)} and "
            f"{', '.join(gap.highest)} ({' x '.join(one.columns)})",
            gap.test.is_within_noise,
        )
        for one in (report.fairness.columns if report.fairness else ())
        for name, gap in one.gaps.items()
        if gap.test is not None
    ]


def _at(robustness: Robustness) -> str:
    """Where an attack begins, which is the bundle's own or the one given to `bonaface stress`, and not this report's."""
    values = {decimal(curve.threshold) for curve in robustness.curves}
    return f"an attack from {', '.join(sorted(values))} on" if values else "at one threshold"


def alterations(robustness: Robustness | None) -> str:
    """What the strongest alteration of every kind does."""
    if robustness is None:
        return "Not measured: no scores of altered pictures came with this report."
    columns = ("alteration", "strongest", "AUC", "APCER worst species", "BPCER", "mean ACER pooled")
    first = (
        f"{robustness.rows:,} {robustness.split} pictures as they are and altered, judged by {escaped(robustness.bundle)}, {_at(robustness)}. Arrows lead from as "
        "is to the strongest severity; the mean is over all severities."
    )
    rows = [_strongest_row(curve) for curve in robustness.curves]
    notes = bullets(note for curve in robustness.curves for note in curve.notes)
    return "\n\n".join(part for part in (first, table(columns, rows, num_words=2), notes) if part)


def _strongest_row(curve: RobustnessCurve) -> Row:
    start, end = curve.points[0], curve.points[-1]
    return (
        curve.kind,
        f"{end.severity:g} {curve.unit}",
        f"{decimal(start.auc)} → {decimal(end.auc)}",
        f"{percent(start.apcer_worst.value)} → {percent(end.apcer_worst.value)}",
        f"{percent(start.bpcer.value)} → {percent(end.bpcer.value)}",
        percent(curve.areas.acer_pooled),
    )


def every_severity(robustness: Robustness) -> str:
    """Every kind and severity, with what it does to the scores of the same pictures."""
    probes = {(one.kind, one.severity): one for one in robustness.probes}
    rows = [
        _severity_row(curve, point, probes.get((curve.kind, point.severity)))
        for curve in robustness.curves
        for point in curve.points
    ]
    columns = (
        "alteration", "severity", "AUC", "APCER pooled", "APCER worst species", "BPCER", "ACER pooled",
        "change of bona fide scores", "change of attack scores",
    )  # fmt: skip
    return f"""{table(columns, rows, num_words=2)}

Changes are means over the same pictures before and after, with 95 % intervals by subject; above 0 is more like an attack."""


def _severity_row(curve: RobustnessCurve, point: RobustnessPoint, probe: AlteredProbe | None) -> Row:
    classes = (probe.probe.bonafide, probe.probe.attack) if probe else ()
    return (
        curve.kind,
        f"{point.severity:g} {curve.unit}",
        decimal(point.auc),
        rate_text(point.apcer_pooled),
        f"{point.worst_species or NOT_KNOWN}: {rate_text(point.apcer_worst)}",
        rate_text(point.bpcer),
        percent(point.acer_pooled),
        *([_change(one.attack_score) for one in classes] or ["", ""]),
    )


def _change(change: Change) -> str:
    known = not math.isnan(change.low)
    return (
        f"{signed(change.mean)} ({f'{signed(change.low)} to {signed(change.high)}' if known else NOT_KNOWN})"
    )
