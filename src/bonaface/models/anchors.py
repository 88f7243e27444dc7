"""Class anchors: what an attack and a bona fide face of each family look like in the embedding space."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

INITIAL_SCALE = 1 / 0.07
LARGEST_SCALE = 100.0
LARGEST_LOG = torch.tensor(
    math.log(LARGEST_SCALE)
).item()  # as float32 holds it: a checkpoint's own limit is not above it


class Anchors(nn.Module):
    """Evidence by cosine: logit_f = scale (cos(x, attack_f) - cos(x, bonafide_f)).

    That is the log-odds of CLIP's two-way softmax over the two anchors of a family. The scale is
    exp(logit_scale), from 1 / 0.07, never above 100; training brings it back there after every step (`limit_scales`).

    Attributes:
        features: (families, 2, width); index 0 is bona fide, 1 is attack. Of any length: only the direction
            counts.

    Reference: Radford et al. 2021 (arXiv 2103.00020), section 2.5.
    """

    features: Tensor

    def __init__(
        self,
        num_families: int,
        width: int,
        *,
        features: Float[Tensor, "families 2 width"] | None = None,
        is_learned: bool = True,
    ) -> None:
        """Anchors from given features, e.g. of texts, or else from random directions.

        Args:
            num_families: F.
            width: Of the embedding.
            features: Where the anchors start.
            is_learned: Parameters when True, a buffer that no training moves when False.
        """
        super().__init__()
        shape = (num_families, 2, width)
        if features is None:
            start = torch.randn(shape)
        elif tuple(features.shape) == shape:
            start = features.detach().clone()
        else:
            raise ValueError(f"features must have the shape {shape}; got {tuple(features.shape)}")
        start = F.normalize(start.float(), dim=-1)
        if is_learned:
            self.features = nn.Parameter(start)
        else:
            self.register_buffer("features", start)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(INITIAL_SCALE)))

    @property
    def scale(self) -> Float[Tensor, ""]:
        """exp(logit_scale), at most 100."""
        return self.logit_scale.clamp(max=LARGEST_LOG).exp()

    def forward(self, embedding: Float[Tensor, "batch width"]) -> Float[Tensor, "batch families"]:
        """The log-odds of attack for each family, float32."""
        directions = F.normalize(self.features.float(), dim=-1)
        difference = directions[:, 1] - directions[:, 0]
        return (self.scale * (F.normalize(embedding.float(), dim=-1) @ difference.T)).float()


@torch.no_grad()
def limit_scales(model: nn.Module) -> None:
    """Bring scales that a step has taken above the limit back to it: above it they would have no gradient, and never come back."""
    for module in model.modules():
        if isinstance(module, Anchors) and hasattr(module, "logit_scale"):  # a linear head has none
            module.logit_scale.clamp_(max=LARGEST_LOG)
