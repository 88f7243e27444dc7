"""Learning from what trained detectors say of the same face, beside what it is.

A teacher may be larger, see a larger crop, or be several; what is learned is not only that a face was attacked but how plainly it
shows. Reference: Hinton et al. 2015 (arXiv 1503.02531).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from bonaface.contract import InputContract
from bonaface.errors import RecipeError
from bonaface.models.detector import Detector
from bonaface.models.pixels import normalise
from bonaface.models.two_scales import area_shares
from bonaface.training.detection import Detection
from bonaface.training.recipe import Recipe
from bonaface.training.task import Learning
from bonaface.training.trained import detector_of_run


@dataclass(frozen=True, slots=True)
class Teachers:
    """Detectors that see one face, each at its own size.

    Attributes:
        detectors: In eval mode.
        sizes: Of their crops, pixels, one for each.
        contract: How the crop of the largest is prepared; it is shrunk for the others.
    """

    detectors: tuple[Detector, ...]
    sizes: tuple[int, ...]
    contract: InputContract

    @torch.no_grad()
    def family_logits(self, crops: Tensor) -> Tensor:
        """(batch, families): the mean of their log-odds."""
        pixels = normalise(crops, mean=self.contract.mean, std=self.contract.std)
        found = [
            one.to(crops.device)(self._shrunk(pixels, size)).family_logits.float()
            for one, size in zip(self.detectors, self.sizes, strict=True)
        ]
        return torch.stack(found).mean(dim=0)

    def _shrunk(self, pixels: Tensor, size: int) -> Tensor:
        if size == self.contract.size:
            return pixels
        shares = area_shares(self.contract.size, size).to(pixels)
        return shares @ pixels @ shares.T


def teachers_of(recipe: Recipe) -> Teachers | None:
    """The teachers that a recipe names; None for a recipe without.

    Raises:
        CheckpointError: If one is no finished run of a detector.
        RecipeError: If none is named, or they do not fit each other or the recipe.
    """
    how = recipe.distillation
    if how is None:
        return None
    if not how.teachers:
        raise RecipeError("distillation wants the folder of a run to learn from; give --teacher")
    loaded = [detector_of_run(Path(run)) for run in how.teachers]
    contract = max((theirs.contract for _, theirs in loaded), key=lambda one: one.size)
    for run, (_, theirs) in zip(how.teachers, loaded, strict=True):
        if replace(theirs.contract, size=contract.size) != contract:
            raise RecipeError(
                f"teachers' crops may differ in size alone; {run} sees another than {how.teachers[0]}"
            )
        if theirs.model.num_families != recipe.model.num_families:
            raise RecipeError(
                f"a teacher must tell the recipe's families; {run} tells {theirs.model.num_families}, "
                f"the recipe {recipe.model.num_families}"
            )
    _check_crop(contract, recipe, how.teachers)
    return Teachers(
        detectors=tuple(detector.eval().requires_grad_(False) for detector, _ in loaded),
        sizes=tuple(theirs.contract.size for _, theirs in loaded),
        contract=contract,
    )


def crop_for(teachers: Teachers | None, recipe: Recipe) -> InputContract | None:
    """How teachers' crops are cut where they are others than the recipe's own."""
    if teachers is None or teachers.contract == recipe.contract:
        return None
    return teachers.contract


def _check_crop(contract: InputContract, recipe: Recipe, runs: Sequence[str]) -> None:
    if contract == recipe.contract:
        return
    if contract.finder != recipe.contract.finder:
        raise RecipeError(
            f"a teacher's finder must be the recipe's, {recipe.contract.finder}; {runs[0]} has {contract.finder}"
        )
    if not recipe.draws_afresh:
        raise RecipeError(
            f"a teacher of another crop wants samples drawn afresh; {runs[0]} sees {contract.size} px and the recipe "
            f"{recipe.contract.size}; set data to simulated with data.kept_pairs=0, or take a teacher of the same contract"
        )


class Distillation(Detection):
    """Detection, with teachers beside the labels."""

    def __init__(
        self,
        recipe: Recipe,
        species_names: tuple[str, ...],
        structure: Mapping[str, Any] | None,
        teachers: Teachers,
    ) -> None:
        super().__init__(recipe, species_names, structure)
        self._teachers = teachers

    def loss(self, learning: Learning, pixels: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """What labels say, and what teachers say, by the recipe's weight."""
        how, evidence = self._recipe.distillation, learning.model(pixels)
        assert how is not None
        crops = batch["teacher_crop"] if "teacher_crop" in batch else batch["crop"]
        taught = distillation_loss(
            evidence.family_logits, self._teachers.family_logits(crops), temperature=how.temperature
        )
        return (1 - how.weight) * self.of_evidence(evidence, learning, batch) + how.weight * taught


def distillation_loss(
    learned: Float[Tensor, "batch families"], taught: Float[Tensor, "batch families"], *, temperature: float
) -> Float[Tensor, ""]:
    """Divergence of softened probabilities, KL(teacher || student) of each family, the mean; 0 where both agree.

    Args:
        learned: Log-odds of the student.
        taught: Of the teachers.
        temperature: Both are divided by it, and the divergence multiplied by its square, so that gradients keep their size.
    """
    softened, target = learned.float() / temperature, torch.sigmoid(taught / temperature)
    cross = F.binary_cross_entropy_with_logits(softened, target)
    entropy = F.binary_cross_entropy_with_logits(taught / temperature, target)
    return temperature**2 * (cross - entropy)
