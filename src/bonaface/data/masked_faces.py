"""Faces of which cells are hidden: the genuine ones of a mixture's pairs, augmented and captured like any other."""

from __future__ import annotations

import torch
from torch.utils.data import Dataset

from bonaface.contract import InputContract
from bonaface.data.dataset import FixedCrops, SimulatedFaces
from bonaface.data.facial_regions import average_points, points_in_crop, regions_of
from bonaface.data.masking import Hidden, drawn_hidden
from bonaface.data.randomness import generator
from bonaface.types import Picture


class MaskedFaces(Dataset[dict[str, torch.Tensor]]):
    """The genuine half of simulated pairs, with cells hidden; sample i of epoch e is always the same.

    Items: `crop` (size, size, 3) uint8 RGB; `hidden` and `region` (cells,) bool, the cells that are hidden and those of
    them that belong to the region hidden whole.
    """

    def __init__(
        self, faces: SimulatedFaces, *, contract: InputContract, seed: int, cells_per_side: int, ratio: float
    ) -> None:
        """Hide the share `ratio` of `cells_per_side` times as many cells of crops that `contract` made."""
        self._faces, self._contract, self._seed, self._epoch = faces, contract, seed, 0
        self._cells_per_side, self._ratio = cells_per_side, ratio

    def __len__(self) -> int:
        return len(self._faces) // 2

    def set_epoch(self, epoch: int) -> None:
        """Choose which epoch's samples the indices mean."""
        self._faces.set_epoch(epoch)
        self._epoch = epoch

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        shown = self._faces.shown(2 * index)
        points = points_in_crop(shown.scene, shown.face, self._contract)
        members = regions_of(points, size=self._contract.size, cells_per_side=self._cells_per_side)
        rng = generator("hidden", self._seed, self._epoch, index)
        return masked_item(shown.crop, drawn_hidden(members, rng, ratio=self._ratio))


class MaskedCrops(Dataset[dict[str, torch.Tensor]]):
    """The bona fide crops of dev, each with the same cells hidden at every epoch. Items as `MaskedFaces`."""

    species_names: tuple[str, ...] = ()

    def __init__(
        self, crops: FixedCrops, *, contract: InputContract, cells_per_side: int, ratio: float
    ) -> None:
        self._crops = crops.bonafide
        self._members = regions_of(
            average_points(contract), size=contract.size, cells_per_side=cells_per_side
        )
        self._ratio = ratio

    def __len__(self) -> int:
        return len(self._crops)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        rng = generator("hidden in dev", index)
        return masked_item(self._crops[index], drawn_hidden(self._members, rng, ratio=self._ratio))


def masked_item(crop: Picture, hidden: Hidden) -> dict[str, torch.Tensor]:
    """A crop and what is hidden of it, as tensors."""
    return {
        "crop": torch.from_numpy(crop),
        "hidden": torch.from_numpy(hidden.cells),
        "region": torch.from_numpy(hidden.region),
    }
