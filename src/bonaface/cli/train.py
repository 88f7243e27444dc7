"""`bonaface train`: a detector by a recipe."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bonaface.cli.console import progress_bar, remark, say
from bonaface.errors import MissingExtraError
from bonaface.vocabulary import Split


def train(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe: nano.")],
    data: Annotated[Path, typer.Option(help="The manifest of the pictures to learn from.")],
    out: Annotated[Path, typer.Option(help="Folder of the run: checkpoints, run.json, events.jsonl.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting, e.g. --set epochs=3. May be repeated."),
    ] = None,
    start_from: Annotated[
        Path | None, typer.Option(help="Another run's folder, whose best weights this one starts from.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on exactly where the run stopped.")] = False,
) -> None:
    """Train a detector by a recipe, on one CPU, on one GPU, or on many under torchrun.

    The train split teaches, the dev split chooses the epoch, the test split is not opened.
    """
    try:
        from bonaface.training.memory import keep_freed_memory
        from bonaface.training.recipe import overridden
        from bonaface.training.recipes import recipe_named
        from bonaface.training.run import run_recipe
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("bonaface"):
            raise
        raise MissingExtraError("bonaface train", extra="train") from None
    from bonaface.data.manifest import read_manifest
    from bonaface.data.splits import assigned
    from bonaface.faces.dlib_hog import DlibHogFinder

    keep_freed_memory()
    chosen = overridden(recipe_named(recipe), settings or [])
    command = shlex.join(["bonaface", *sys.argv[1:]])
    learned = assigned(read_manifest(data)).of_split(Split.TRAIN, Split.DEV)
    with progress_bar("finding faces", len(learned.rows)) as advance:
        result = run_recipe(
            chosen,
            data,
            out,
            finder=DlibHogFinder(),
            command=command,
            is_resumed=resume,
            start_from=start_from,
            on_row=advance,
        )
    if result.is_finished:
        where = f"best epoch {result.progress.best_epoch + 1}, dev AUC {result.progress.best_value:.4f}"
        say(f"finished: {where}; next: bonaface export {out} BUNDLE")
    else:
        remark(f"stopped in epoch {result.progress.epoch + 1}; go on with --resume")
        raise typer.Exit(143)
