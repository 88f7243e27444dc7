"""`bonaface calibrate`: scores that mean what they say, fitted on the dev rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bonaface.cli.console import remark, results, say
from bonaface.errors import ScoreError
from bonaface.vocabulary import Split

if TYPE_CHECKING:
    from bonaface.evaluation.score_calibration import ScoreCalibration
    from bonaface.evaluation.scores import ScoreTable

OF_A_CONSTANT = {"ECE": 0.0, "Brier score": 0.25, "Cllr, bits": 1.0, "min Cllr, bits": 1.0}
"""What is shown, and what an answer that is always 0.5 would have."""


def calibrate(
    scores: Annotated[Path, typer.Argument(help="A score table: a CSV with a column attack_score.")],
    out: Annotated[Path, typer.Option(help="Folder for scores and calibration.json.")] = Path("calibration"),
    method: Annotated[str, typer.Option(help="How: temperature, platt or isotonic.")] = "platt",
) -> None:
    """Make scores mean what they say: of what scores 0.8, four of five are attacks where both classes are equally common.

    Fitted on the dev rows, applied to all. Temperature and platt keep the order of scores; isotonic makes some equal.
    """
    from bonaface.evaluation.score_calibration import calibrated, calibration_by_method, write_calibration
    from bonaface.evaluation.scores import read_scores, write_scores

    before = read_scores(scores)
    made, card = out / "scores.csv", out / "calibration.json"
    if any(path.exists() and path.samefile(scores) for path in (made, card)):
        raise ScoreError(
            f"--out must be another folder than that of the scores; {scores} would be replaced; name a new one"
        )
    calibration = calibration_by_method(before.of_split(Split.DEV), method)
    after = calibrated(before, calibration)
    out.mkdir(parents=True, exist_ok=True)
    write_scores(made, after)
    write_calibration(card, calibration)
    _show(before, after)
    _tell(calibration)
    say(f"wrote {made} and {card}")
    say(f"next: bonaface evaluate {made} (a threshold of the old scores does not hold for the new)")


def _show(before: ScoreTable, after: ScoreTable) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for column in ("before", "after", "always 0.5"):
        table.add_column(column, justify="right")
    for split, title in ((Split.TEST, "on test"), (Split.DEV, "on dev, where it was fitted")):
        rows = before.of_split(split)
        try:
            figures = [_figures(one) for one in (rows, after.of_split(split))]
        except ScoreError as error:
            remark(f"note: on {split} nothing can be measured: {error}")
            continue
        table.add_row(f"[bold]{title}[/]")
        for name, constant in OF_A_CONSTANT.items():
            table.add_row(name, *(f"{one[name]:.4f}" for one in figures), f"{constant:.4f}")
        table.add_section()
        _warn(rows, split)
    results.print(table)


def _figures(table: ScoreTable) -> dict[str, float]:
    from bonaface.evaluation.likelihood import cllr, min_cllr
    from bonaface.evaluation.reliability import reliability

    measured = reliability(table)
    return {
        "ECE": measured.ece,
        "Brier score": measured.brier,
        "Cllr, bits": cllr(table),
        "min Cllr, bits": min_cllr(table),
    }


def _warn(before: ScoreTable, split: Split) -> None:
    from bonaface.evaluation.likelihood import certain_errors

    if wrong := certain_errors(before):
        remark(f"note: before, {wrong} {split} rows are wrong at a score of exactly 0 or 1: Cllr is infinite")


def _tell(calibration: ScoreCalibration) -> None:
    from bonaface.evaluation.score_calibration import LogOddsLine

    curve = calibration.curve
    how = (
        f"log-odds times {curve.scale:.4g}, plus {curve.offset:.4g}"
        if isinstance(curve, LogOddsLine)
        else f"a curve of {len(curve.scores)} knots"
    )
    say(
        f"{calibration.method}: {how}; from {calibration.num_bonafide} bona fide and {calibration.num_attacks} attack dev rows"
    )
    for note in calibration.notes:
        remark(f"note: {note}")
