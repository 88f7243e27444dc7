"""`bonaface compare`: recipes by protocols by seeds, one leaderboard."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bonaface.cli.console import plain, progress_bar, remark, results, say
from bonaface.cli.judging import scored
from bonaface.cli.options import Rule, Seed, Threads
from bonaface.errors import MissingExtraError
from bonaface.vocabulary import Split

if TYPE_CHECKING:
    from bonaface.evaluation.leaderboard import Leaderboard
    from bonaface.faces.finder import Finder
    from bonaface.training.cell import Cell, CellRecord
    from bonaface.training.comparison_plan import Plan

LEADERBOARD = "leaderboard"


def compare(
    plan: Annotated[
        Path,
        typer.Argument(help="A TOML file with recipes, protocols and seeds; see the guide to comparing."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the runs and the leaderboard.")],
    rule: Rule = "eer",
    replicates: Annotated[int, typer.Option(min=2, help="Of the paired subject bootstrap.")] = 1000,
    seed: Seed = 0,
    threads: Threads = 1,
) -> None:
    """Train every recipe under every protocol with every seed, and say which differences are more than noise.

    Each run is scored once. The same command goes on where it was stopped, and a finished run is never done again;
    one whose recipe or manifest has changed is refused. Exit code 0: all measured. 2: a run failed, or an error.
    143: it was stopped.
    """
    try:
        from bonaface.training.cell import check_manifests, known_cell
        from bonaface.training.comparison_plan import read_plan
        from bonaface.training.folder_lock import one_at_a_time
        from bonaface.training.memory import keep_freed_memory
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("bonaface"):
            raise
        raise MissingExtraError("bonaface compare", extra="train") from None
    from bonaface.evaluation.thresholds import parse_rule

    parse_rule(rule)
    chosen = read_plan(plan)
    cells = chosen.cells()
    waiting = [cell for cell in cells if not _is_finished(known_cell(cell, out))]
    check_manifests(waiting)
    finders = _finders(waiting)  # whatever can be refused is refused before anything is trained
    keep_freed_memory()
    with one_at_a_time(out):
        records = {cell: known_cell(cell, out) for cell in cells}
        try:
            is_done = _run_all(records, finders, out, threads)
        except KeyboardInterrupt:  # outside the loop, which ends its step first
            is_done = False
    if not is_done:
        remark("stopped; the same command goes on")
        raise typer.Exit(143)
    board = _measured(chosen, records, out, rule=rule, replicates=replicates, seed=seed)
    _show(board)
    say(f"wrote {', '.join(map(str, _written(board, out)))}")
    for failure in board.failures:
        remark(f"{failure.run}: {failure.reason}", title="[bold red]failed[/] ")
    if board.failures:
        raise typer.Exit(2)


def _is_finished(record: CellRecord | None) -> bool:
    return record is not None and record.state == "finished"


def _run_all(
    records: dict[Cell, CellRecord | None], finders: dict[str, Finder], out: Path, threads: int
) -> bool:
    """Do what is not done, and put every record in its place; False where it was asked to stop."""
    from bonaface.training.cell import run_cell, seconds_left

    cells = list(records)
    command = shlex.join(["bonaface", *sys.argv[1:]])
    for number, cell in enumerate(cells, start=1):
        if _is_finished(records[cell]):
            continue
        spent = {one: r.seconds for one, r in records.items() if r is not None and r.state == "finished"}
        left = seconds_left(spent, [one for one in cells[number - 1 :] if one not in spent])
        ending = "" if left is None else f"; about {_duration(left)} left"
        remark(f"{cell.name}{ending}", title=f"[bold]run {number} of {len(cells)}[/] ")
        finder = finders[cell.recipe.contract.finder]
        record = run_cell(
            cell, out, finder=finder, score=_scorer(finder, threads), command=command, bar=progress_bar
        )
        records[cell] = record
        if record.state == "begun":
            return False
        if record.state == "failed":
            remark(f"{record.reason}; the others go on", title="[bold red]failed[/] ")
    return True


def _finders(cells: Sequence[Cell]) -> dict[str, Finder]:
    """The finders of these runs' contracts by name; each looks at a picture once for all runs."""
    from bonaface.faces.fetch import fetched
    from bonaface.faces.finder import finder_for
    from bonaface.faces.remembered import RememberedFaces

    contracts = {cell.recipe.contract.finder: cell.recipe.contract for cell in cells}
    found = {
        name: finder_for(contract, yunet=fetched("yunet") if name == "yunet" else None)
        for name, contract in contracts.items()
    }
    return {name: one if name == "whole" else RememberedFaces(one) for name, one in found.items()}


def _scorer(finder: Finder, threads: int) -> Callable[[Path, Path, Path], None]:
    """Judges the dev and test rows of a manifest by a bundle, as it is deployed."""

    def score(bundle: Path, manifest_path: Path, scores: Path) -> None:
        from bonaface.data.manifest import read_manifest
        from bonaface.data.splits import assigned
        from bonaface.inference.gate import Gate
        from bonaface.inference.session import Session

        manifest = assigned(read_manifest(manifest_path)).of_split(Split.DEV, Split.TEST)
        scored(Gate(Session(bundle, num_threads=threads), finder), manifest, scores)

    return score


def _measured(
    plan: Plan, records: dict[Cell, CellRecord | None], out: Path, *, rule: str, replicates: int, seed: int
) -> Leaderboard:
    from bonaface.data.clue_schedule import NOT_COMPARABLE, Clues
    from bonaface.evaluation.leaderboard import Failure
    from bonaface.evaluation.scores import read_scores
    from bonaface.evaluation.standings import Scored, leaderboard
    from bonaface.training.cell import SCORES

    tables, failures = [], []
    for cell, record in records.items():
        if _is_finished(record):
            table = read_scores(cell.folder(out) / SCORES)
            tables.append(Scored(cell.recipe_name, cell.protocol, cell.part, cell.recipe.seed, table))
        elif record is not None:
            failures.append(Failure(cell.name, record.reason))
    merged = (
        name for name, one in plan.recipes.items() if isinstance(one.data, Clues) and one.data.is_dev_merged
    )
    return leaderboard(
        tables,
        recipes=tuple(plan.recipes),
        protocols={name: tuple(parts) for name, parts in plan.protocols.items()},
        rule=rule,
        replicates=replicates,
        seed=seed,
        failures=failures,
        notes=[f"{name}: {NOT_COMPARABLE}" for name in merged],
    )


def _show(board: Leaderboard) -> None:
    from rich.table import Table

    from bonaface.evaluation.leaderboard_text import (
        board_facts,
        figure_columns,
        figure_rows,
        headline,
        value_text,
    )

    for note in board.notes:
        remark(f"note: {note}")
    for one in board.boards:
        table = Table(box=None, pad_edge=False, header_style="bold", title=plain(one.protocol))
        for column in figure_columns(one):
            table.add_column(column, justify="left" if column == "recipe" else "right")
        for row in figure_rows(one, value_text):
            table.add_row(*map(plain, row))
        results.print(table)
        say(board_facts(one))
        for standing in one.standings:
            beside = headline(standing)
            if beside:
                say(f"{standing.recipe} beside {board.baseline}: {beside}")
        for note in one.notes:
            remark(f"note: {note}")


def _written(board: Leaderboard, out: Path) -> list[Path]:
    """The leaderboard as JSON, as Markdown and, where the packages for it are there, as a page."""
    from bonaface.evaluation.leaderboard import write_leaderboard
    from bonaface.evaluation.leaderboard_page import write_leaderboard_page
    from bonaface.evaluation.leaderboard_text import markdown

    paths = [out / f"{LEADERBOARD}.{suffix}" for suffix in ("json", "md", "html")]
    write_leaderboard(paths[0], board)
    paths[1].write_text(markdown(board), encoding="utf-8")
    try:
        write_leaderboard_page(paths[2], board)
    except MissingExtraError as error:  # days of training have not failed for want of a page
        remark(f"note: {error}")
        return paths[:2]
    return paths


def _duration(seconds: float) -> str:
    """In words, to the minute.

    >>> _duration(40), _duration(4500)
    ('1 min', '1 h 15 min')
    """
    hours, minutes = divmod(max(1, round(seconds / 60)), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
