"""Checkpoints: weights in safetensors, the state of the loop beside them, and a JSON that explains both."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pydantic
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from bonaface.digest import sha256_of
from bonaface.errors import CheckpointError

LAST, BEST = "last", "best"
"""Folders of a run's checkpoints: what resumes it, and the weights that dev prefers."""

_MODEL, _LOOP, _CARD = "model.safetensors", "loop.pt", "checkpoint.json"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    Attributes:
        epoch: The epoch under way, from 0.
        step: Steps of it that are done.
        loss_sum: Sum of their losses.
        best_epoch: The epoch with the best dev figure so far; -1 before the first.
        best_value: That figure, higher = better; says nothing before the first.
        num_processes: How many train together; they share the samples of an epoch.
        seconds: Spent on the run so far, stops and resumes left out. Two runs may be equal but for it.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    best_epoch: int = -1
    best_value: float = -1.0
    num_processes: int = 1
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What `load_checkpoint` returns.

    Attributes:
        weights: The model's tensors by name.
        loop: Optimiser, schedule, averaged weights and generator states; empty where only weights were saved.
        progress: Where the run stood.
        recipe: The recipe as plain values.
        structure: What the model is built of beyond the recipe, see `models.architecture.structure_of`.
    """

    weights: dict[str, Tensor]
    loop: dict[str, Any]
    progress: Progress
    recipe: dict[str, Any]
    structure: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    folder: Path,
    *,
    weights: Mapping[str, Tensor],
    loop: Mapping[str, Any] | None,
    progress: Progress,
    recipe: Mapping[str, Any],
    structure: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint beside the old one, then put it in its place: a cut leaves the old one whole."""
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, fresh / _MODEL)
    if loop is not None:
        torch.save(dict(loop), fresh / _LOOP)
    files = {file.name: sha256_of(file) for file in sorted(fresh.iterdir())}
    card = {"format": 1, "progress": asdict(progress), "recipe": dict(recipe), "sha256": files}
    card |= {"structure": dict(structure)} if structure else {}
    (fresh / _CARD).write_text(json.dumps(card, indent=1), encoding="utf-8")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def has_checkpoint(folder: Path) -> bool:
    """Whether `load_checkpoint` has something to read there, whole or not."""
    return _standing(folder) is not None


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint, checking every file's hash. Nothing in it is ever executed.

    Raises:
        CheckpointError: If a file is missing, cut or altered.
    """
    found = _standing(folder)
    if found is None:
        raise CheckpointError(f"{folder} must be a checkpoint; it has no {_CARD}; give a run's folder")
    card_path = found / _CARD
    try:
        card = json.loads(card_path.read_text(encoding="utf-8"))
        expected, recipe = dict(card["sha256"]), dict(card["recipe"])
        structure = dict(card.get("structure", {}))
        progress = pydantic.TypeAdapter(Progress).validate_python(asdict(Progress(**card["progress"])))
    except (ValueError, KeyError, TypeError):
        raise CheckpointError(f"{card_path} is cut or altered; use an earlier checkpoint") from None
    for name, digest in ({_MODEL: None} | expected).items():
        file = found / name
        if not file.is_file() or sha256_of(file) != digest:
            raise CheckpointError(f"{file} is cut or altered (its sha256 differs); use an earlier checkpoint")
    try:
        weights = load_file(found / _MODEL)
        loop = _tensors(found / _LOOP) if _LOOP in expected else {}
    except (SafetensorError, RuntimeError, OSError):
        raise CheckpointError(f"{found} can not be read; use an earlier checkpoint") from None
    return Checkpoint(weights, loop, progress, recipe, structure)


def _standing(folder: Path) -> Path | None:
    """The folder, or the one before it where a stop fell between the two renames of `save_checkpoint`."""
    places = (folder, folder.with_name(folder.name + ".old"))
    return next((place for place in places if (place / _CARD).is_file()), None)


def _tensors(path: Path) -> dict[str, Any]:
    """Tensors and plain values; a pickle that asks for anything else is refused unexecuted."""
    try:
        held: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    except Exception:  # a crafted pickle can make torch's reader raise nearly anything
        raise CheckpointError(
            f"{path} must hold tensors and plain values only; it does not; use a checkpoint you trust"
        ) from None
    return held
