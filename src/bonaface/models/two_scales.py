"""One crop looked at twice: as it is, and smaller, by a detector of its own for each."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from bonaface.models.detector import Detector, Evidence, any_attack_logit


class TwoScales(Detector):
    """Two detectors of the same families, whose log-odds are averaged. `encoder` and `anchors` are those of the larger crop.

    Attributes:
        smaller: The detector of the smaller crop.
        shrinking: (smaller size, size); its rows are the shares that each pixel of the smaller crop takes along one side.
    """

    shrinking: Tensor

    def __init__(self, larger: Detector, smaller: Detector, *, sizes: tuple[int, int]) -> None:
        """A detector for crops of the larger size.

        Args:
            larger: Judges the crop as it is.
            smaller: Judges it shrunk; its pixels are normalised alike.
            sizes: Of both crops, pixels; the larger first.

        Raises:
            ValueError: If the second is not smaller, or the detectors judge other numbers of families.
        """
        if not sizes[1] < sizes[0]:
            raise ValueError(f"the second crop must be smaller than the first; got {sizes[0]} and {sizes[1]}")
        if larger.num_families != smaller.num_families:
            raise ValueError(
                "both detectors must judge the same families; "
                f"got {larger.num_families} and {smaller.num_families}"
            )
        super().__init__(larger.encoder, larger.anchors)
        self.smaller = smaller
        self.register_buffer("shrinking", area_shares(*sizes), persistent=False)

    def embed(self, pixels: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch width"]:
        """The directions of both embeddings, one after the other."""
        return _directions(*self._embeddings(pixels))

    def forward(self, pixels: Float[Tensor, "batch 3 size size"]) -> Evidence:
        """The mean log-odds of each family."""
        larger, smaller = self._embeddings(pixels)
        family_logits = (self.anchors(larger) + self.smaller.anchors(smaller)) / 2
        return Evidence(family_logits, any_attack_logit(family_logits), _directions(larger, smaller))

    def _embeddings(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        return super().embed(pixels), self.smaller.embed(self.shrunk(pixels))

    def shrunk(
        self, pixels: Float[Tensor, "batch 3 size size"]
    ) -> Float[Tensor, "batch 3 smaller_size smaller_size"]:
        """The crop with its areas averaged, as OpenCV's INTER_AREA does, but for the rounding to whole steps."""
        smaller: Tensor = self.shrinking @ pixels @ self.shrinking.T
        return smaller


def _directions(*embeddings: Tensor) -> Tensor:
    return torch.cat([F.normalize(each.float(), dim=-1) for each in embeddings], dim=-1)


def area_shares(size: int, smaller_size: int) -> Float[Tensor, "smaller_size size"]:
    """What each of the smaller side's pixels takes of each of the larger side's: the share of its length that lies there.

    >>> area_shares(3, 2)
    tensor([[0.6667, 0.3333, 0.0000],
            [0.0000, 0.3333, 0.6667]])
    """
    step = size / smaller_size
    starts = torch.arange(smaller_size, dtype=torch.float64).view(-1, 1) * step
    pixels = torch.arange(size, dtype=torch.float64)
    covered = (torch.minimum(starts + step, pixels + 1) - torch.maximum(starts, pixels)).clamp(min=0)
    return (covered / step).float()
