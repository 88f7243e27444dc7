"""How numbers and their names are written for people: once, for tables, pages and cards alike."""

from __future__ import annotations

import math

from bonaface.bundle import StoredThreshold
from bonaface.evaluation.measured import MeasuredRate
from bonaface.evaluation.thresholds import Threshold

NOT_KNOWN = "not known"

NAMES = {
    "apcer_worst": "APCER worst species",
    "apcer_pooled": "APCER pooled",
    "bpcer": "BPCER",
    "apnrr": "APNRR",
    "bpnrr": "BPNRR",
    "acer_worst": "ACER worst species",
    "acer_pooled": "ACER pooled",
    "eer": "EER",
    "auc": "AUC",
    "bpcer10": "BPCER10",
    "bpcer20": "BPCER20",
    "bpcer100": "BPCER100",
    "apcer_at_bpcer1": "APCER at BPCER 1 %",
    "tpr_at_fpr1": "TPR at FPR 1 %",
}
"""What reports call a statistic or a limit, and what people do."""


def statistic_name(name: str) -> str:
    """A statistic's name for people.

    >>> statistic_name("acer_worst"), statistic_name("apcer print")
    ('ACER worst species', 'APCER print')
    """
    start, _, species = name.partition(" ")
    return f"APCER {species}" if start == "apcer" and species else NAMES.get(name, name)


def percent(share: float) -> str:
    """A share to a hundredth of a percent; neither none nor all unless it is exactly that.

    >>> percent(0.0704), percent(0.00001), percent(math.nan)
    ('7.04 %', '< 0.01 %', 'not known')
    """
    text = _rounded(100 * share, digits=2, whole=100)
    return text if text == NOT_KNOWN else f"{text} %"


def difference_text(name: str, difference: float) -> str:
    """A difference of the statistic of this name, with its sign.

    >>> difference_text("auc", 0.0123), difference_text("bpcer", -0.0123), difference_text("bpcer", math.nan)
    ('+0.0123', '-1.23 %', 'not known')
    """
    if math.isnan(difference):
        return NOT_KNOWN
    return f"{difference:+.4f}" if name == "auc" else f"{100 * difference:+.2f} %"


def round_percent(share: float) -> str:
    """A limit or a confidence, which somebody chose, without zeros behind the point.

    >>> round_percent(0.01), round_percent(0.999)
    ('1 %', '99.9 %')
    """
    return f"{100 * share:g} %"


def decimal(value: float, digits: int = 4) -> str:
    """A score, a threshold, an AUC; neither 0 nor 1 unless it is exactly that.

    >>> decimal(0.978), decimal(0.99999), decimal(math.inf)
    ('0.9780', '> 0.9999', 'infinite')
    """
    return "infinite" if value == math.inf else _rounded(value, digits=digits, whole=1)


def signed(value: float, digits: int = 3) -> str:
    """A change or a difference, with its sign.

    >>> signed(0.0104), signed(-0.5)
    ('+0.010', '-0.500')
    """
    return NOT_KNOWN if math.isnan(value) else f"{value:+.{digits}f}"


def interval_text(low: float, high: float) -> str:
    """The ends of an interval of a share.

    >>> interval_text(0.018, 0.2306)
    '1.80 to 23.06 %'
    """
    return _between(percent(low), percent(high)).replace(" % to ", " to ")


def decimal_interval_text(low: float, high: float, digits: int = 4) -> str:
    """The ends of an interval of scores, of thresholds or of an AUC.

    >>> decimal_interval_text(0.3879, 0.3978)
    '0.3879 to 0.3978'
    """
    return _between(decimal(low, digits), decimal(high, digits))


def rate_cells(rate: MeasuredRate) -> tuple[str, str, str, str]:
    """Errors, of how many, the rate and its interval, as cells of a table.

    >>> rate_cells(MeasuredRate(3, 35, 3 / 35, 0.018, 0.2306))
    ('3', '35', '8.57 %', '1.80 to 23.06 %')
    """
    if not rate.total:
        return "", "", NOT_KNOWN, ""
    return f"{rate.errors:,}", f"{rate.total:,}", percent(rate.value), interval_text(rate.low, rate.high)


def rate_text(rate: MeasuredRate) -> str:
    """The same in a line.

    >>> rate_text(MeasuredRate(3, 35, 3 / 35, 0.018, 0.2306))
    '3 of 35 = 8.57 % (1.80 to 23.06 %)'
    """
    errors, total, value, interval = rate_cells(rate)
    return f"{errors} of {total} = {value} ({interval})" if rate.total else NOT_KNOWN


def threshold_text(threshold: Threshold | StoredThreshold | None) -> str:
    """Where attacks begin, and how that was chosen."""
    if threshold is None:
        return "no threshold could be chosen"
    value = f"threshold {decimal(threshold.value)}"
    if threshold.split is None:
        return f"{value}, given and not chosen on scores"
    equally_good = decimal_interval_text(threshold.low, threshold.high)
    return f"{value} by the rule {threshold.rule} on {threshold.split}; equally good there: {equally_good}"


def _between(low: str, high: str) -> str:
    return NOT_KNOWN if NOT_KNOWN in (low, high) else f"{low} to {high}"


def _rounded(value: float, *, digits: int, whole: float) -> str:
    if math.isnan(value):
        return NOT_KNOWN
    text = f"{value:.{digits}f}"
    if value > 0 and float(text) == 0:
        return f"< {10**-digits:.{digits}f}"
    if value < whole and float(text) == whole:
        return f"> {whole - 10**-digits:.{digits}f}"
    return text
