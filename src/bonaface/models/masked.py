"""Learning what genuine faces are made of, without attacks: guess the measurements of hidden cells from the others.

The encoder of `nano` gets heads that are thrown away later. What is guessed are the fixed numbers of `models.spectrum`
rather than pixels: how fine detail, noise and colour of one place follow from the rest of the face is what attacks break.

Reference: Wang et al. 2025, FSFM (arXiv 2412.12032), its masked reconstruction and its self-distillation; Wei et al. 2022
(arXiv 2112.09133) for guessing measured features.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from bonaface.models.nano import NanoConfig, NanoEncoder
from bonaface.models.spectrum import Measurements, SpectrumStem

PROJECTION = 256
"""Width in which a masked face and the whole one are compared."""


class Guess(NamedTuple):
    """What is made of the cells that are left to see.

    Attributes:
        numbers: (batch, cells, features), the standardised measurements of every cell.
        projection: (batch, width), what the embedding of the whole face is thought to project to.
    """

    numbers: Tensor
    projection: Tensor


class Whole(NamedTuple):
    """What the whole face gives; as `Guess`."""

    numbers: Tensor
    projection: Tensor


class MaskedHeads(nn.Module):
    """What guesses, beside the encoder.

    Attributes:
        hidden_token: Stands for each cell that is not seen.
    """

    def __init__(self, config: NanoConfig, *, num_layers: int) -> None:
        super().__init__()
        width, num_tokens = config.hidden_size, (config.image_size // config.patch_size) ** 2 + 1
        self.hidden_token = nn.Parameter(torch.zeros(width))
        self.positions = nn.Parameter(0.02 * torch.randn(num_tokens, width))
        self.enter, self.leave = nn.Linear(width, width), nn.Linear(width, Measurements.num_features)
        self.blocks = nn.Sequential(*(_block(config) for _ in range(num_layers)), nn.LayerNorm(width))
        self.represent = _block(config)
        self.project = _perceptron(config.embedding_size)
        self.predict = _perceptron(PROJECTION)

    def completed(
        self, seen: Float[Tensor, "batch seen hidden"], places: Tensor
    ) -> Float[Tensor, "batch tokens hidden"]:
        """The tokens that were seen at their places, and the hidden token everywhere else, with positions.

        Args:
            seen: Tokens, the class token first.
            places: (batch, seen), where each belongs.
        """
        batch, _, width = seen.shape
        tokens = self.hidden_token.to(seen.dtype).expand(batch, len(self.positions), width)
        return tokens.scatter(1, places[..., None].expand_as(seen), seen) + self.positions


class MaskedLearner(nn.Module):
    """An encoder that sees a part of a face's cells, and heads that guess the rest."""

    def __init__(self, encoder: NanoEncoder, config: NanoConfig, *, num_layers: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = MaskedHeads(config, num_layers=num_layers)

    def forward(
        self, pixels: Float[Tensor, "batch 3 size size"], hidden: Bool[Tensor, "batch cells"]
    ) -> Guess:
        """Guess from the cells that are not hidden, of which each face has as many."""
        places = _places_seen(hidden)
        seen = self.encoder.tokens_of(pixels, places=places)
        tokens = self.heads.completed(self.heads.enter(seen), places)
        numbers = self.heads.leave(self.heads.blocks(tokens))[:, 1:]
        represented = self.heads.represent(self.heads.completed(seen, places))
        projection = self.heads.project(self.encoder.embedding_of(represented))
        return Guess(numbers, self.heads.predict(projection))

    @torch.no_grad()
    def whole(self, pixels: Float[Tensor, "batch 3 size size"]) -> Whole:
        """What is to be guessed."""
        stem = self.encoder.vision.embeddings.patch_embedding
        assert isinstance(stem, SpectrumStem)
        numbers = stem.norm(stem.measurements(pixels)).flatten(2).transpose(1, 2)
        tokens = self.encoder.tokens_of(pixels)
        represented = self.heads.represent(tokens + self.heads.positions)
        return Whole(numbers, self.heads.project(self.encoder.embedding_of(represented)))


def _places_seen(hidden: Bool[Tensor, "batch cells"]) -> Tensor:
    """(batch, seen) with the class token's place, 0, first and the cells in their order."""
    num_seen = hidden.shape[1] - int(hidden[0].sum())
    # a stable order brings the cells that are seen to the front
    places = hidden.to(torch.uint8).sort(dim=1, stable=True).indices[:, :num_seen] + 1
    return torch.cat((torch.zeros_like(places[:, :1]), places), dim=1)


def _block(config: NanoConfig) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(
        config.hidden_size,
        config.num_heads,
        config.hidden_size * config.mlp_ratio,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )


def _perceptron(width: int) -> nn.Sequential:
    wide = 4 * PROJECTION
    return nn.Sequential(nn.Linear(width, wide), nn.LayerNorm(wide), nn.ReLU(), nn.Linear(wide, PROJECTION))
