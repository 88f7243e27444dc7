"""`bonaface report`: two systems side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bonaface.cli.console import check_not_input, say
from bonaface.cli.judging import scores_of
from bonaface.cli.options import MEAN, Frames, Presentations, Rule, Seed, check_frames
from bonaface.cli.report_table import show_side_by_side


def report(
    first: Annotated[Path, typer.Argument(help="A folder that 'bonaface evaluate' wrote, or a score table.")],
    second: Annotated[Path, typer.Argument(help="Another of the same samples.")],
    rule: Rule = "eer",
    presentations: Presentations = None,
    frames: Frames = MEAN,
    replicates: Annotated[int, typer.Option(min=2, help="Of the paired subject bootstrap.")] = 1000,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Also write the comparison to this JSON file.")] = None,
) -> None:
    """Compare two systems on the same samples: every difference with its interval, and whether it is noise."""
    from bonaface.data.whole_file import write_whole
    from bonaface.evaluation.presentations import aggregate
    from bonaface.evaluation.scores import read_scores
    from bonaface.evaluation.side_by_side import side_by_side, to_json

    check_frames(frames, presentations)
    files = [scores_of(source) for source in (first, second)]
    check_not_input(out, *files)
    tables = [read_scores(file) for file in files]
    if presentations is not None:
        tables = [aggregate(table, presentations, frames) for table in tables]
    comparison = side_by_side(
        *tables, names=_names(first, second), rule=rule, replicates=replicates, seed=seed
    )
    show_side_by_side(comparison)
    if out is not None:
        text = json.dumps(to_json(comparison), indent=2, ensure_ascii=False, allow_nan=False)
        write_whole(out, f"{text}\n".encode())
        say(f"wrote {out}")


def _names(first: Path, second: Path) -> tuple[str, str]:
    """What tells the two apart for people: the last part of their paths that differs."""
    plain = [path.resolve() if path.is_dir() else path.resolve().with_suffix("") for path in (first, second)]
    parts = [path.parts[::-1] for path in plain]
    pairs = zip(*parts, strict=False)
    return next(((one, other) for one, other in pairs if one != other), ("first", "second"))
