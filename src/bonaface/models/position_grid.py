"""Learned positions for another size of pictures."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def resized_positions(
    table: Float[Tensor, "positions width"], *, grid: int, num_leading: int, is_antialiased: bool
) -> Float[Tensor, "more width"]:
    """A table of positions for a grid of `grid` by `grid` patches, bicubic; the leading rows stay.

    Args:
        table: Leading rows, e.g. of the class token, then a square grid, row by row.
        grid: Patches along a side.
        num_leading: Rows before the grid.
        is_antialiased: Smooth first where the new grid is smaller.

    References: Dosovitskiy et al. 2021 (arXiv 2010.11929), section 3.2.
    """
    leading, patches = table[:num_leading], table[num_leading:]
    before = math.isqrt(len(patches))
    square_1DHW = patches.reshape(1, before, before, -1).permute(0, 3, 1, 2)
    resized_1DHW = F.interpolate(
        square_1DHW.float(),
        size=(grid, grid),
        mode="bicubic",
        align_corners=False,
        antialias=is_antialiased,
    )
    return torch.cat((leading, resized_1DHW.flatten(2)[0].T.to(table.dtype)))
