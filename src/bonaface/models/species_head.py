"""Of an attack: how likely it is of each species. Read off the embedding that the anchors judge; it changes no verdict."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class SpeciesHead(nn.Module):
    """A softmax over hyperplanes, one for each species, on the direction of the embedding.

    Attributes:
        names: Of the species, in the order of the scores.
        weight: (species, width).
        offset: (species,).
    """

    weight: Tensor
    offset: Tensor

    def __init__(
        self,
        names: Sequence[str],
        weight: Float[Tensor, "species width"],
        offset: Float[Tensor, " species"],
    ) -> None:
        """A head of given weights; they do not learn.

        Raises:
            ValueError: If there are other names than weights.
        """
        super().__init__()
        if len(names) != len(weight):
            raise ValueError(
                f"a species head must have a weight of each species; got {len(names)} and {len(weight)}"
            )
        self.names = tuple(names)
        self.register_buffer("weight", weight.float())
        self.register_buffer("offset", offset.float())

    def forward(self, embedding: Float[Tensor, "batch width"]) -> Float[Tensor, "batch species"]:
        """Chances of the species, given that it is an attack: they sum to 1."""
        unit = F.normalize(embedding.float(), dim=-1)
        return torch.softmax(unit @ self.weight.T + self.offset, dim=-1)
