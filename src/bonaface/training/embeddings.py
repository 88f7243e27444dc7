"""Embeddings of samples by an encoder that does not move: computed once, and kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import Subset

import bonaface
from bonaface.data.dataset import scenes_digest
from bonaface.models.pixels import normalise
from bonaface.training.feeding import loader_of, samples_of
from bonaface.training.material import Material
from bonaface.training.recipe import Recipe

PART = 256
"""Samples of a file, the most that a stop costs."""

KEPT = ("label", "targets", "known", "species")
"""Of a sample, beside its embedding."""

MAKE_SAMPLES = ("contract", "data", "mixture", "augmentation", "samples_per_epoch", "seed", "mixed_precision")
"""The settings of a recipe that decide the embeddings of an epoch, given encoder and pictures."""

Part = dict[str, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Samples as an encoder sees them.

    Attributes:
        embedding: (samples, width) float32, of length 1.
        label: (samples,), 1 = attack.
        targets: (samples, families), 1 = attack of that family.
        known: (samples, families), 0 where a sample says nothing about a family.
        species: (samples,), the index of each one's species in the names of its dataset.
    """

    embedding: Tensor
    label: Tensor
    targets: Tensor
    known: Tensor
    species: Tensor


class EmbeddingStore:
    """Embeddings of a recipe's samples by one encoder, in files of up to `PART` samples; none is made twice.

    They lie in a folder named by a hash of all that decides them, see `key_of`.
    """

    def __init__(
        self,
        folder: Path,
        encoder: nn.Module,
        recipe: Recipe,
        material: Material,
        *,
        on_samples: Callable[[int], None] = lambda _: None,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """A store below `folder`.

        Args:
            folder: It may hold other stores.
            encoder: On any device; it is put into eval mode.
            recipe: How samples are made.
            material: What they are made from.
            on_samples: Called with a number of samples when as many more are there.
            is_stopped: Asked after each batch; when it says yes, the part under way is dropped.
        """
        self._folder = folder / key_of(encoder, recipe, material)
        self._encoder, self._recipe, self._dev = encoder.eval(), recipe, material.dev
        self._train = samples_of(recipe, material)
        self._on_samples, self._is_stopped = on_samples, is_stopped

    @property
    def num_train(self) -> int:
        """Samples of all epochs."""
        return self._recipe.epochs * len(self._train)

    @property
    def num_dev(self) -> int:
        return len(self._dev)

    def train(self) -> Embedded | None:
        """The samples of all epochs, one after the other; None when it was stopped."""
        return _joined(part for epoch in range(self._recipe.epochs) for part in self._of_epoch(epoch))

    def dev(self) -> Embedded | None:
        """The dev samples; None when it was stopped."""
        return _joined(self._parts("dev", self._dev))

    def _of_epoch(self, epoch: int) -> Iterator[Part | None]:
        self._train.set_epoch(epoch)
        return self._parts(f"train-{epoch}", self._train)

    def _parts(self, name: str, samples: Any) -> Iterator[Part | None]:
        for start in range(0, len(samples), PART):
            numbers = range(start, min(start + PART, len(samples)))
            file = self._folder / f"{name}-{start}.safetensors"
            part = _read(file)
            if part is not None:
                self._on_samples(len(numbers))
            else:
                part = self._embedded(Subset(samples, numbers))
                if part is not None:
                    _write(file, part)
            yield part

    def _embedded(self, samples: Any) -> Part | None:
        contract, is_half = self._recipe.contract, self._recipe.mixed_precision == "bf16"
        device = next(self._encoder.parameters()).device
        batches: list[Part] = []
        with torch.no_grad():
            for batch in loader_of(samples, self._recipe, drops_last=False):
                pixels = normalise(batch["crop"].to(device), mean=contract.mean, std=contract.std)
                with torch.autocast(device.type, torch.bfloat16, enabled=is_half):
                    embedding = self._encoder(pixels)
                unit = F.normalize(embedding.float(), dim=-1).cpu()
                batches.append({"embedding": unit} | {name: batch[name] for name in KEPT})
                self._on_samples(len(unit))
                if self._is_stopped():
                    return None
        return {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}


def key_of(encoder: nn.Module, recipe: Recipe, material: Material) -> str:
    """A name that changes with the encoder's weights, what samples are made from and how, or this package's version.

    Pictures that are read from their files again in every epoch count by path, size and time of change.
    """
    digest = hashlib.sha256(bonaface.__version__.encode())
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    plain = asdict(recipe)
    digest.update(json.dumps({name: plain[name] for name in MAKE_SAMPLES}, sort_keys=True).encode())
    digest.update(scenes_digest(material.scenes).encode())
    for held in material.pictures:
        state = held.path.stat()
        digest.update(f"{held.path} {held.species.name} {state.st_size} {state.st_mtime_ns}".encode())
    for number in range(len(material.dev)):
        sample = material.dev[number]
        digest.update(sample["crop"].numpy().tobytes())
        digest.update(f"{material.dev.species_names[int(sample['species'])]}".encode())
    return digest.hexdigest()[:32]


def _joined(parts: Iterator[Part | None]) -> Embedded | None:
    held: list[Part] = []
    for part in parts:
        if part is None:
            return None
        held.append(part)
    return Embedded(**{name: torch.cat([part[name] for part in held]) for name in held[0]})


def _read(file: Path) -> Part | None:
    """The part in a file; None where there is none, or not a whole one."""
    try:
        return load_file(file)
    except (FileNotFoundError, SafetensorError):
        return None


def _write(file: Path, part: Part) -> None:
    """Whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    save_file({name: tensor.contiguous() for name, tensor in part.items()}, fresh)
    fresh.replace(file)
