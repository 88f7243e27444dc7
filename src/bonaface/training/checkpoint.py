"""Checkpoints: weights in safetensors, the state of the loop beside them, and a JSON that explains both."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from bonaface.errors import CheckpointError

_MODEL, _LOOP, _CARD = "model.safetensors", "loop.pt", "checkpoint.json"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    Attributes:
        epoch: The epoch under way, from 0.
        step: Steps of it that are done.
        best_epoch: The epoch with the best dev figure so far; -1 before the first.
        best_value: That figure, higher = better.
    """

    epoch: int = 0
    step: int = 0
    best_epoch: int = -1
    best_value: float = -1.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What `load_checkpoint` returns.

    Attributes:
        weights: The model's tensors by name.
        loop: Optimiser, schedule, averaged weights and generator states; empty where only weights were saved.
        progress: Where the run stood.
        recipe: The recipe as plain values.
    """

    weights: dict[str, Tensor]
    loop: dict[str, Any]
    progress: Progress
    recipe: dict[str, Any]


def save_checkpoint(
    folder: Path,
    *,
    weights: Mapping[str, Tensor],
    loop: Mapping[str, Any] | None,
    progress: Progress,
    recipe: Mapping[str, Any],
) -> None:
    """Write a checkpoint beside the old one, then put it in its place: a cut leaves the old one whole."""
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, fresh / _MODEL)
    if loop is not None:
        torch.save(dict(loop), fresh / _LOOP)
    files = {file.name: _sha256(file) for file in sorted(fresh.iterdir())}
    card = {"format": 1, "progress": asdict(progress), "recipe": dict(recipe), "sha256": files}
    (fresh / _CARD).write_text(json.dumps(card, indent=1), encoding="utf-8")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(fresh, folder)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint, checking every file's hash. Nothing in it is ever executed.

    Raises:
        CheckpointError: If a file is missing, cut or altered.
    """
    card_path = folder / _CARD
    if not card_path.is_file():
        old = folder.with_name(folder.name + ".old")
        if (old / _CARD).is_file():  # stopped between the two renames of `save_checkpoint`
            return load_checkpoint(old)
        raise CheckpointError(f"{folder} must be a checkpoint; it has no {_CARD}; give a run's folder")
    try:
        card = json.loads(card_path.read_text(encoding="utf-8"))
        expected, progress, recipe = card["sha256"], Progress(**card["progress"]), card["recipe"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        raise CheckpointError(f"{card_path} is cut or altered; use an earlier checkpoint") from None
    for name, digest in expected.items():
        file = folder / name
        if not file.is_file() or _sha256(file) != digest:
            raise CheckpointError(f"{file} is cut or altered (its sha256 differs); use an earlier checkpoint")
    try:
        weights = load_file(folder / _MODEL)
        loop = torch.load(folder / _LOOP, weights_only=True) if _LOOP in expected else {}
    except (SafetensorError, RuntimeError, OSError) as error:
        raise CheckpointError(f"{folder} can not be read ({error}); use an earlier checkpoint") from None
    return Checkpoint(weights, loop, progress, recipe)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
