"""Detectors whose encoder does not learn: zero-shot by texts, and the linear probe. Runs like those of the loop."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import torch
from accelerate import Accelerator
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bonaface.errors import RecipeError
from bonaface.models.anchors import Anchors
from bonaface.models.architecture import build_detector, structure_of
from bonaface.models.detector import Detector, any_attack_logit
from bonaface.models.linear_head import LinearHead
from bonaface.training import checkpoint
from bonaface.training.checkpoint import BEST, LAST
from bonaface.training.embeddings import Embedded, EmbeddingStore
from bonaface.training.events import append_event, forget_from
from bonaface.training.judgement import DevFigures, figures
from bonaface.training.loop import Result, accelerator_of, saved_run
from bonaface.training.material import Material
from bonaface.training.probe import Lessons, solutions
from bonaface.training.recipe import Recipe, to_dict
from bonaface.training.stopping import stop_requests
from bonaface.vocabulary import FAMILIES

EMBEDDINGS = "embeddings"
"""Where a run keeps what its encoder made of the samples; it may be deleted when the run is finished."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What came out.

    Attributes:
        anchors: The head; as it was built, or solved for.
        dev: Its dev figures.
        remarks: For the events: of a head that was solved for, its penalty, the dev figure of every penalty, and the
            families that the samples could not teach.
    """

    anchors: Anchors
    dev: DevFigures
    remarks: dict[str, Any]


def is_frozen(recipe: Recipe) -> bool:
    """Whether nothing of the recipe's detector is stepped by the loop: `run_frozen` carries it out."""
    return getattr(recipe.model, "tuned", "all") in {"nothing", "probe"}


def run_frozen(
    recipe: Recipe, material: Material, out: Path, *, is_resumed: bool = False, embeddings: Path | None = None
) -> Result:
    """Judge a detector as it is built; or, where its head is a `LinearHead`, solve for that first.

    `out` gets what a run of the loop leaves there: checkpoints `last` and `best`, and a line in `events.jsonl`. Every
    sample goes through the encoder once, and what comes out is kept, so that a stopped run goes on where it was. The
    samples of all epochs are learned from together; dev chooses the penalty as it chooses the epoch elsewhere.

    Args:
        recipe: What to do; nothing of its optimisation is used.
        material: What to learn from and be judged by.
        out: The run's folder.
        is_resumed: Go on with the run in `out`.
        embeddings: A folder that several runs may share; one in `out` when None.

    Raises:
        CheckpointError: If `out` holds a run already; when resuming, if it holds none, or one of another recipe.
        RecipeError: If several processes are at it.
    """
    started = time.monotonic()
    # before workers fork: a child that inherits OpenCV's thread pool waits for it forever
    cv2.setNumThreads(1)
    saved = saved_run(recipe, out, is_resumed=is_resumed)
    progress = checkpoint.Progress() if saved is None else saved.progress
    accelerator = accelerator_of(recipe)
    if accelerator.num_processes > 1:
        raise RecipeError(
            f"an encoder that does not learn must be run by one process; got {accelerator.num_processes}; start it "
            "without torchrun"
        )
    if progress.epoch:
        return Result(progress, True, 0.0)
    detector = _built(recipe, saved)
    if saved is None:
        _save(out / LAST, detector, recipe, progress)
    found = _judged(detector, recipe, material, embeddings or out / EMBEDDINGS, accelerator)
    seconds = time.monotonic() - started
    progress = replace(progress, seconds=progress.seconds + seconds)
    if found is not None:
        progress = replace(progress, epoch=recipe.epochs, best_epoch=0, best_value=found.dev.mean_auc)
        forget_from(out, 0)
        append_event(
            out, "epoch", epoch=0, dev=asdict(found.dev), best_epoch=0, seconds=round(progress.seconds, 1),
            **found.remarks,
        )  # fmt: skip
        detector = Detector(detector.encoder, found.anchors)
        _save(out / BEST, detector, recipe, progress)
    _save(out / LAST, detector, recipe, progress)
    return Result(progress, found is not None, seconds)


def _built(recipe: Recipe, saved: checkpoint.Checkpoint | None) -> Detector:
    structure = None if saved is None else saved.structure
    mean, std = recipe.contract.mean, recipe.contract.std
    detector = build_detector(recipe.model, mean=mean, std=std, seed=recipe.seed, structure=structure)
    if saved is not None:
        detector.load_state_dict(saved.weights)
    return detector.eval()


def _save(folder: Path, detector: Detector, recipe: Recipe, progress: checkpoint.Progress) -> None:
    checkpoint.save_checkpoint(
        folder, weights=detector.state_dict(), loop=None, progress=progress, recipe=to_dict(recipe),
        structure=structure_of(detector),
    )  # fmt: skip


def _judged(
    detector: Detector, recipe: Recipe, material: Material, embeddings: Path, accelerator: Accelerator
) -> Judged | None:
    """What came out; None when it was asked to stop first."""
    is_probe = isinstance(detector.anchors, LinearHead)
    columns = (TextColumn("embeddings"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with stop_requests() as stop, Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        store = EmbeddingStore(
            embeddings, detector.encoder.to(accelerator.device), recipe, material,
            on_samples=lambda count: bar.advance(task, count), is_stopped=stop.is_set,
        )  # fmt: skip
        bar.update(task, total=store.num_dev + is_probe * store.num_train)
        dev, names = store.dev(), material.dev.species_names
        if dev is None:
            return None
        if not is_probe:
            anchors = detector.anchors.cpu()
            return Judged(anchors, dev_figures(anchors, dev, names), {})
        train = store.train()
    return None if train is None else probed(train, dev, names, num_families=recipe.model.num_families)


def probed(train: Embedded, dev: Embedded, names: tuple[str, ...], *, num_families: int) -> Judged:
    """The head that is best on dev, of those with each penalty; of equals, the one with the stronger penalty.

    Args:
        train: What it is solved for.
        dev: What chooses the penalty.
        names: Of the species in dev.
        num_families: 1 for a head that tells attacks and not their families.
    """
    targets, known = train.targets, train.known
    if num_families == 1:
        known = (~train.label.isnan()).float()[:, None]
        targets = train.label.nan_to_num()[:, None]
    best: Judged | None = None
    aucs: dict[str, float] = {}
    for solution in solutions(Lessons(train.embedding, targets, known)):
        found = dev_figures(solution.head, dev, names)
        aucs[f"{solution.penalty:g}"] = found.mean_auc
        if best is None or found.mean_auc > best.dev.mean_auc:
            untaught = [FAMILIES[family].value for family in solution.untaught]
            best = Judged(solution.head, found, {"penalty": solution.penalty, "untaught": untaught})
    assert best is not None
    return replace(best, remarks=best.remarks | {"dev_auc_by_penalty": aucs})


def dev_figures(anchors: Anchors, dev: Embedded, names: tuple[str, ...]) -> DevFigures:
    """The figures that the loop chooses epochs by, of a head on embeddings."""
    with torch.no_grad():
        scores = any_attack_logit(anchors(dev.embedding))
    return figures(scores.numpy(), (dev.label > 0).numpy(), dev.species.numpy(), names)
