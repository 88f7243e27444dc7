"""One call from a manifest to a trained run with its record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bonaface.data.clue_schedule import Clues, scheduled
from bonaface.data.distance import largest_face_px
from bonaface.data.manifest import Manifest, read_manifest
from bonaface.errors import RecipeError
from bonaface.faces.finder import Finder
from bonaface.models.architecture import build_detector
from bonaface.training.distillation import teachers_of
from bonaface.training.frozen import is_frozen, run_frozen
from bonaface.training.held_back import without_held_back
from bonaface.training.hidden_cells import HiddenCells
from bonaface.training.loop import Result, accelerator_of, saved_run, train
from bonaface.training.material import Material, gather
from bonaface.training.recipe import Recipe, Simulated
from bonaface.training.record import begun, ended, read_record, write_record
from bonaface.training.start import check_start, start_of
from bonaface.training.stored_material import gather_stored
from bonaface.training.trainable import let_learn

PAIRS = "pairs"


def run_recipe(
    recipe: Recipe,
    manifest_path: Path,
    out: Path,
    *,
    finder: Finder,
    command: str,
    is_resumed: bool = False,
    start_from: Path | None = None,
    kept_in: Path | None = None,
    on_row: Callable[[], None] = lambda: None,
) -> Result:
    """Read the pictures, train, and keep `run.json` beside the checkpoints at the start and at the end.

    What the manifest keeps for test alone is not simulated, see `training.held_back`; the record has the recipe without.

    Resuming a finished run changes nothing. Under `torchrun` all processes call this, and the main one writes.

    Args:
        recipe: What to do.
        manifest_path: Pictures, CSV or Parquet; the test split is not opened.
        out: The run's folder.
        finder: The one that the recipe's contract names.
        command: The exact command line, for the record.
        is_resumed: Continue from the `last` checkpoint in `out`.
        start_from: Another run's folder, whose best weights a new run starts from; or a bundle that brings its weights.
        kept_in: Folder of simulated pairs, where the recipe keeps them; several runs may share it. None = in `out`.
        on_row: Called after each picture of the manifest's train and dev splits, for a progress bar.

    Raises:
        CheckpointError: If `out` holds a run already; when resuming, if it holds none, or one of another recipe; if
            the run to start from has no whole checkpoint, or one of another model.
        ManifestError: If the manifest or its pictures are not fit to train on.
        RecipeError: If the recipe does not fit the finder, the number of samples or the encoder, or the loss is not
            finite.
    """
    manifest = read_manifest(manifest_path)
    if isinstance(recipe.data, Clues):
        recipe = replace(recipe, data=scheduled(recipe.data, manifest))
    if isinstance(recipe.data, Simulated):
        recipe = replace(recipe, mixture=without_held_back(recipe.mixture, manifest))
    # these refuse before the minutes that reading pictures takes
    saved_run(recipe, out, is_resumed=is_resumed)
    if not is_resumed:
        check_start(recipe, is_given=start_from is not None)
        _check_model(recipe)
    earlier = read_record(out) if is_resumed else None
    start, parent = None, None
    if start_from is not None and not is_resumed:
        if is_frozen(recipe):
            raise RecipeError(
                "a detector of which nothing is tuned must start from its encoder's own weights; leave --start-from out"
            )
        begin = start_of(start_from)
        start, parent = begin.weights, begin.record
    material = _gathered(recipe, manifest, finder, on_row)
    material = replace(material, kept_in=kept_in or out / PAIRS)
    is_writing = accelerator_of(recipe).is_main_process and not (earlier and earlier.finished)
    record = begun(recipe, material, command=command, earlier=earlier, parent=parent)
    if is_writing:
        write_record(out, record)
    if is_frozen(recipe):
        result = run_frozen(recipe, material, out, is_resumed=is_resumed)
    else:
        result = train(recipe, material, out, is_resumed=is_resumed, start=start)
    if is_writing:
        write_record(out, ended(record, result.progress, is_finished=result.is_finished, out=out))
    return result


def _check_model(recipe: Recipe) -> None:
    """Raise what building and freezing the model will raise."""
    if recipe.masking is not None:
        HiddenCells(recipe)
        return
    if is_frozen(recipe) and recipe.distillation is not None:
        raise RecipeError(
            "a detector of which nothing is tuned can not learn from a teacher; leave --teacher out"
        )
    teachers_of(recipe)
    contract = recipe.contract
    model = build_detector(recipe.model, mean=contract.mean, std=contract.std, seed=recipe.seed)
    if not is_frozen(recipe):
        let_learn(model, recipe.model)


def _gathered(recipe: Recipe, manifest: Manifest, finder: Finder, on_row: Callable[[], None]) -> Material:
    if isinstance(recipe.data, Simulated):
        return gather(
            manifest,
            finder=finder,
            contract=recipe.contract,
            mixture=recipe.mixture,
            seed=recipe.seed,
            is_attacked=recipe.masking is None,
            train_face_px=largest_face_px(recipe.augmentation),
            on_row=on_row,
        )
    return gather_stored(manifest, contract=recipe.contract, on_row=on_row)
