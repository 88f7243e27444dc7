"""The model card: what a bundle is, what it is for, what it does and what nobody knows, for whoever signs off a system.

Reference: Mitchell et al. 2019, Model Cards for Model Reporting (arXiv 1810.03993).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bonaface.bundle import BundleCard
from bonaface.errors import BundleError, MissingExtraError
from bonaface.evaluation import factors, markdown, model_details
from bonaface.evaluation.markup import bullets, escaped, visible
from bonaface.evaluation.model_metadata import metadata
from bonaface.evaluation.report import Report
from bonaface.evaluation.robustness import Robustness
from bonaface.evaluation.wording import decimal, rate_text, threshold_text

TEMPLATE = Path(__file__).with_name("model_card.md.jinja")


def model_card(
    card: BundleCard, report: Report | None = None, *, robustness: Robustness | None = None
) -> str:
    """The card in Markdown, after metadata as a model hub reads it. Nothing is sent anywhere.

    Args:
        card: Of the bundle.
        report: Of the bundle's test rows; None when nothing has been measured, and the card says so.
        robustness: Of the bundle, on altered pictures.

    Returns:
        The same arguments give the same bytes.

    Raises:
        BundleError: If something was measured of another bundle.
        MissingExtraError: If huggingface_hub or jinja2 is not installed.
    """
    _check_bundle(card, report, robustness)
    try:
        import jinja2  # noqa: PLC0415 - outside the light install
        from huggingface_hub import ModelCard  # noqa: PLC0415 - likewise
    except ImportError:
        raise MissingExtraError("a model card", extra="report") from None
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML: every word goes through `escaped`
    )  # fmt: skip
    body = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        **_recorded(card, report),
        **_measured(card, report),
        unknown=bullets(_unknown(card, report, robustness)),
        results=_results(report, robustness),
        groups=_groups(report),
        unequal=_unequal(report),
        environments=_environments(robustness),
    )
    return str(ModelCard(f"---\n{metadata(card, report).to_yaml()}\n---\n\n{body}"))


def _check_bundle(card: BundleCard, report: Report | None, robustness: Robustness | None) -> None:
    """Raise `BundleError` if a number is of another bundle."""
    measured = {"report": report and report.bundle, "robustness": robustness and robustness.bundle}
    for what, bundle in measured.items():
        if bundle and bundle != card.id:
            raise BundleError(
                f"a model card must be of the bundle that was measured; the {what} is of {visible(bundle)}, "
                f"the card of {visible(card.id)}; evaluate this bundle"
            )


def _recorded(card: BundleCard, report: Report | None) -> dict[str, str]:
    """What the bundle records of itself, by its place in the template."""
    rows = {name: one.rows for name, one in report.species.items()} if report else {}
    return {
        "id": escaped(card.id),
        "families": escaped(", ".join(card.families)),
        "begin": decimal(card.threshold.value),
        "notes": bullets(card.notes) or "Nobody has written anything down.",
        "details": model_details.details(card),
        "commands": model_details.commands(card),
        "min_face_px": str(card.contract.min_face_px),
        "unseen": escaped(", ".join(model_details.unseen(card, rows)) or "none of the vocabulary"),
        "instruments": model_details.instruments(card, rows),
        "training_data": model_details.training_data(card),
    }


def _measured(card: BundleCard, report: Report | None) -> dict[str, Any]:
    """What was measured, by its place in the template."""
    threshold = f"The {threshold_text(card.threshold)}."
    if report is None:
        return {
            "is_measured": False,
            **_unmeasured(card),
            "threshold": escaped(threshold),
            "by_subject": False,
            "rejected": "how often is not known",
            "accepted": "how often is not known",
            "remarks": "",
        }
    worst = f"the worst species ({report.worst_species})" if report.worst_species else "the worst species"
    rejected, accepted = rate_text(report.bpcer), rate_text(report.apcer_worst)
    if report.threshold is None or report.threshold.value != card.threshold.value:
        threshold += f" The rates below were measured at another: {threshold_text(report.threshold)}."
    return {
        "is_measured": True,
        "in_short": escaped(
            f"On {report.split} rows, bona fide presentations rejected: {rejected}; attacks of {worst} accepted: {accepted}."
        ),
        "threshold": escaped(threshold),
        "by_subject": bool(report.intervals),
        "split": str(report.split),
        "rows": markdown.measured_rows(report),
        "rejected": f"BPCER {rejected}",
        "accepted": escaped(f"APCER of {worst}, {accepted}"),
        "crossings": factors.crossings(report),
        "remarks": bullets(report.notes),
    }


def _unmeasured(card: BundleCard) -> dict[str, str]:
    """What stands where rates would."""
    if card.threshold.split is None:
        return {
            "in_short": "No rate of it is known: nothing has been measured, and its threshold is a guess.",
            "no_rates": "Not measured: the threshold is a guess, and no rate of this bundle is known.",
        }
    return {
        "in_short": "No report came with it: its threshold was chosen on scores, and the notes below say what is known of that.",
        "no_rates": "Not measured at this threshold, but for what the notes say.",
    }


def _unknown(card: BundleCard, report: Report | None, robustness: Robustness | None) -> list[str]:
    """What no number in the card tells."""
    is_guess = card.threshold.split is None
    unmeasured = (
        "Any rate: no report came with this bundle, and its threshold is a guess."
        if is_guess
        else "Any rate beyond what the notes say: no report came with this bundle."
    )
    compared = [
        " x ".join(one.columns)
        for one in (report.fairness.columns if report and report.fairness else ())
        if any(gap.test for gap in one.gaps.values())
    ]
    beyond = f", beyond what the columns {', '.join(compared)} tell" if compared else ""
    asked = {
        unmeasured: report is None,
        "Whether its scores are probabilities.": report is None or report.calibration is None,
        "Intervals that know which rows are of one person.": report is None or not report.intervals,
        f"Whether it is as good for one group of people as for another{beyond}.": True,
        "What blur, noise, light, compression or a loose crop do to it.": robustness is None,
        "Who trained it, and where questions go.": True,
    }
    return [text for text, is_unknown in asked.items() if is_unknown]


def _results(report: Report | None, robustness: Robustness | None) -> list[tuple[str, str]]:
    """Title and Markdown of every unitary result."""
    if report is None:
        return []
    return [
        ("Errors at the threshold", markdown.errors(report)),
        ("No answer, and AUC", markdown.answers(report)),
        ("Whatever the threshold", markdown.threshold_free(report)),
        ("Operating points", markdown.operating_points(report)),
        ("Intervals by subject", markdown.subject_intervals(report)),
        ("Calibration", markdown.calibration(report.calibration)),
        ("Groups", factors.groups(report)),
        ("Altered pictures", factors.alterations(robustness)),
    ]


def _groups(report: Report | None) -> str:
    if report is None:
        return "Not measured."
    if report.fairness is None or not report.fairness.columns:
        return f"Not measured: {factors.no_groups(report)}."
    names = ", ".join(" x ".join(one.columns) for one in report.fairness.columns)
    return escaped(
        f"Measured by these columns of the scores: {names}. What they tell of people is not recorded. The rates are among "
        "the quantitative analyses."
    )


def _unequal(report: Report | None) -> str:
    """What is known of groups that fare worse."""
    gaps = factors.tested_gaps(report) if report else []
    surest = [text for text, is_within_noise in gaps if not is_within_noise]
    if surest:
        return escaped(f"It does not fail all groups alike: {'; '.join(surest)}.")
    if gaps:
        return "No gap between the groups that were compared is more than noise. That is no proof that there is none."
    return "Whether it fails some people more often than others is not known."


def _environments(robustness: Robustness | None) -> str:
    if robustness is None:
        return "Not measured: no scores of altered pictures came with this bundle."
    kinds = ", ".join(curve.kind for curve in robustness.curves)
    return escaped(f"Measured on altered pictures, see the quantitative analyses: {kinds}.")
