"""A report as Markdown: the notes first, then every table, and plain words for what is not known."""

from __future__ import annotations

from bonaface.evaluation.bootstrap import BootstrapInterval
from bonaface.evaluation.factors import alterations, crossings, every_severity, groups
from bonaface.evaluation.markup import bullets, escaped, table
from bonaface.evaluation.report import CalibrationReport, Level, LimitReport, Report
from bonaface.evaluation.robustness import Robustness
from bonaface.evaluation.wording import (
    NOT_KNOWN,
    decimal,
    decimal_interval_text,
    interval_text,
    percent,
    rate_cells,
    rate_text,
    round_percent,
    statistic_name,
    threshold_text,
)

RATE_COLUMNS = ("errors", "of", "rate", "95 % interval")
Row = tuple[str, ...]


def markdown(report: Report, *, robustness: Robustness | None = None) -> str:
    """The report, for people.

    Args:
        report: Any report.
        robustness: Of the same detector, on altered pictures.

    Returns:
        Markdown with GitHub's tables; the same report gives the same bytes. Names can not change the page around them.
    """
    of = f" of {escaped(report.bundle)}" if report.bundle else ""
    sections = {
        "What a reader must know": bullets(report.notes) or "Nothing was noted.",
        "What was measured": measured_rows(report),
        "Errors at the threshold": errors(report),
        "No answer, and AUC": answers(report),
        "Whatever the threshold": threshold_free(report),
        "Operating points": operating_points(report),
        "Intervals by subject": subject_intervals(report),
        "Calibration": calibration(report.calibration),
        "Groups": groups(report),
        "Groups, crossed": crossings(report),
        "Altered pictures": alterations(robustness),
    }
    if robustness is not None:
        sections["Altered pictures, every severity"] = every_severity(robustness)
    if report.frames is not None:
        sections["Single frames"] = frames(report.frames)
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"# Report{of} on {report.split}\n\n{body}\n"


def measured_rows(report: Report) -> str:
    """What the rows are, and how many."""
    counts = report.counts
    rows = (
        ("bona fide", f"{counts.bonafide:,}", f"{counts.scored_bonafide:,}"),
        ("attack", f"{counts.attack:,}", f"{counts.scored_attack:,}"),
    )
    return f"{_unit(report.level)}\n\n{table((f'on {report.split}', 'rows', 'with a score'), rows)}"


def errors(report: Report) -> str:
    """APCER of every species, of the worst and pooled, BPCER and their means."""
    worst = f"APCER worst species ({report.worst_species or NOT_KNOWN})"
    rows: list[Row] = [(f"APCER {name}", *rate_cells(one.apcer)) for name, one in report.species.items()]
    rows += [
        (worst, *rate_cells(report.apcer_worst)),
        ("APCER pooled", *rate_cells(report.apcer_pooled)),
        ("BPCER", *rate_cells(report.bpcer)),
        ("BPCER, no answer counted", *rate_cells(report.bpcer_with_non_responses)),
        ("ACER worst species", "", "", percent(report.acer_worst), ""),
        ("ACER pooled", "", "", percent(report.acer_pooled), ""),
        ("ACER worst species, no answer counted", "", "", percent(report.acer_with_non_responses), ""),
    ]
    right = report.accuracy
    return f"""{_sentence(threshold_text(report.threshold))} A score at or above the threshold is called an attack.

{table(("error", *RATE_COLUMNS), rows)}

Intervals are exact (Clopper and Pearson) and take presentations as independent.
Accuracy is {percent(right.value)}, beside {percent(right.constant_value)} for calling every row what most rows are."""


def answers(report: Report) -> str:
    """Rows without a score and the AUC, a species a row; with a recogniser behind the gate, what passes both."""
    has_recogniser = any(one.iapar is not None for one in report.species.values())
    free = report.threshold_free
    rows: list[Row] = []
    for name, one in report.species.items():
        row = (name, one.family or NOT_KNOWN, *rate_cells(one.apnrr), decimal(one.auc))
        through = (rate_text(one.iapar) if one.iapar else NOT_KNOWN,) if has_recogniser else ()
        rows.append(row + through)
    empty = ("",) if has_recogniser else ()
    rows += [
        ("all attacks (APNRR)", "", *rate_cells(report.apnrr), decimal(free.auc), *empty),
        ("bona fide (BPNRR)", "", *rate_cells(report.bpnrr), "", *empty),
    ]
    columns = ("species", "family", "no answer", "of", "rate", "95 % interval", "AUC")
    text = table(columns + (("passes gate and recogniser",) if has_recogniser else ()), rows, num_words=2)
    return f"{text}\n\nAUC is of the species against all bona fide rows: no threshold is involved."


def threshold_free(report: Report) -> str:
    """EER, and one error where the other is held; what the rows can not resolve is marked."""
    free = report.threshold_free
    eer = free.eer
    first = (
        f"EER {percent(eer.value)} (errors of {percent(eer.lower)} and {percent(eer.upper)}, where they are nearest). "
        f"AUC {decimal(free.auc)}. Both are of these {free.split} rows: no threshold to deploy."
    )
    if not free.limits:
        return f"{first}\n\nOne error where the other is held is {NOT_KNOWN}: a class has no score."
    rows = [_limit_row(name, limit) for name, limit in free.limits.items()]
    columns = ("limit", "held", "APCER worst species", "APCER pooled", "BPCER", "can these rows tell?")
    text = table(columns, rows, num_words=2)
    return f"""{first}

{text}

"Cannot be resolved" means that a sample which is held has too few rows for one error to be within the limit: the
limit then amounts to no error of it at all."""


def _limit_row(name: str, limit: LimitReport) -> Row:
    title = statistic_name(name)
    if name.startswith("tpr"):
        title = f"{title}: {percent(1 - limit.bpcer.value)}"
    held = f"{statistic_name(limit.limited)} at most {round_percent(limit.limit)}"
    rates = (rate_text(limit.apcer_worst), rate_text(limit.apcer_pooled), rate_text(limit.bpcer))
    answer = "yes" if limit.is_resolvable else "cannot be resolved"
    return title, held, *rates, answer if limit.bpcer.total else f"no threshold keeps it; {answer}"


def operating_points(report: Report) -> str:
    """The named thresholds, chosen on dev and measured here."""
    if not report.operating_points:
        return f"{_sentence(NOT_KNOWN)} They are chosen on dev rows, and none chose these."
    rows = [
        (
            name,
            f"{point.threshold.rule} on {point.threshold.split}",
            f"{decimal(point.threshold.value)} ({decimal_interval_text(point.threshold.low, point.threshold.high)})",
            f"{point.worst_species or NOT_KNOWN}: {rate_text(point.apcer_worst)}",
            rate_text(point.apcer_pooled),
            rate_text(point.bpcer),
        )
        for name, point in report.operating_points.items()
    ]
    columns = ("point", "rule", "threshold (equally good)", "APCER worst species", "APCER pooled", "BPCER")
    return f"{table(columns, rows, num_words=2)}\n\nChosen on dev, measured on {report.split}."


def subject_intervals(report: Report) -> str:
    """By bootstrap over subjects: at this threshold, and with the threshold chosen anew."""
    if not report.intervals:
        return "Not measured. The exact intervals above are too short where several rows are of one person."
    fixed, anew = report.intervals, report.intervals_anew
    names = [*fixed, *(name for name in anew if name not in fixed)]
    rows = [
        (statistic_name(name), _value(name, (fixed.get(name) or anew[name]).value), *_ends(name, fixed, anew))
        for name in names
    ]
    first = next(iter(fixed.values()))
    undefined = [
        f"{statistic_name(name)} has no value in {one.undefined:,} replicates, which are passed over."
        for name, one in fixed.items()
        if one.undefined
    ]
    lines = [
        table(("statistic", "value", "threshold fixed", "threshold chosen anew"), rows),
        f"Intervals of {round_percent(first.confidence)} from subjects drawn with replacement {first.replicates:,} times "
        f"({first.method}); {NOT_KNOWN} where no replicate differs from another.",
    ]
    return "\n\n".join([*lines, bullets(undefined)] if undefined else lines)


def _ends(name: str, *kinds: dict[str, BootstrapInterval]) -> Row:
    written = decimal_interval_text if name == "auc" else interval_text
    return tuple(written(one[name].low, one[name].high) if name in one else "" for one in kinds)


def _value(name: str, value: float) -> str:
    return decimal(value) if name == "auc" else percent(value)


def calibration(found: CalibrationReport | None) -> str:
    """Whether scores mean what they say."""
    if found is None:
        return "Not measured: a class has no score, and whether a score is a probability is not known."
    bins = found.reliability
    rows = [
        (
            decimal_interval_text(one.low, one.high, digits=2),
            f"{one.count:,}",
            decimal(one.mean_score, digits=3),
            percent(one.attack_rate),
            interval_text(one.rate_low, one.rate_high) if one.count else "",
        )
        for one in bins.bins
    ]
    bits = f"{decimal(found.cllr, digits=3)} bits; the best order-keeping change would leave {decimal(found.min_cllr, digits=3)}."
    if found.certain_errors:
        bits = f"infinite: rows that are wrong and certain: {found.certain_errors:,}."
    return f"""Calibration error (ECE) {decimal(bins.ece)}. Brier score {decimal(bins.brier)}, beside \
{decimal(bins.brier_constant)} for a score that knows nothing. Cost as evidence (Cllr) {bits}

{table(("attack_score", "rows", "mean score", "attacks among them", "95 % interval"), rows)}

Shares are those where {round_percent(bins.attack_share)} of the presentations are attacks."""


def frames(report: Report) -> str:
    """The same rates of every frame on its own."""
    parts = [bullets(report.notes), measured_rows(report), errors(report), answers(report)]
    return "\n\n".join(part for part in parts if part)


def _unit(level: Level) -> str:
    column = escaped(level.column or "")
    if level.unit == "presentation":
        return f"A row is a presentation: the frames of one {column} were summarised by {escaped(level.how or '')}."
    if level.unit == "frame":
        return f"A row is one frame of a presentation ({column})."
    return "A row is a presentation."


def _sentence(text: str) -> str:
    return f"{escaped(text[0].upper() + text[1:])}."
