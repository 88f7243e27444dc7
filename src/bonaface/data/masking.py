"""What is hidden of a face that is to be guessed: one region whole, and of the others as much as makes up the budget.

Reference: Wang et al. 2025, FSFM (arXiv 2412.12032), CRFR-P masking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bonaface.data.facial_regions import HIDEABLE, Members
from bonaface.errors import RecipeError


@dataclass(frozen=True, slots=True)
class Masking:
    """Settings of learning from hidden cells, before anything is learned of attacks.

    Attributes:
        ratio: Share of the cells that is hidden, above 0 and below 1.
        region_weight: Weight of the error on the region that is hidden whole, beside that on all hidden cells.
        similarity_weight: Weight of what draws the embedding of what is left to see towards that of the whole face.
        decoder_layers: Blocks that guess the measurements of hidden cells.

    Reference: Wang et al. 2025 (arXiv 2412.12032), its weights.
    """

    ratio: float = 0.75
    region_weight: float = 0.007
    similarity_weight: float = 0.1
    decoder_layers: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1:
            raise RecipeError(f"masking.ratio must be above 0 and below 1; got {self.ratio}")
        if self.decoder_layers < 1:
            raise RecipeError(f"masking.decoder_layers must be at least 1; got {self.decoder_layers}")


class Hidden(NamedTuple):
    """One draw.

    Attributes:
        cells: (cells,), which are hidden; always as many.
        region: (cells,), which of them are of the region that is hidden whole.
    """

    cells: np.ndarray
    region: np.ndarray


def drawn_hidden(members: Members, rng: np.random.Generator, *, ratio: float) -> Hidden:
    """Hide one region and, in proportion, cells of every other.

    Args:
        members: Cells of each region, (regions, cells), see `facial_regions.regions_of`; the first `HIDEABLE` may be
            chosen, those that have no cell left out.
        rng: Draws the region and the cells.
        ratio: Share of all cells to hide.
    """
    num_cells = members.shape[1]
    budget = min(max(round(ratio * num_cells), 1), num_cells - 1)
    choices = [place for place in range(HIDEABLE) if members[place].any()]
    chosen = int(rng.choice(choices)) if choices else None
    region = members[chosen].copy() if chosen is not None else np.zeros(num_cells, bool)
    if region.sum() > budget:
        region[rng.choice(np.flatnonzero(region), int(region.sum()) - budget, replace=False)] = False
        return Hidden(region.copy(), region)
    cells = region.copy()
    share = (budget - region.sum()) / (num_cells - region.sum())
    claimed = region.copy()
    for place, member in enumerate(members):
        if place == chosen:
            continue
        own = np.flatnonzero(member & ~claimed)
        claimed |= member
        cells[rng.choice(own, round(share * len(own)), replace=False)] = True
    return Hidden(_repaired(cells, region, budget, rng), region)


def _repaired(cells: np.ndarray, region: np.ndarray, budget: int, rng: np.random.Generator) -> np.ndarray:
    """As many cells as the budget has: rounding region by region leaves a few too many or too few."""
    excess = int(cells.sum()) - budget
    pool = np.flatnonzero(cells & ~region if excess > 0 else ~cells)
    cells[rng.choice(pool, abs(excess), replace=False)] = excess < 0
    return cells
