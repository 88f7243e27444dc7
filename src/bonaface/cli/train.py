"""`bonaface train`: a detector by a recipe."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bonaface.cli.console import progress_bar, remark, say
from bonaface.errors import MissingExtraError, RecipeError
from bonaface.vocabulary import Split

if TYPE_CHECKING:
    from bonaface.data.manifest import Manifest
    from bonaface.training.loop import Result
    from bonaface.training.recipe import Recipe


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
        Path | None,
        typer.Option(
            help="Another run's folder, whose best weights this one starts from; or a bundle that brings its weights, "
            "as the embedded default does: small."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Where a pretrained encoder is, for recipes that want one: a folder, a file in OpenAI's layout, or with "
            "--set model.is_fetched=true a name on the hub."
        ),
    ] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(
            help="A run's folder whose detector is learned from beside the labels. May be repeated."
        ),
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
    from bonaface.faces.fetch import fetched
    from bonaface.faces.finder import finder_for

    keep_freed_memory()
    named = recipe_named(recipe)
    chosen = overridden(named, [*_places(named, weights, teacher or []), *(settings or [])])
    command = shlex.join(["bonaface", *sys.argv[1:]])
    manifest = assigned(read_manifest(data))
    for note in _notes(chosen, manifest):
        remark(f"note: {note}")
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
    if result.is_main:
        _tell(result, chosen, out)
    if not result.is_finished:
        raise typer.Exit(143)


def _notes(recipe: Recipe, manifest: Manifest) -> Iterator[str]:
    """What is worth knowing before the first step."""
    from bonaface.data.clue_schedule import NOT_COMPARABLE, Clues
    from bonaface.data.protocols.audit import audit
    from bonaface.training.recipe import Simulated

    if not isinstance(recipe.data, Simulated):  # simulated data have every family in every split
        yield from audit(manifest).notes
    if isinstance(recipe.data, Clues) and recipe.data.is_dev_merged:
        yield NOT_COMPARABLE


def _places(recipe: Recipe, weights: str | None, teachers: list[Path]) -> list[str]:
    """Settings that say where what a recipe needs is."""
    from bonaface.training.recipe import Teaching

    if weights is not None and not hasattr(recipe.model, "source"):
        raise RecipeError(
            f"--weights must be given with a recipe that wants a pretrained encoder; {recipe.name} trains its own; leave it away, "
            "or begin with another run's weights by --start-from"
        )
    places = [] if weights is None else [f"model.source={json.dumps(weights)}"]
    if teachers:
        how = replace(recipe.distillation or Teaching(), teachers=tuple(str(one) for one in teachers))
        places.append(f"distillation={json.dumps(asdict(how))}")
    return places


def _tell(result: Result, recipe: Recipe, out: Path) -> None:
    """How the run ended, and what follows."""
    progress = result.progress
    if not result.is_finished:
        remark(f"stopped in epoch {progress.epoch + 1}; go on with --resume")
        return
    figure, follows = "AUC", f"bonaface export {out} BUNDLE"
    if recipe.masking is not None:
        figure, follows = "explained", f"bonaface train RECIPE --start-from {out}"
    say(
        f"finished: best epoch {progress.best_epoch + 1}, dev {figure} {progress.best_value:.4f}; next: {follows}"
    )
