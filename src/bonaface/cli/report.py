"""`bonaface report`: two systems side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bonaface.cli.console import check_kind, check_not_input, remark, say
from bonaface.cli.judging import REPORT, scores_of
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
    check_kind(out, ".json")
    tables = [read_scores(file) for file in files]
    if presentations is not None:
        tables = [aggregate(table, presentations, frames) for table in tables]
    comparison = side_by_side(
        *tables, names=_names(first, second), rule=rule, replicates=replicates, seed=seed
    )
    show_side_by_side(comparison)
    for folder in (first, second):
        _tell_made_otherwise(folder, rule, presentations, frames)
    if out is not None:
        text = json.dumps(to_json(comparison), indent=2, ensure_ascii=False, allow_nan=False)
        write_whole(out, f"{text}\n".encode())
        say(f"wrote {out}")


def _tell_made_otherwise(folder: Path, rule: str, presentations: str | None, frames: str) -> None:
    """A remark where the report in a folder has another rule, or other rows, than this comparison."""
    from bonaface.evaluation.json_file import read_object
    from bonaface.evaluation.thresholds import FIXED

    if not (folder / REPORT).is_file():
        return
    made = read_object(folder / REPORT, "a report", "evaluate again")
    threshold, level = made.get("threshold") or {}, made.get("level") or {}
    is_fixed = threshold.get("rule") == FIXED
    own = f"{FIXED}={threshold.get('value')}" if is_fixed else threshold.get("rule")
    how = level.get("how") if level.get("unit") == "presentation" else None
    words = [] if own in (None, rule) else [f"--rule {own}"]
    if (how, level.get("column") if how else None) != (frames if presentations else None, presentations):
        words.append(f"--presentations {level['column']} --frames {how}" if how else "every row by itself")
    if words:
        remark(f"note: the report in {folder} is by {' and '.join(words)}, and its rates differ from these")


def _names(first: Path, second: Path) -> tuple[str, str]:
    """What tells the two apart for people: the last part of their paths that differs."""
    plain = [path.resolve() if path.is_dir() else path.resolve().with_suffix("") for path in (first, second)]
    parts = [path.parts[::-1] for path in plain]
    pairs = zip(*parts, strict=False)
    return next(((one, other) for one, other in pairs if one != other), ("first", "second"))
