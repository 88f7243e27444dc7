"""`bonaface evaluate`: rates of a bundle on a manifest, or of saved scores."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bonaface.cli.console import finder_file, plain, progress_bar, remark, results, say
from bonaface.errors import ManifestError
from bonaface.vocabulary import Split

if TYPE_CHECKING:
    from bonaface.bundle import BundleCard
    from bonaface.evaluation.report import MeasuredRate, Report
    from bonaface.evaluation.scores import ScoreTable


def evaluate(
    source: Annotated[
        Path, typer.Argument(help="A manifest to judge, or a score table (a CSV with a column attack_score).")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the scores and report.json.")] = Path("evaluation"),
    bundle: Annotated[
        Path | None, typer.Option(help="A bundle's folder; the default comes with the package.")
    ] = None,
    finder: Annotated[
        str | None, typer.Option(help="'yunet', or YuNet's file; the bundle's own finder by default.")
    ] = None,
    rule: Annotated[str, typer.Option(help="How the threshold is chosen on the dev rows.")] = "eer",
    threads: Annotated[int, typer.Option(min=1, help="Threads for the model.")] = 1,
) -> None:
    """Measure a bundle, or any scores: threshold on the dev rows, rates on the test rows.

    Scores are written as they come; the same command goes on where it was stopped.
    """
    from bonaface.evaluation.report import report_from_scores, write_report
    from bonaface.evaluation.scores import read_scores

    if _is_score_table(source):
        table, name = read_scores(source), None
    else:
        table, name = judged(source, out, bundle=bundle, finder=finder, threads=threads)
    report = report_from_scores(table, rule, bundle=name)
    out.mkdir(parents=True, exist_ok=True)
    write_report(out / "report.json", report)
    show(report)
    say(f"wrote {out / 'report.json'}")


def judged(
    manifest_path: Path,
    out: Path,
    *,
    bundle: Path | None,
    finder: str | None,
    threads: int,
    splits: Sequence[Split] = (Split.DEV, Split.TEST),
) -> tuple[ScoreTable, str]:
    """Score the rows of some splits of a manifest into `out`; the table and the bundle's name."""
    from bonaface.data.manifest import check_files, read_manifest
    from bonaface.data.splits import assigned
    from bonaface.evaluation.scoring import score_manifest
    from bonaface.inference.gate import load

    manifest = assigned(read_manifest(manifest_path)).of_split(*splits)
    if not manifest.rows:
        wanted = " and ".join(splits)
        raise ManifestError(f"{manifest_path} must have {wanted} rows; it has none; check its column 'split'")
    check_files(manifest)
    gate = load(bundle, yunet=finder_file(finder), num_threads=threads)
    scores = out / f"scores-{_key(manifest_path, gate.card, finder, splits)}.csv"
    with progress_bar("judging", len(manifest.rows)) as advance:
        table = score_manifest(gate, manifest, scores, on_row=advance)
    return table, gate.card.id


def _key(manifest: Path, card: BundleCard, finder: str | None, splits: Sequence[Split]) -> str:
    """What scores belong to: the manifest's words, the model, its input contract, the finder and the splits."""
    parts = (card.model.sha256, repr(card.contract), finder or "", *splits)
    return hashlib.sha256(manifest.read_bytes() + "\0".join(("", *parts)).encode()).hexdigest()[:12]


def show(report: Report) -> None:
    """Print a report as a table."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(f"on {report.split}")
    for column in ("errors", "of", "rate", "95 % interval", "no answer", "AUC"):
        table.add_column(column, justify="right")
    for name, species in report.species.items():
        table.add_row(
            f"APCER {plain(name)}",
            *_cells(species.apcer),
            _percent(species.apnrr.value),
            f"{species.auc:.4f}",
        )
    table.add_row(
        f"APCER worst species ({plain(str(report.worst_species))})", *_cells(report.apcer_worst), "", ""
    )
    free = report.threshold_free
    table.add_row(
        "APCER pooled", *_cells(report.apcer_pooled), _percent(report.apnrr.value), f"{free.auc:.4f}"
    )
    table.add_row("BPCER", *_cells(report.bpcer), _percent(report.bpnrr.value), "")
    table.add_row("BPCER, no answer counted", *_cells(report.bpcer_with_non_responses), "", "")
    table.add_section()
    table.add_row("[bold]ACER pooled[/]", "", "", _percent(report.acer_pooled), "", "", "")
    table.add_row("[bold]ACER worst species[/]", "", "", _percent(report.acer_worst), "", "", "")
    table.add_row(f"EER of {free.split} (threshold-free)", "", "", _percent(free.eer.value), "", "", "")
    results.print(table)
    threshold = report.threshold
    say(
        f"threshold {threshold.value:.4f} by rule {threshold.rule} on {threshold.split}; "
        f"equally good there: {threshold.low:.4f} to {threshold.high:.4f}"
    )
    for note in report.notes:
        remark(f"note: {note}")


def _cells(rate: MeasuredRate) -> tuple[str, ...]:
    if rate.total == 0:
        return "0", "0", "", ""
    interval = f"{_percent(rate.low)} to {_percent(rate.high)}"
    return str(rate.errors), str(rate.total), _percent(rate.value), interval


def _percent(value: float) -> str:
    return "" if value != value else f"{100 * value:.2f} %"  # noqa: PLR0124


def _is_score_table(path: Path) -> bool:
    """Whether the file's header names a column attack_score."""
    if path.suffix == ".parquet" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            return "attack_score" in next(csv.reader(file), [])
        except csv.Error:  # reading it as a manifest says what is wrong with it
            return False
