"""`bonaface models`: what is there, and what can be fetched."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bonaface.cli.console import plain, results, say

app = typer.Typer(no_args_is_help=True, help="List, show and fetch models.")


@app.command(name="list")
def list_models() -> None:
    """List the embedded bundles and the models that can be fetched."""
    from rich.table import Table

    from bonaface.bundle import DEFAULT, embedded_bundles, read_card
    from bonaface.faces.fetch import FILES, fetched

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("model", "what", "size", "licence", "where"):
        table.add_column(column, overflow="fold")
    for name, folder in embedded_bundles().items():
        card = read_card(folder)
        what = "detector, the default bundle" if name == DEFAULT else f"detector, bundle '{name}'"
        table.add_row(card.id, what, f"{card.model.bytes / 1e6:.1f} MB", card.licence, plain(str(folder)))
    for name, file in FILES.items():
        place = fetched(name)
        where = str(place) if place else f"bonaface models fetch {name}"
        table.add_row(name, file.what, f"{file.bytes / 1e6:.1f} MB", file.licence, plain(where))
    results.print(table)


@app.command()
def show(
    bundle: Annotated[
        Path | None, typer.Argument(help="A bundle's folder or name; the default bundle if left out.")
    ] = None,
) -> None:
    """Print a bundle's card as JSON, after checking the model's hash."""
    from bonaface.bundle import bundle_folder, read_card

    card = asdict(read_card(bundle_folder(bundle)))
    results.print_json(json.dumps(card))


@app.command()
def fetch(name: Annotated[str, typer.Argument(help="A name of 'bonaface models list', e.g. yunet.")]) -> None:
    """Download a model's file and check its sha256."""
    from bonaface.faces.fetch import fetch as download

    say(str(download(name)))
