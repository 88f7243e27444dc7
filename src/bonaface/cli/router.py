"""`bonaface router`: how the experts of a run share the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bonaface.cli.console import check_kind, check_not_input, plain, remark, results, say
from bonaface.errors import CheckpointError

PAGE = "router.html"


def router(
    run: Annotated[Path, typer.Argument(help="A folder that 'bonaface train' wrote.")],
    out: Annotated[
        Path | None, typer.Option(help="The page to write; router.html in the run's folder by default.")
    ] = None,
) -> None:
    """Show what the routers of a run did on its dev crops, and say which are dead.

    Exit code 0: all alive. 1: a router is dead. 2: an error.
    """
    from rich.table import Table

    from bonaface.evaluation.router_history import COLUMNS, cells, remarks, router_epochs
    from bonaface.evaluation.router_page import write_router_page
    from bonaface.training.events import EVENTS, RECORD, read_events

    if not (run / EVENTS).is_file():
        raise CheckpointError(
            f"{run} must be a folder that 'bonaface train' wrote; it has no {EVENTS}; check the path"
        )
    epochs = router_epochs(read_events(run))
    last = epochs[-1]
    table = Table(box=None, pad_edge=False, header_style="bold", title=f"after epoch {last.epoch + 1}")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in {COLUMNS[0], COLUMNS[-1]} else "right")
    for one in last.routers:
        table.add_row(*map(plain, cells(one)))
    results.print(table)
    page = out or run / PAGE
    check_not_input(page, run / EVENTS, run / RECORD)
    check_kind(page, ".html")
    write_router_page(page, run.resolve().name, epochs)
    say(f"wrote {page}")
    dead = remarks(last.routers)
    for sentence in dead:
        remark(sentence, title="[bold yellow]warning[/] ")
    if dead:
        raise typer.Exit(1)
