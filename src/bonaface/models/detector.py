"""From pixels to evidence: an encoder, class anchors, and the union of the families."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bonaface.models.anchors import Anchors
from bonaface.models.species_telling import Told


class Evidence(NamedTuple):
    """What a detector says, as log-odds: above 0 means more likely attack than not.

    Attributes:
        family_logits: (batch, families), in the order of `vocabulary.FAMILIES`.
        attack_logit: (batch,), of an attack of any family.
        embedding: (batch, width), what the anchors judged; None of evidence that comes without.
        cell_logits: (batch, cells, families), of each cell of the crop by itself, row by row; None of detectors that do not
            judge cells.
        told: Which species a crop and its cells show; None but in training, of detectors that tell them.
    """

    family_logits: Tensor
    attack_logit: Tensor
    embedding: Tensor | None = None
    cell_logits: Tensor | None = None
    told: Told | None = None


def any_attack_logit(family_logits: Float[Tensor, "batch families"]) -> Float[Tensor, " batch"]:
    """Log-odds that at least one family attacks, the families being independent.

    With p_f = sigmoid(l_f) the union has probability 1 - prod(1 - p_f). Its odds for two families are
    e^a + e^b + e^(a + b), hence the logit is logsumexp(a, b, a + b): no cancellation, whatever the size.
    It equals log(expm1(softplus(a) + softplus(b))). More families fold in one by one.
    """
    total, *others = family_logits.unbind(dim=1)
    for logit in others:
        total = torch.logsumexp(torch.stack((total, logit, total + logit)), dim=0)
    return total


class Detector(nn.Module):
    """An image encoder with class anchors on top.

    Attributes:
        encoder: (batch, 3, size, size) normalised pixels -> (batch, width) embedding.
        anchors: Embedding -> log-odds of each family.
    """

    def __init__(self, encoder: nn.Module, anchors: Anchors) -> None:
        super().__init__()
        self.encoder = encoder
        self.anchors = anchors

    @property
    def num_families(self) -> int:
        """Of the evidence: those of `vocabulary.FAMILIES`, or 1 for an attack of any."""
        return self.anchors.features.shape[0]

    def embed(self, pixels: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch width"]:
        """The embedding that the anchors judge; of any length, only its direction counts."""
        embedding: Tensor = self.encoder(pixels)
        return embedding

    def forward(self, pixels: Float[Tensor, "batch 3 size size"]) -> Evidence:
        """Evidence of attack in normalised pixels, see `models.pixels.normalise`."""
        return self.evidence_of(self.embed(pixels))

    def evidence_of(self, embedding: Float[Tensor, "batch width"]) -> Evidence:
        """What the anchors make of an embedding."""
        family_logits = self.anchors(embedding)
        return Evidence(family_logits, any_attack_logit(family_logits), embedding)
