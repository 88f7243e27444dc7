"""`bonaface`: the commands, and how their errors reach a person."""

from __future__ import annotations

import re
import sys
from typing import Annotated, NoReturn

import typer

from bonaface import __version__
from bonaface.cli import (
    adjust,
    calibrate,
    check,
    compare,
    data,
    demo,
    evaluate,
    export,
    import_scores,
    models,
    report,
    router,
    simulate,
    stress,
    train,
)
from bonaface.cli.console import remark
from bonaface.errors import BonafaceError

app = typer.Typer(
    name="bonaface",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Is this face genuine, or an attack? One gate for physical and digital face attacks.",
)

for room in (
    check,
    demo,
    simulate,
    train,
    evaluate,
    report,
    compare,
    calibrate,
    adjust,
    stress,
    router,
    export,
):
    app.command()(getattr(room, room.__name__.rpartition(".")[2]))
app.command("import")(import_scores.import_scores)
app.add_typer(models.app, name="models")
app.add_typer(data.app, name="data")


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
    """The console entry point: what a person can mend becomes one sentence on stderr and exit code 2."""
    try:
        app(prog_name="bonaface")
    except BonafaceError as error:
        _end(str(error))
    except OSError as error:
        name = str(error.filename or "a file")
        what = re.sub(r"(\.\d+)?\.part$", "", name)  # so a file is called until it is whole
        _end(f"{what} can not be read or written as asked ({error.strerror or error}); choose another place")


def _end(sentence: str) -> NoReturn:
    remark(sentence, title="[bold red]error[/] ")
    sys.exit(2)
