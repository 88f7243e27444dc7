"""A patch embedding of fixed measurements: what frequencies, residuals and colours each cell of the crop holds.

Attacks show in how much energy stands at which frequency, and in how that changes from place to place. A network from
scratch spends most of its samples on finding that out; here the energies are given, on a logarithmic scale, and
learning begins with what they mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from bonaface.models.stem import residual_kernels
from bonaface.models.window_stem import WindowStem, signed

CELL = 16
"""Pixels on the side of a cell: one token each."""

BLOCK, STEP = 8, 4
"""Side of a cosine transform's window and the distance between windows, pixels."""

NUM_RINGS = 9
"""Rings of frequencies over which the energies of colour differences are averaged; luminance keeps all 63."""

QUIET = 0.05
"""Added to energies before the logarithm, in squared steps of 0..255: below it there is nothing to see."""

TO_YCBCR = ((0.299, 0.587, 0.114), (-0.169, -0.331, 0.5), (0.5, -0.419, -0.081))
"""BT.601 luminance and colour differences of full-range RGB, to three decimals."""


def cosine_kernels() -> Float[Tensor, "64 1 8 8"]:
    """The orthonormal two-dimensional DCT-II of 8 x 8 windows, a kernel for each frequency, row by row from 0.

    Reference: Ahmed, Natarajan and Rao 1974, Discrete cosine transform.
    """
    frequency, place = torch.arange(BLOCK).view(-1, 1), torch.arange(BLOCK)
    waves = torch.cos(math.pi * (place + 0.5) * frequency / BLOCK) * math.sqrt(2 / BLOCK)
    waves[0] /= math.sqrt(2)
    return torch.einsum("ux,vy->uvxy", waves, waves).reshape(BLOCK * BLOCK, 1, BLOCK, BLOCK)


def ring_means() -> Float[Tensor, "9 63 1 1"]:
    """What averages the 63 frequencies above 0 over rings of width 1: at 1 to 2, 2 to 3, ..., from 9 on."""
    count = torch.arange(BLOCK).double()
    radius = torch.hypot(count.view(-1, 1), count).floor().clamp(max=NUM_RINGS).flatten()[1:]
    member = (radius == torch.arange(1, NUM_RINGS + 1).view(-1, 1)).float()
    return (member / member.sum(dim=1, keepdim=True)).view(NUM_RINGS, -1, 1, 1)


def shifted(kernel: Float[Tensor, "5 5"]) -> Float[Tensor, "16 1 8 8"]:
    """The kernel at every place of a window: with a stride of 4 its answers at all pixels, in a third of the time."""
    places = (F.pad(kernel, (x, STEP - 1 - x, y, STEP - 1 - y)) for y in range(STEP) for x in range(STEP))
    return torch.stack(list(places)).unsqueeze(1)


class Measurements(nn.Module):
    """Crops -> numbers for every cell of 16 x 16 pixels. Nothing here is learned.

    Logarithms of mean energies at the frequencies of an 8 x 8 cosine transform (luminance 63, colour differences 9
    rings each), the mean colour, of a high-pass residual its energy and peakedness in each channel and its correlation
    between channels, the share of flat and of clipped pixels.
    """

    cosines: Tensor
    rings: Tensor
    residual: Tensor
    to_ycbcr: Tensor
    gain: Tensor
    offset: Tensor

    num_features = 63 + 2 * NUM_RINGS + 3 + 3 * 3 + 3
    num_window_features = 2 * 63 + 2 * NUM_RINGS

    def __init__(self, *, mean: Sequence[float], std: Sequence[float]) -> None:
        """Measure pixels that were normalised by `mean` and `std`."""
        super().__init__()
        self.register_buffer("cosines", cosine_kernels()[1:], persistent=False)
        self.register_buffer("rings", ring_means(), persistent=False)
        self.register_buffer("residual", shifted(residual_kernels()[1, 0]), persistent=False)
        self.register_buffer("to_ycbcr", torch.tensor(TO_YCBCR), persistent=False)
        self.register_buffer("gain", 255 * torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("offset", 255 * torch.tensor(mean).view(1, 3, 1, 1), persistent=False)

    def forward(
        self, pixels: Float[Tensor, "batch 3 size size"]
    ) -> Float[Tensor, "batch features rows columns"]:
        return self._measured(pixels)[0]

    def with_windows(
        self, pixels: Float[Tensor, "batch 3 size size"]
    ) -> tuple[
        Float[Tensor, "batch features rows columns"], Float[Tensor, "batch window_features height width"]
    ]:
        """Numbers of every cell, and of every window: the signed waves of luminance, and energies as the cells have them."""
        cells, waves, energies = self._measured(pixels)
        with torch.autocast(pixels.device.type, enabled=False):
            return cells, torch.cat((signed(waves[0]), torch.log(energies + QUIET)), dim=1)

    def _measured(self, pixels: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        """Of cells their numbers; of windows the amplitudes of each plane, steps of 0..255, and the energies."""
        # float32 whatever the precision around it: energies span six orders of magnitude
        with torch.autocast(pixels.device.type, enabled=False):
            rgb = pixels.float() * self.gain + self.offset
            colours = (self.to_ycbcr @ rgb.flatten(2)).view_as(rgb)
            waves = self._waves(colours)
            energies = self._energies(waves)
            numbers = torch.cat(
                (
                    torch.log(F.avg_pool2d(energies, CELL // STEP) + QUIET),
                    _cells(colours) / 64,
                    *self._residuals(rgb),
                    *_shares(colours),
                ),
                dim=1,
            )
            return numbers, waves, energies

    def _energies(self, waves: list[Tensor]) -> Tensor:
        """Of every window: luminance keeps all frequencies, colour differences their rings."""
        light, *colours = (wave.square() for wave in waves)
        return torch.cat((light, *(F.conv2d(energy, self.rings) for energy in colours)), dim=1)

    def _waves(self, colours: Tensor) -> list[Tensor]:
        reach = (BLOCK - STEP) // 2
        padded = F.pad(colours, (reach, reach, reach, reach), mode="reflect")
        return [F.conv2d(padded[:, channel : channel + 1], self.cosines, stride=STEP) for channel in range(3)]

    def _residuals(self, rgb: Tensor) -> list[Tensor]:
        padded = F.pad(rgb, (2, 2, 2, 2), mode="reflect")
        alone = padded.flatten(0, 1).unsqueeze(1)
        answers = F.conv2d(alone, self.residual, stride=STEP)
        residual = answers.view(-1, 3, *answers.shape[1:])
        energy = _of_shifted(residual.square()) + QUIET
        peaked = torch.log(_of_shifted(residual.abs()) + QUIET) - torch.log(energy) / 2
        turned, energies = residual.roll(1, dims=1), energy.roll(1, dims=1)
        together = _of_shifted(residual * turned) / torch.sqrt(energy * energies)
        return [torch.log(energy), peaked, together]


def _of_shifted(maps: Tensor) -> Tensor:
    """Means over cells of (batch, 3, 16, rows, columns), what a shifted kernel answered."""
    return F.avg_pool2d(maps.mean(dim=2), CELL // STEP)


def _cells(maps: Tensor) -> Tensor:
    # down, then across: on one thread a quarter of the time that onnxruntime takes to pool so large a square
    batch, channels, height, width = maps.shape
    rows = maps.reshape(batch, channels, height // CELL, CELL, width).mean(dim=3)
    return rows.view(batch, channels, height // CELL, width // CELL, CELL).mean(dim=4)


def _shares(colours: Tensor) -> list[Tensor]:
    """How flat a cell is along rows and along columns, and how much of it is clipped white; all in [0, 1]."""
    light = colours[:, :1]
    across = F.pad(light[..., 1:] - light[..., :-1], (0, 1, 0, 0))
    down = F.pad(light[..., 1:, :] - light[..., :-1, :], (0, 0, 0, 1))
    white = ((light - 240) / 15).clamp(0, 1)
    return [_flat(across), _flat(down), _cells(white)]


def _flat(steps: Tensor) -> Tensor:
    # e^-80 is nothing, and what is smaller yet is slow to compute with
    return _cells(torch.exp(-steps.square().clamp(max=80)))


class SpectrumStem(nn.Module):
    """`Measurements`, each brought to mean 0 and deviation 1, and mixed; stands in for CLIP's patch projection."""

    def __init__(
        self,
        hidden_size: int,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        cells_per_side: int = 1,
        window_width: int = 0,
    ) -> None:
        """A stem for pixels normalised by `mean` and `std`, of `hidden_size` numbers a patch.

        Args:
            hidden_size: Width of a patch embedding.
            mean: Of the input contract, so that energies are those of 0..255.
            std: As `mean`.
            cells_per_side: Of the square of cells that a patch is.
            window_width: Of what looks at every window beside, see `models.window_stem`; 0 = nothing does.
        """
        super().__init__()
        self.measurements = Measurements(mean=mean, std=std)
        self.norm = nn.BatchNorm2d(Measurements.num_features, affine=False)
        self.mix = nn.Conv2d(Measurements.num_features, hidden_size, cells_per_side, cells_per_side)
        self.windows = (
            WindowStem(Measurements.num_window_features, hidden_size, width=window_width)
            if window_width
            else None
        )

    @property
    def weight(self) -> Tensor:
        """A weight whose dtype is the stem's: CLIP casts its pixels to the dtype of the patch projection."""
        return self.mix.weight

    def forward(
        self, pixels: Float[Tensor, "batch 3 size size"]
    ) -> Float[Tensor, "batch hidden rows columns"]:
        if self.windows is None:
            maps: Tensor = self.mix(self.norm(self.measurements(pixels)))
            return maps
        cells, windows = self.measurements.with_windows(pixels)
        beside: Tensor = self.mix(self.norm(cells)) + self.windows(windows)
        return beside
