"""`run.json`: how a run was made, so that anyone can judge its numbers or make them again."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import accelerate
import cv2
import numpy as np
import pydantic
import torch
import transformers

import bonaface
from bonaface.errors import CheckpointError
from bonaface.training.checkpoint import Progress
from bonaface.training.events import RECORD, read_events
from bonaface.training.material import Material
from bonaface.training.recipe import Recipe, to_dict


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of one kind that a run used, in train and dev together."""

    source: str
    licence: str
    species: str
    count: int


@dataclass(frozen=True, slots=True)
class Record:
    """What `run.json` holds.

    Attributes:
        recipe: As plain values.
        command: The command line that started the run.
        resumed_by: Those that resumed it, in order.
        seed: The recipe's.
        versions: Of everything that can move a number, in the last start.
        hardware: Processor, cores and accelerators of the last start.
        pictures: What was used.
        left_out: Pictures without a usable face, counted by reason.
        num_train: Pictures that samples are drawn from.
        num_dev: Crops that the epoch is chosen by.
        started: When the run was first started; ISO 8601, UTC.
        finished: When its last epoch ended; None before.
        seconds: Spent in the loop, over all resumes.
        best_epoch: The epoch that dev chose, from 0; None before the first ended.
        dev: The dev figures of that epoch.
        learned: Species of the train split's pictures, where these are learned from as they are.
        earlier_runs: Runs whose weights this one started from, the first one first: command, seed, seconds, recipe, pictures and
            what was learned of them; those of before 0.18 have the first three alone.
    """

    recipe: Mapping[str, Any]
    command: str
    resumed_by: tuple[str, ...]
    seed: int
    versions: Mapping[str, str]
    hardware: Mapping[str, Any]
    pictures: tuple[Pictures, ...]
    left_out: Mapping[str, int]
    num_train: int
    num_dev: int
    started: str
    finished: str | None = None
    seconds: float = 0.0
    best_epoch: int | None = None
    dev: Mapping[str, Any] | None = None
    earlier_runs: tuple[Mapping[str, Any], ...] = ()
    learned: tuple[str, ...] = ()


def begun(
    recipe: Recipe,
    material: Material,
    *,
    command: str,
    earlier: Record | None = None,
    parent: Record | None = None,
) -> Record:
    """The record of a run that starts.

    Args:
        recipe: What will be done.
        material: What it learns from.
        command: The exact command line.
        earlier: The record so far, where the run is resumed.
        parent: The record of the run that it starts from.
    """
    fresh = Record(
        recipe=to_dict(recipe),
        command=command,
        resumed_by=(),
        seed=recipe.seed,
        versions=versions(),
        hardware=hardware(),
        pictures=tuple(Pictures(*kind, count) for kind, count in sorted(material.sources.items())),
        left_out=dict(material.left_out),
        num_train=len(material.scenes) + len(material.pictures),
        num_dev=len(material.dev),
        started=_now(),
        earlier_runs=() if parent is None else (*parent.earlier_runs, _brief(parent)),
        learned=tuple(sorted({one.species.name for one in material.pictures})),
    )
    if earlier is None:
        return fresh
    return replace(
        fresh,
        command=earlier.command,
        resumed_by=(*earlier.resumed_by, command),
        started=earlier.started,
        seconds=earlier.seconds,
        best_epoch=earlier.best_epoch,
        dev=earlier.dev,
        earlier_runs=earlier.earlier_runs,
    )


def _brief(record: Record) -> dict[str, Any]:
    kept = ("command", "seed", "seconds", "recipe", "pictures", "learned")
    return {name: value for name, value in asdict(record).items() if name in kept}


def ended(record: Record, progress: Progress, *, is_finished: bool, out: Path) -> Record:
    """The record of a run that finished or was stopped; the dev figures come from its events."""
    figures = {e["epoch"]: e["dev"] for e in read_events(out) if e["event"] == "epoch"}
    has_best = progress.best_epoch in figures
    return replace(
        record,
        finished=_now() if is_finished else None,
        seconds=round(progress.seconds, 1),
        best_epoch=progress.best_epoch if has_best else None,
        dev=figures[progress.best_epoch] if has_best else None,
    )


def write_record(out: Path, record: Record) -> None:
    """Put `run.json` into the run's folder, whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    fresh = out / (RECORD + ".new")
    fresh.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
    fresh.replace(out / RECORD)


def read_record(out: Path) -> Record | None:
    """The record in a run's folder; None where there is none.

    Raises:
        CheckpointError: If it is cut or altered.
    """
    path = out / RECORD
    if not path.is_file():
        return None
    try:
        return pydantic.TypeAdapter(Record).validate_json(path.read_bytes())
    except pydantic.ValidationError:
        raise CheckpointError(f"{path} is cut or altered; move it away to go on without it") from None


def versions() -> dict[str, str]:
    """Of everything that can move a number."""
    modules = (bonaface, torch, transformers, accelerate, np)
    named = {module.__name__: str(module.__version__) for module in modules}
    return {"python": platform.python_version(), **named, "opencv": cv2.__version__}


def hardware() -> dict[str, Any]:
    """What the run computes on: `cpu`, `num_cores` it may use, and `gpus` by name."""
    can_ask = hasattr(os, "sched_getaffinity")
    return {
        "cpu": _cpu_name(),
        "num_cores": len(os.sched_getaffinity(0)) if can_ask else os.cpu_count() or 1,
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
