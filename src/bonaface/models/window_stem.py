"""A learned look at every window of the cosine transform, beside the means over a cell that `spectrum` takes of them.

A mean over sixteen windows hides what stands in one: an edge that was blended, a dot, a pixel raster's phase. Here
each window speaks with its energies and with the signs of its waves, and convolutions find what neighbours say together.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from bonaface.models.stem import InvertedResidual

SOFT = 4.0
"""Steps of 0..255 at which a wave's amplitude has half of its weight: sign and phase count, strength has the energies."""


def signed(waves: Tensor) -> Tensor:
    """Amplitudes in (-1, 1)."""
    return waves / (waves.abs() + SOFT)


class WindowStem(nn.Module):
    """Numbers of every window -> what is added to the embedding of each patch; nothing, before it has learned."""

    def __init__(self, num_features: int, hidden_size: int, *, width: int) -> None:
        """A network for four by four windows a patch.

        Args:
            num_features: Numbers of a window.
            hidden_size: Width of a patch embedding.
            width: Channels where two by two windows share a place.
        """
        super().__init__()
        self.norm = nn.BatchNorm2d(num_features, affine=False)
        self.body = nn.Sequential(
            nn.Conv2d(num_features, width, 2, 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            InvertedResidual(width, width, stride=1, expansion=2),
            InvertedResidual(width, hidden_size, stride=2, expansion=2),
        )
        last_norm = list(self.body.modules())[-1]
        assert isinstance(last_norm, nn.BatchNorm2d)
        nn.init.zeros_(last_norm.weight)

    def forward(
        self, windows: Float[Tensor, "batch features height width"]
    ) -> Float[Tensor, "batch hidden rows columns"]:
        maps: Tensor = self.body(self.norm(windows))
        return maps
