"""A model card's metadata, as a model hub reads it: licence, tags, and every measured rate with its count."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bonaface.bundle import BundleCard
from bonaface.evaluation.markup import visible
from bonaface.evaluation.measured import MeasuredRate
from bonaface.evaluation.report import Report
from bonaface.evaluation.wording import statistic_name

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

TASK = "image-classification"
TAGS = ("biometrics", "deepfake-detection", "face-anti-spoofing", "onnx", "presentation-attack-detection")

HUB_LICENCES = {
    "apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0", "cc-by-sa-4.0", "cc0-1.0", "isc", "mit", "mpl-2.0", "unlicense",
}  # fmt: skip
"""SPDX identifiers, in small letters, that the hub knows by that name. Any other is 'other' there, beside its name."""


def metadata(card: BundleCard, report: Report | None) -> ModelCardData:
    """The metadata; without a measured value it has no results.

    Raises:
        ImportError: If huggingface_hub is not installed.
    """
    from huggingface_hub import ModelCardData  # noqa: PLC0415 - outside the light install

    results = _results(report) if report else []
    is_known = card.licence.lower() in HUB_LICENCES
    return ModelCardData(
        license=card.licence.lower() if is_known else "other",
        license_name=None if is_known else visible(card.licence),
        library_name="bonaface",
        pipeline_tag=TASK,
        tags=list(TAGS),
        metrics=list(dict.fromkeys(one.metric_type for one in results)) or None,
        eval_results=results or None,
        model_name=visible(card.id) if results else None,
    )


def _results(report: Report) -> list[EvalResult]:
    """One for each number of the report that is known; shares are of 1."""
    free = report.threshold_free
    rates = {f"apcer {name}": one.apcer for name, one in report.species.items()}
    rates |= {"apcer_worst": report.apcer_worst, "apcer_pooled": report.apcer_pooled, "bpcer": report.bpcer}
    values: dict[str, float] = {
        "acer_worst": report.acer_worst,
        "acer_pooled": report.acer_pooled,
        "eer": free.eer.value,
        "auc": free.auc,
    }
    results = [_result(report, name, rate.value, _counts(rate)) for name, rate in rates.items() if rate.total]
    return results + [_result(report, name, value) for name, value in values.items() if not math.isnan(value)]


def _counts(rate: MeasuredRate) -> dict[str, Any]:
    return {"errors": rate.errors, "total": rate.total, "interval_95": [rate.low, rate.high]}


def _result(report: Report, name: str, value: float, args: dict[str, Any] | None = None) -> EvalResult:
    from huggingface_hub import EvalResult  # noqa: PLC0415 - outside the light install

    return EvalResult(
        task_type=TASK,
        task_name="face attack detection",
        dataset_type="score-table",
        dataset_name=f"{report.split} rows of the bundle's score table",
        dataset_split=str(report.split),
        metric_type=name.partition(" ")[0],
        metric_name=visible(statistic_name(name)),
        metric_value=value,
        metric_args=args,
    )
