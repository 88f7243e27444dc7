"""A convolutional patch embedding that sees noise residuals beside colours."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

RESIDUAL_LIMIT = 3.0


def residual_kernels() -> Float[Tensor, "3 1 5 5"]:
    """Three high-pass filters of the spatial rich model: 3x3 and 5x5 KV, and a horizontal second difference.

    Reference: Fridrich and Kodovsky 2012, Rich models for steganalysis of digital images.
    """
    small = torch.zeros(5, 5)
    small[1:4, 1:4] = torch.tensor([[-1.0, 2, -1], [2, -4, 2], [-1, 2, -1]])
    large = torch.tensor(
        [
            [-1.0, 2, -2, 2, -1],
            [2, -6, 8, -6, 2],
            [-2, 8, -12, 8, -2],
            [2, -6, 8, -6, 2],
            [-1, 2, -2, 2, -1],
        ]
    )
    line = torch.zeros(5, 5)
    line[2, 1:4] = torch.tensor([1.0, -2, 1])
    return torch.stack((small / 4, large / 12, line / 2)).unsqueeze(1)


class NoiseResidual(nn.Module):
    """Fixed high-pass residuals of R + G + B on the 0..255 scale, clamped to +-3 and scaled to [-1, 1].

    Summing the channels first equals filtering each and summing, at a third of the cost. The border is
    mirrored, so that it shows no edge.
    """

    kernels: Tensor
    gain: Tensor
    offset: Tensor

    def __init__(self, *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("kernels", residual_kernels(), persistent=False)
        self.register_buffer("gain", 255 * torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("offset", 255 * torch.tensor(mean).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch 3 size size"]:
        with torch.autocast(
            pixels.device.type, enabled=False
        ):  # sums of 765 in 8 bits of mantissa are 4 apart, and the limit is 3
            total = (pixels.float() * self.gain + self.offset).sum(dim=1, keepdim=True)
            residual = F.conv2d(F.pad(total, (2, 2, 2, 2), mode="reflect"), self.kernels)
            return residual.clamp(-RESIDUAL_LIMIT, RESIDUAL_LIMIT) / RESIDUAL_LIMIT


def convolution(
    inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1, is_active: bool = True
) -> nn.Sequential:
    """Convolution, batch norm and, when active, ReLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if is_active:
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """Widen, filter each channel alone, narrow; with a shortcut where the shape stays.

    Reference: Sandler et al. 2018 (arXiv 1801.04381).
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.has_shortcut = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            convolution(inputs, wide, kernel=1),
            convolution(wide, wide, kernel=3, stride=stride, groups=wide),
            convolution(wide, outputs, kernel=1, is_active=False),
        )

    def forward(
        self, maps: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs rows columns"]:
        out: Tensor = self.body(maps)
        return maps + out if self.has_shortcut else out


class ConvStem(nn.Module):
    """RGB and noise residuals -> patch embeddings of stride 16; stands in for CLIP's patch projection."""

    def __init__(
        self,
        hidden_size: int,
        *,
        widths: Sequence[int] = (24, 40, 80),
        expansion: int = 2,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        """A stem for pixels normalised by `mean` and `std`.

        Args:
            hidden_size: Width of a patch embedding.
            widths: Channels at stride 2, 4 and 8.
            expansion: Of the inverted residuals.
            mean: Of the input contract, so that the residuals see 0..255.
            std: As `mean`.
        """
        super().__init__()
        first, second, third = widths
        self.residual = NoiseResidual(mean=mean, std=std)
        self.body = nn.Sequential(
            convolution(6, first, kernel=3, stride=2),
            InvertedResidual(first, second, stride=2, expansion=expansion),
            InvertedResidual(second, second, stride=1, expansion=expansion),
            InvertedResidual(second, third, stride=2, expansion=expansion),
            InvertedResidual(third, third, stride=1, expansion=expansion),
            InvertedResidual(third, hidden_size, stride=2, expansion=expansion),
        )

    @property
    def weight(self) -> Tensor:
        """A weight whose dtype is the stem's: CLIP casts its pixels to the dtype of the patch projection."""
        first = self.body[0][0]  # type: ignore[index]
        weight: Tensor = first.weight
        return weight

    def forward(
        self, pixels: Float[Tensor, "batch 3 size size"]
    ) -> Float[Tensor, "batch hidden rows columns"]:
        maps: Tensor = self.body(torch.cat((pixels, self.residual(pixels)), dim=1))
        return maps
