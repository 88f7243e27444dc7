"""One run of a comparison: trained by the one loop, exported, scored once, and recognised again by its record."""

from __future__ import annotations

import gc
import json
import shutil
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pydantic
from accelerate.state import AcceleratorState, GradientState

from bonaface.data.manifest import check_files, read_manifest
from bonaface.data.splits import assigned
from bonaface.digest import sha256_of
from bonaface.errors import BonafaceError, CheckpointError, ManifestError, RecipeError
from bonaface.evaluation.json_file import write_object
from bonaface.evaluation.scoring import check_once
from bonaface.faces.finder import Finder
from bonaface.training.checkpoint import LAST, has_checkpoint
from bonaface.training.export import export_run
from bonaface.training.recipe import Recipe, from_dict, to_dict
from bonaface.training.record import read_record
from bonaface.training.run import PAIRS, run_recipe
from bonaface.vocabulary import Split

Bar = Callable[[str, int], AbstractContextManager[Callable[[], None]]]

RECORD, SCORES, BUNDLE, TRACE = "cell.json", "scores.csv", "bundle", "failure.txt"


@dataclass(frozen=True, eq=False)
class Cell:
    """A recipe under a protocol, with a seed. Final.

    Attributes:
        recipe_name: As the plan names it.
        protocol: Likewise.
        part: Of a protocol of several manifests; empty where there is one.
        recipe: With the run's seed.
        manifest: Of the protocol, or of the part.
    """

    recipe_name: str
    protocol: str
    part: str
    recipe: Recipe
    manifest: Path

    @property
    def name(self) -> str:
        """For people."""
        part = f" ({self.part})" if self.part else ""
        return f"{self.recipe_name} on {self.protocol}{part}, seed {self.recipe.seed}"

    def folder(self, out: Path) -> Path:
        """The run's, below that of the comparison."""
        return out / "runs" / self.recipe_name / self.protocol / self.part / str(self.recipe.seed)

    @cached_property
    def manifest_sha256(self) -> str:
        """Of the manifest's bytes: what its rows say, not what their pictures hold."""
        return sha256_of(self.manifest)


@dataclass(frozen=True, slots=True)
class CellRecord:
    """What `cell.json` holds.

    Attributes:
        recipe: As plain values, with the seed.
        manifest_sha256: Of the manifest that it was begun with.
        state: `failed` runs are tried again.
        reason: Why it failed.
        seconds: Spent on it; of a finished run.
        scores_sha256: Of the finished score table.
    """

    recipe: Mapping[str, Any]
    manifest_sha256: str
    state: Literal["begun", "finished", "failed"]
    reason: str = ""
    seconds: float = 0.0
    scores_sha256: str = ""


def known_cell(cell: Cell, out: Path) -> CellRecord | None:
    """The record of a run that was begun before, None of a new one. Only `finished` ones are done.

    Raises:
        CheckpointError: If it was begun with another recipe or another manifest, or its record or scores are altered.
    """
    folder = cell.folder(out)
    record, is_trained = _read(folder / RECORD), has_checkpoint(folder / LAST)
    if record is None and is_trained:
        raise CheckpointError(
            f"{folder} holds a run that no comparison began; move it away, or choose another --out"
        )
    if record is None or (record.state != "finished" and not is_trained):
        return record  # nothing was learned that a new beginning would lose
    changes = _changes(cell, record)
    if changes:
        raise CheckpointError(
            f"{cell.name} was begun with another plan: {changes}; put that back, give it another name in the plan, or "
            f"remove {folder} to train it anew"
        )
    if record.state != "finished":
        return record
    scores = folder / SCORES
    if not scores.is_file():
        return replace(record, state="begun")
    if sha256_of(scores) != record.scores_sha256:
        raise CheckpointError(
            f"{scores} is cut or altered (its sha256 differs); remove it to score the run again"
        )
    return record


def run_cell(
    cell: Cell,
    out: Path,
    *,
    finder: Finder,
    score: Callable[[Path, Path, Path], object],
    command: str,
    bar: Bar,
) -> CellRecord:
    """Train, export and score what is not done yet; a run that was stopped goes on where it was.

    Args:
        cell: What to do; `known_cell` has let it through.
        out: The comparison's folder.
        finder: As for `run_recipe`.
        score: Judges the pictures: of the bundle's folder, the manifest and the score table to write.
        command: The exact command line, for the record.
        bar: Shows how far the reading of pictures is: of a title and their number, yields what advances it by one.

    Returns:
        Its record: `finished`, `failed` with a reason, or `begun` where it was asked to stop.
    """
    folder, started = cell.folder(out), time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    record = CellRecord(to_dict(cell.recipe), cell.manifest_sha256, "begun")
    _write(folder, record)
    try:
        seconds = _trained(cell, out, finder=finder, command=command, bar=bar)
        if seconds is None:
            return record
        if not (folder / BUNDLE).is_dir():
            _export(cell, folder)
        score(folder / BUNDLE, cell.manifest, folder / SCORES)
    except Exception as error:  # one run's failure, whatever it is, must not cost the others
        is_known = isinstance(error, (BonafaceError, OSError))
        if not is_known:
            (folder / TRACE).write_text(traceback.format_exc(), encoding="utf-8")
        reason = str(error) if is_known else f"{type(error).__name__}: {error} (see {folder / TRACE})"
        record = replace(record, state="failed", reason=" ".join(reason.split()))
    else:
        record = replace(
            record,
            state="finished",
            seconds=round(seconds + time.monotonic() - started, 1),
            scores_sha256=sha256_of(folder / SCORES),
        )
    _write(folder, record)
    return record


def check_manifests(cells: Sequence[Cell]) -> None:
    """Raise `ManifestError` where a manifest can not be scored: better before the first run than after the last epoch."""
    for path in dict.fromkeys(cell.manifest for cell in cells):
        manifest = assigned(read_manifest(path))
        check_files(manifest)
        check_once(manifest.of_split(Split.DEV, Split.TEST))
        if not manifest.of_split(Split.TEST).rows:
            raise ManifestError(
                f"{path} must have test rows to compare on; it has none; check its column 'split'"
            )


def seconds_left(spent: Mapping[Cell, float], waiting: Sequence[Cell]) -> float | None:
    """What the waiting runs will take, by the finished ones of the same recipe and protocol, or recipe, or by all.

    Returns:
        None where nothing is finished yet.
    """
    if not spent:
        return None
    total = 0.0
    for cell in waiting:
        own = {one: s for one, s in spent.items() if one.recipe_name == cell.recipe_name}
        same = {one: s for one, s in own.items() if one.protocol == cell.protocol}
        like = same or own or spent
        total += sum(like.values()) / len(like)
    return total


def _trained(cell: Cell, out: Path, *, finder: Finder, command: str, bar: Bar) -> float | None:
    """Seconds spent on the training by earlier processes; None where it was asked to stop."""
    folder = cell.folder(out)
    held = read_record(folder)
    if held is not None and held.finished is not None:
        return held.seconds
    # accelerate keeps the precision of the first run of a process for all that follow, and the last run's model must be
    # gone before the next one comes
    gc.collect()
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    num_rows = len(assigned(read_manifest(cell.manifest)).of_split(Split.TRAIN, Split.DEV).rows)
    with bar("reading pictures", num_rows) as advance:
        result = run_recipe(
            cell.recipe,
            cell.manifest,
            folder,
            finder=finder,
            command=command,
            is_resumed=has_checkpoint(folder / LAST),
            kept_in=out / PAIRS,
            on_row=advance,
        )
    is_done = result.is_finished and not result.is_asked_to_stop
    return result.progress.seconds - result.seconds if is_done else None


def _export(cell: Cell, folder: Path) -> None:
    """The bundle of a trained run, whole or not at all."""
    fresh = folder / (BUNDLE + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    version = "-".join(filter(None, (cell.protocol, cell.part, f"seed{cell.recipe.seed}")))
    export_run(folder, fresh, name=cell.recipe_name, version=version, licence="NOASSERTION")
    fresh.rename(folder / BUNDLE)


def _changes(cell: Cell, record: CellRecord) -> str:
    """What differs from the run's beginning, in words; empty where nothing does."""
    now, before = to_dict(cell.recipe), dict(record.recipe)
    try:  # through `from_dict`, so that a setting younger than the run has its default
        before = to_dict(from_dict(before))
    except RecipeError:
        return "its recipe has settings that are not known any more"
    settings = [f"{key} was {old}, is {new}" for key, old, new in _differences(before, now)]
    if len(settings) > 3:
        settings = [*settings[:3], f"{len(settings) - 3} settings more"]
    manifest = [f"{cell.manifest} has changed"] if cell.manifest_sha256 != record.manifest_sha256 else []
    return ", ".join(settings + manifest)


def _differences(before: Any, now: Any, key: str = "") -> list[tuple[str, str, str]]:
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            found
            for word in dict.fromkeys([*before, *now])
            for found in _differences(before.get(word), now.get(word), f"{key}.{word}".lstrip("."))
        ]
    return [] if before == now else [(key, json.dumps(before), json.dumps(now))]


def _read(path: Path) -> CellRecord | None:
    if not path.is_file():
        return None
    try:
        return pydantic.TypeAdapter(CellRecord).validate_json(path.read_bytes())
    except pydantic.ValidationError:
        raise CheckpointError(f"{path} is cut or altered; remove its folder to train the run anew") from None


def _write(folder: Path, record: CellRecord) -> None:
    write_object(folder / RECORD, asdict(record))
