"""The dev figure that chooses the epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from bonaface.contract import InputContract
from bonaface.evaluation.curves import auc_of
from bonaface.models.detector import Detector
from bonaface.models.pixels import normalise


@dataclass(frozen=True, slots=True)
class DevFigures:
    """Threshold-free figures on the dev crops.

    Attributes:
        mean_auc: Mean over species of the AUC against all bona fide: each species counts alike.
        auc: Of all attacks together.
        species_auc: Of each species.
    """

    mean_auc: float
    auc: float
    species_auc: dict[str, float]

    @property
    def value(self) -> float:
        """Chooses the epoch."""
        return self.mean_auc

    @property
    def line(self) -> str:
        """For people."""
        species = "  ".join(f"{name} {value:.3f}" for name, value in self.species_auc.items())
        return f"dev AUC mean {self.mean_auc:.4f}  {species}"


def judge(
    model: Detector, loader: Iterable[Mapping[str, Any]], accelerator: Accelerator, *, contract: InputContract,
    species_names: tuple[str, ...],
) -> DevFigures:  # fmt: skip
    """Score the dev crops, on all processes together."""
    model.eval()
    logits: list[np.ndarray[Any, Any]] = []
    labels: list[np.ndarray[Any, Any]] = []
    species: list[np.ndarray[Any, Any]] = []
    with torch.no_grad():
        for batch in loader:
            pixels = normalise(batch["crop"], mean=contract.mean, std=contract.std)
            evidence = model(pixels.contiguous(memory_format=torch.channels_last))
            found = accelerator.gather_for_metrics((evidence.attack_logit, batch["label"], batch["species"]))
            for part, values in zip((logits, labels, species), found, strict=True):
                part.append(values.float().cpu().numpy())
    return figures(np.concatenate(logits), np.concatenate(labels) > 0, np.concatenate(species), species_names)


def figures(
    scores: np.ndarray[Any, Any], is_attack: np.ndarray[Any, Any], species: np.ndarray[Any, Any],
    species_names: tuple[str, ...],
) -> DevFigures:  # fmt: skip
    """Figures of scores (rows,), higher = attack, with the index of each row's species."""
    by_species = {}
    for number, name in enumerate(species_names):
        rows = (species == number) & is_attack
        if rows.any():
            keep = rows | ~is_attack
            by_species[name] = float(auc_of(scores[keep], is_attack[keep]))
    mean = float(np.mean(list(by_species.values())))
    return DevFigures(mean, float(auc_of(scores, is_attack)), by_species)
