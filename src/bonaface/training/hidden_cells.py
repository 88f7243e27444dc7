"""The task before detection: to guess what hidden cells of genuine faces measure.

Reference: Wang et al. 2025, FSFM (arXiv 2412.12032), its three terms and their weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from accelerate import Accelerator
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from bonaface.errors import RecipeError
from bonaface.models.masked import MaskedLearner
from bonaface.models.nano import NanoConfig, NanoEncoder
from bonaface.models.pixels import normalise
from bonaface.training.recipe import Recipe
from bonaface.training.task import Judged, Learning, Task


@dataclass(frozen=True, slots=True)
class GuessFigures:
    """How well dev's hidden cells are guessed.

    Attributes:
        explained: 1 - mean squared error of the standardised measurements: 0 is what guessing their means would give.
        region: The same of the regions that are hidden whole.
    """

    explained: float
    region: float

    @property
    def value(self) -> float:
        """Chooses the epoch."""
        return self.explained

    @property
    def line(self) -> str:
        """For people."""
        return f"dev explained {self.explained:.4f}  whole regions {self.region:.4f}"


class HiddenCells(Task):
    """Learning from genuine faces alone, a part of whose cells is hidden."""

    def __init__(self, recipe: Recipe) -> None:
        """Build the encoder and the heads that guess.

        Raises:
            RecipeError: If the model does not measure cells.
        """
        config, contract, masking = recipe.model, recipe.contract, recipe.masking
        assert masking is not None
        if not isinstance(config, NanoConfig) or config.stem != "spectrum" or config.cells_per_side != 1:
            raise RecipeError(
                "masking wants a model that measures every cell; set model.stem to spectrum and model.cells_per_side to 1, or "
                "masking to null"
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            encoder = NanoEncoder(config, mean=contract.mean, std=contract.std)
            self.model = MaskedLearner(encoder, config, num_layers=masking.decoder_layers)
        self.beside = nn.Identity()
        self._contract, self._masking = contract, masking

    def loss(self, learning: Learning, pixels: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Of all hidden cells, of the region hidden whole, and of the two projections' angle."""
        average = cast(MaskedLearner, learning.average)
        target = average.eval().whole(pixels)
        guess = learning.model(pixels, batch["hidden"])
        errors = (guess.numbers - target.numbers).square().mean(dim=-1)
        angle = F.cosine_similarity(guess.projection, target.projection, dim=-1).mean()
        return (
            mean_over(errors, batch["hidden"])
            + self._masking.region_weight * mean_over(errors, batch["region"])
            - 0.5 * self._masking.similarity_weight * angle
        )

    def judge(
        self, average: nn.Module, loader: Iterable[Mapping[str, Any]], accelerator: Accelerator
    ) -> Judged:
        """By what is explained of the hidden cells."""
        model = cast(MaskedLearner, average).eval()
        found: list[Tensor] = []
        with torch.no_grad():
            for batch in loader:
                pixels = normalise(batch["crop"], mean=self._contract.mean, std=self._contract.std)
                guess, target = model(pixels, batch["hidden"]), model.whole(pixels)
                errors = (guess.numbers - target.numbers).square().mean(dim=-1)
                sums = [(errors * cells).sum(dim=1) for cells in (batch["hidden"], batch["region"])]
                counts = [cells.sum(dim=1) for cells in (batch["hidden"], batch["region"])]
                found.append(accelerator.gather_for_metrics(torch.stack((*sums, *counts), dim=1)))
        hidden, region, num_hidden, num_region = torch.cat(found).double().sum(dim=0).tolist()
        return Judged(GuessFigures(1 - hidden / max(num_hidden, 1), 1 - region / max(num_region, 1)))


def mean_over(errors: Float[Tensor, "batch cells"], cells: Bool[Tensor, "batch cells"]) -> Float[Tensor, ""]:
    """Of the cells that are meant; 0 where there are none."""
    return (errors * cells).sum() / cells.sum().clamp(min=1)
