"""A linear classifier on embeddings, in the place of anchors."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from bonaface.models.anchors import Anchors


class LinearHead(Anchors):
    """Evidence by a hyperplane for each family: logit_f = w_f . x / |x| + offset_f.

    As anchors it has w_f / 2 for an attack and -w_f / 2 for a bona fide face; unlike theirs, its lengths count, and it
    has an offset and no scale.

    Attributes:
        weight: (families, width).
        offset: (families,).
    """

    def __init__(self, num_families: int, width: int) -> None:
        nn.Module.__init__(self)  # the features of `Anchors` follow from the weight here
        self.weight = nn.Parameter(torch.zeros(num_families, width))
        self.offset = nn.Parameter(torch.zeros(num_families))

    @property
    def features(self) -> Float[Tensor, "families 2 width"]:  # type: ignore[override]
        """Index 0 is bona fide, 1 is attack; their lengths count."""
        return torch.stack((-self.weight / 2, self.weight / 2), dim=1)

    def forward(self, embedding: Float[Tensor, "batch width"]) -> Float[Tensor, "batch families"]:
        """The log-odds of attack for each family, float32."""
        unit = F.normalize(embedding.float(), dim=-1)
        return (unit @ self.weight.float().T + self.offset.float()).float()
