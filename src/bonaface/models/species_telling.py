"""Which species a whole crop and each of its cells show. Asked in training alone: tokens learn more from a name than from a yes or no."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bonaface.vocabulary import SPECIES

WORDS = tuple(SPECIES)
"""The order of the logits; the first is bona fide."""


class Told(NamedTuple):
    """Logits of `WORDS`.

    Attributes:
        whole: (batch, words).
        cells: (batch, cells, words), row by row.
    """

    whole: Tensor
    cells: Tensor


class SpeciesTelling(nn.Module):
    """A line for each word, on what the detector pools and on each of its tokens."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        pooled = 2 * hidden_size
        self.whole = nn.Sequential(nn.LayerNorm(pooled), nn.Linear(pooled, len(WORDS)))
        self.cells = nn.Sequential(nn.LayerNorm(hidden_size), nn.Linear(hidden_size, len(WORDS)))

    def forward(self, tokens: Float[Tensor, "batch tokens hidden"]) -> Told:
        """Of a class token and those of the cells."""
        pooled = torch.cat((tokens[:, 0], tokens[:, 1:].mean(dim=1)), dim=-1)
        return Told(self.whole(pooled), self.cells(tokens[:, 1:]))
