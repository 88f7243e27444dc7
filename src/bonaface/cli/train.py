"""`bonaface train`: a detector by a recipe."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bonaface.cli.console import progress_bar, remark, say
from bonaface.errors import MissingExtraError
from bonaface.vocabulary import Split


def train(
    recipe: Annotated[
        str, typer.Argument(help="Name of a recipe, e.g. nano, paper or practical; a wrong one lists all.")
    ],
    data: Annotated[Path, typer.Option(help="The manifest of the pictures to learn from.")],
    out: Annotated[Path, typer.Option(help="Folder of the run: checkpoints, run.json, events.jsonl.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting, e.g. --set epochs=3. May be repeated."),
    ] = None,
    start_from: Annotated[
        Path | None, typer.Option(help="Another run's folder, whose best weights this one starts from.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Where a pretrained encoder is, for recipes that want one: a folder, a file in OpenAI's layout, or with "
            "--set model.is_fetched=true a name on the hub."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on exactly where the run stopped.")] = False,
) -> None:
    """Train a detector by a recipe, on one CPU, on one GPU, or on many under torchrun.

    The train split teaches, the dev split chooses the epoch, the test split is not opened.
    """
    try:
        from bonaface.data.clue_schedule import NOT_COMPARABLE, Clues
        from bonaface.training.memory import keep_freed_memory
        from bonaface.training.recipe import Simulated, overridden
        from bonaface.training.recipes import recipe_named
        from bonaface.training.run import run_recipe
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("bonaface"):
            raise
        raise MissingExtraError("bonaface train", extra="train") from None
    from bonaface.data.manifest import read_manifest
    from bonaface.data.protocols.audit import audit
    from bonaface.data.splits import assigned
    from bonaface.faces.fetch import fetched
    from bonaface.faces.finder import finder_for

    keep_freed_memory()
    source = [] if weights is None else [f"model.source={json.dumps(weights)}"]
    chosen = overridden(recipe_named(recipe), [*source, *(settings or [])])
    command = shlex.join(["bonaface", *sys.argv[1:]])
    manifest = assigned(read_manifest(data))
    if not isinstance(chosen.data, Simulated):  # simulated data have every family in every split
        for note in audit(manifest).notes:
            remark(f"note: {note}")
    if isinstance(chosen.data, Clues) and chosen.data.is_dev_merged:
        remark(f"note: {NOT_COMPARABLE}")
    learned = manifest.of_split(Split.TRAIN, Split.DEV)
    with progress_bar("reading pictures", len(learned.rows)) as advance:
        result = run_recipe(
            chosen,
            data,
            out,
            finder=finder_for(
                chosen.contract, yunet=fetched("yunet") if chosen.contract.finder == "yunet" else None
            ),
            command=command,
            is_resumed=resume,
            start_from=start_from,
            on_row=advance,
        )
    if result.is_finished and result.is_main:
        where = f"best epoch {result.progress.best_epoch + 1}, dev AUC {result.progress.best_value:.4f}"
        say(f"finished: {where}; next: bonaface export {out} BUNDLE")
    if not result.is_finished:
        if result.is_main:
            remark(f"stopped in epoch {result.progress.epoch + 1}; go on with --resume")
        raise typer.Exit(143)
