"""`bonaface`: the commands, and how their errors reach a person."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bonaface import __version__
from bonaface.cli import check, demo, evaluate, export, models, simulate, train
from bonaface.cli.console import errors
from bonaface.errors import BonafaceError

app = typer.Typer(
    name="bonaface",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Is this face genuine, or an attack? One gate for physical and digital face attacks.",
)

for room in (check, demo, simulate, train, evaluate, export):
    app.command()(getattr(room, room.__name__.rpartition(".")[2]))
app.add_typer(models.app, name="models")


def _version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Is this face genuine, or an attack? One gate for physical and digital face attacks."""


def run() -> None:
    """The console entry point: a `BonafaceError` becomes one sentence on stderr and exit code 2."""
    try:
        app()
    except BonafaceError as error:
        errors.print(f"[bold red]error[/] {_escaped(str(error))}", soft_wrap=True, highlight=False)
        sys.exit(2)
    except BrokenPipeError:  # the reader, e.g. head, has seen enough
        sys.stderr.close()
        sys.exit(0)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
