"""The task of a detector: evidence of attack, in the whole crop and in its cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from accelerate import Accelerator
from torch import Tensor, nn

from bonaface.models.architecture import build_detector
from bonaface.models.detector import Detector, Evidence
from bonaface.models.router_health import recorded
from bonaface.training.auxiliary import AuxiliaryLoss
from bonaface.training.cell_loss import cell_loss
from bonaface.training.judgement import judge
from bonaface.training.losses import evidence_loss
from bonaface.training.recipe import Recipe
from bonaface.training.species_loss import UNKNOWN, species_loss, words_of_shares
from bonaface.training.task import Judged, Learning, Task
from bonaface.training.twin_loss import twin_loss


class Detection(Task):
    """Learning to tell attacks from genuine faces; dev judges by the AUC, the mean over species."""

    def __init__(
        self, recipe: Recipe, species_names: tuple[str, ...], structure: Mapping[str, Any] | None
    ) -> None:
        """Build the detector.

        Args:
            recipe: What to do.
            species_names: Of dev's samples.
            structure: Of a saved detector, see `models.architecture.structure_of`; None for a fresh one.
        """
        contract = recipe.contract
        self.model = build_detector(
            recipe.model, mean=contract.mean, std=contract.std, seed=recipe.seed, structure=structure
        )
        self.beside = AuxiliaryLoss(self.model, recipe.optimisation)
        self._recipe, self._species_names = recipe, species_names
        self._words = words_of_shares(tuple(recipe.mixture.shares)) if recipe.tells_species else None

    def loss(self, learning: Learning, pixels: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Of what the model says of the batch."""
        return self.of_evidence(learning.model(pixels), learning, batch)

    def of_evidence(self, evidence: Evidence, learning: Learning, batch: Mapping[str, Tensor]) -> Tensor:
        """Of the families' evidence and the combined one, of twins and cells where the recipe has it so, and what goes beside."""
        how = self._recipe.optimisation
        auxiliary: Tensor = self.beside(evidence, batch["label"], learning.model)
        total = auxiliary + evidence_loss(
            evidence,
            label=batch["label"],
            targets=batch["targets"],
            known=batch["known"],
            label_smoothing=how.label_smoothing,
            combined_weight=how.combined_weight,
            class_weights=self._recipe.class_weights,
        )
        if how.twin_weight:
            total = total + how.twin_weight * twin_loss(
                evidence.family_logits, targets=batch["targets"], known=batch["compared"]
            )
        if evidence.told is not None and self._words is not None:
            numbers = batch["species"]
            words = self._words.to(numbers.device)[numbers].where(~batch["label"].isnan(), UNKNOWN)
            total = total + how.species_weight * species_loss(evidence.told, crops=batch["crop"], words=words)
        if evidence.cell_logits is None:
            return total
        return total + how.cell_weight * cell_loss(
            evidence.cell_logits,
            crops=batch["crop"],
            targets=batch["targets"],
            known=batch["known"],
            label_smoothing=how.label_smoothing,
        )

    def judge(
        self, average: nn.Module, loader: Iterable[Mapping[str, Any]], accelerator: Accelerator
    ) -> Judged:
        """By the AUC; and what the routers do on this process's share."""
        names = self._species_names
        with recorded(average, names) as routers:
            figures = judge(
                cast(Detector, average), routers.following(loader), accelerator,
                contract=self._recipe.contract, species_names=names,
            )  # fmt: skip
        return Judged(figures, routers.health())
