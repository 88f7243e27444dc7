"""`CARD.md`: a bundle's card for people, from the same facts as `bundle.json` and `report.json`."""

from __future__ import annotations

from bonaface.bundle import BundleCard
from bonaface.evaluation.report import MeasuredRate, Report


def card_text(card: BundleCard, report: Report | None) -> str:
    """The card in Markdown: what it is, what it has learned from, how, and what it does."""
    parts = [_about(card), _limits(card), _data(card), _training(card), _results(report)]
    return "\n\n".join(parts) + "\n"


def _about(card: BundleCard) -> str:
    contract = card.contract
    simulated = ", ".join(card.simulated_species) or "none"
    real = ", ".join(name for name in card.species if name not in card.simulated_species) or "none"
    return f"""# {card.id}

Tells bona fide faces from attacks: an `attack_score` in [0, 1], higher = attack, and a score for each family
({", ".join(card.families)}). An attack from {card.threshold.value:.4f} on.

| | |
|---|---|
| input | crop {contract.size} x {contract.size}, uint8 RGB; faces by {contract.finder}, margin {contract.margin_ratio} |
| calibration, fitted on dev | {_calibration(card)} |
| file | {card.model.file}, {card.model.bytes / 1e6:.2f} MB, sha256 `{card.model.sha256}` |
| licence of the weights | {card.licence} |
| species it has learned from simulations | {simulated} |
| species it has learned from pictures | {real} |"""


def _calibration(card: BundleCard) -> str:
    if not card.family_scales:
        return "none"
    return "; ".join(
        f"{family}: {scale:.3f} x log-odds {offset:+.3f}"
        for family, scale, offset in zip(card.families, card.family_scales, card.family_offsets, strict=True)
    )


def _limits(card: BundleCard) -> str:
    notes = "\n".join(f"- {note}" for note in card.notes) or "- Nobody has written any down."
    return f"""## What a user must know

{notes}

It is one layer: nothing here proves that a capture came from a camera, and no group of people has been measured
beyond the counts below."""


def _data(card: BundleCard) -> str:
    rows = "\n".join(f"| {s.source} | {s.licence} | {s.species} | {s.count} |" for s in card.training_data)
    return f"""## Training data

Train and dev pictures; every simulated attack is made from bona fide ones of the same split.

| source | licence | species | pictures |
|---|---|---|---|
{rows}"""


def _training(card: BundleCard) -> str:
    record = card.training
    hardware = ", ".join(f"{key} {value}" for key, value in dict(record.get("hardware", {})).items())
    versions = ", ".join(f"{key} {value}" for key, value in dict(record.get("versions", {})).items())
    best = record.get("best_epoch")
    runs = [*record.get("earlier_runs", ()), record]
    commands = [run.get("command", "not recorded") for run in runs]
    commands += record.get("resumed_by", ())
    minutes = sum(float(run.get("seconds", 0)) for run in runs) / 60
    return f"""## Training

```
{chr(10).join(commands)}
```

| | |
|---|---|
| seed | {", ".join(str(run.get("seed", "not recorded")) for run in runs)} |
| time | {minutes:.0f} minutes in all |
| epoch of the last command, chosen on dev | {"not recorded" if best is None else best + 1} |
| hardware | {hardware or "not recorded"} |
| versions | {versions or "not recorded"} |"""


def _results(report: Report | None) -> str:
    if report is None:
        return "## Results\n\nNot measured: the threshold is a guess."
    rows = [
        f"| APCER {name} | {_cells(one.apcer)} | {one.auc:.4f} | {_percent(one.apnrr.value)} |"
        for name, one in report.species.items()
    ]
    rows += [
        f"| APCER worst species ({report.worst_species}) | {_cells(report.apcer_worst)} | | |",
        f"| APCER pooled | {_cells(report.apcer_pooled)} | {report.threshold_free.auc:.4f} | "
        f"{_percent(report.apnrr.value)} |",
        f"| BPCER | {_cells(report.bpcer)} | | {_percent(report.bpnrr.value)} |",
        f"| ACER pooled | {_percent(report.acer_pooled)} | | |",
        f"| ACER worst species | {_percent(report.acer_worst)} | | |",
    ]
    notes = "".join(f"\n- {note}" for note in report.notes)
    threshold = report.threshold
    return f"""## Results

On {report.split} rows, no subject of which was trained or tuned on. Threshold {threshold.value:.4f} by the rule
`{threshold.rule}` on {threshold.split} rows; equally good there: {threshold.low:.4f} to {threshold.high:.4f}.
Intervals are exact, 95 %, for independent pictures.

| rate | value | AUC | no answer |
|---|---|---|---|
{chr(10).join(rows)}
{notes}"""


def _cells(rate: MeasuredRate) -> str:
    if rate.total == 0:
        return "not measured"
    interval = f"[{_percent(rate.low)}, {_percent(rate.high)}]"
    return f"{rate.errors}/{rate.total} = {_percent(rate.value)} {interval}"


def _percent(value: float) -> str:
    return "" if value != value else f"{100 * value:.2f} %"  # noqa: PLR0124
