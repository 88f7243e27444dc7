"""Training on pictures as they are: one bona fide and one attack at a time, under the same random transform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from bonaface.attacks.spsc import SpscParameters, jitter
from bonaface.contract import InputContract
from bonaface.data.dataset import item
from bonaface.data.randomness import generator
from bonaface.errors import ManifestError, RecipeError
from bonaface.faces.crop import prepare, resized
from bonaface.faces.picture import read_picture
from bonaface.faces.whole import WholePicture
from bonaface.types import Picture
from bonaface.vocabulary import BONAFIDE, Species


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pictures of the manifest as they are, in pairs of one bona fide and one attack.

    The smaller class is filled up once by random repetition; the k-th bona fide picture then always meets the k-th attack.

    Attributes:
        kind: Tells the kinds of data apart.
        resize: Side that pictures are brought to before the crop is cut from them.
        flip: Chance of mirroring.
        rotation: Chance of turning, by an angle from U(-180, 180) degrees; corners are black.
        colour: Chance of a colour jitter whose four ranges are drawn from U(0, 0.5) each.

    Reference: the laboratory's public code, as methods of the same authors are trained with it (arXiv 2504.00454).
    """

    kind: Literal["pairs"] = "pairs"
    resize: int = 300
    flip: float = 0.5
    rotation: float = 0.5
    colour: float = 0.0


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture's file and what it is known to be."""

    path: Path
    species: Species


@dataclass(frozen=True, slots=True)
class Transform:
    """One drawn transform, shared by both pictures of a pair.

    Attributes:
        left: Of the crop, in pixels of the resized picture.
        top: Likewise.
        is_mirrored: Whether left and right change places.
        angle_deg: Counter-clockwise about the centre of the crop; 0 = not turned.
        colours: Of the jitter; None = none.
    """

    left: int
    top: int
    is_mirrored: bool
    angle_deg: float
    colours: SpscParameters | None


def draw_transform(rng: np.random.Generator, how: Pairs, *, size: int) -> Transform:
    """A transform that ends in crops of `size` pixels."""
    left, top = (int(value) for value in rng.integers(0, how.resize - size, 2, endpoint=True))
    is_mirrored, is_turned, is_coloured = rng.random(3) < (how.flip, how.rotation, how.colour)
    angle = float(rng.uniform(-180, 180))
    colours = _draw_colours(rng)
    return Transform(
        left, top, bool(is_mirrored), angle if is_turned else 0.0, colours if is_coloured else None
    )


def transformed(picture: Picture, transform: Transform, *, resize: int, size: int) -> Picture:
    """The picture resized to a square, cropped, mirrored, turned and coloured, (size, size, 3)."""
    square = resized(picture, resize)
    crop = square[transform.top : transform.top + size, transform.left : transform.left + size]
    if transform.is_mirrored:
        crop = crop[:, ::-1]
    if transform.angle_deg:
        centre = (size - 1) / 2
        turn = cv2.getRotationMatrix2D((centre, centre), transform.angle_deg, 1.0)
        crop = np.asarray(cv2.warpAffine(np.ascontiguousarray(crop), turn, (size, size)), np.uint8)
    if transform.colours is not None:
        crop = jitter(np.ascontiguousarray(crop), transform.colours)
    return np.ascontiguousarray(crop)


class PairedPictures(Dataset[dict[str, torch.Tensor]]):
    """All pairs once an epoch, in a new order each time; sample 2k is bona fide, 2k + 1 the attack it is paired with.

    Items as those of `SimulatedFaces`.
    """

    def __init__(
        self, pictures: Sequence[StoredPicture], *, contract: InputContract, how: Pairs, seed: int
    ) -> None:
        """Pair the pictures.

        Raises:
            RecipeError: If the crop is larger than what it is cut from.
            ManifestError: If a class has no picture.
        """
        if contract.size > how.resize:
            raise RecipeError(
                f"data.resize must be at least contract.size; got {how.resize} and {contract.size}; raise it"
            )
        bonafide = [one for one in pictures if one.species == BONAFIDE]
        attacks = [one for one in pictures if one.species != BONAFIDE]
        for name, held in (("bonafide pictures", bonafide), ("pictures of attacks", attacks)):
            if not held:
                raise ManifestError(f"pairs need {name} in the train split; it has none; add some")
        length = max(len(bonafide), len(attacks))
        self._bonafide = filled_up(bonafide, length, generator("bonafide again", seed))
        self._attacks = filled_up(attacks, length, generator("attacks again", seed))
        self.species_names = tuple(dict.fromkeys([BONAFIDE.name, *(one.species.name for one in attacks)]))
        self._size, self._how, self._seed = contract.size, how, seed
        self.set_epoch(0)

    def __len__(self) -> int:
        return 2 * len(self._bonafide)

    def set_epoch(self, epoch: int) -> None:
        """Choose which epoch's samples the indices mean."""
        self._epoch = epoch
        self._order = generator("order", self._seed, epoch).permutation(len(self._bonafide))

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        place, is_attack = divmod(index, 2)
        pair = int(self._order[place])
        held = (self._attacks if is_attack else self._bonafide)[pair]
        transform = draw_transform(
            generator("pair", self._seed, self._epoch, pair), self._how, size=self._size
        )
        picture = read_picture(held.path)
        crop = transformed(picture, transform, resize=self._how.resize, size=self._size)
        return item(crop, held.species, self.species_names.index(held.species.name))


class StoredPictures(Dataset[dict[str, torch.Tensor]]):
    """Pictures prepared by the contract when they are asked for, the same at every epoch. Items as `SimulatedFaces`."""

    def __init__(self, pictures: Sequence[StoredPicture], *, contract: InputContract) -> None:
        self.pictures, self._contract, self._finder = tuple(pictures), contract, WholePicture()
        self.species_names = tuple(dict.fromkeys(one.species.name for one in self.pictures))

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        held = self.pictures[index]
        picture = read_picture(held.path)
        (face,) = self._finder.find(picture)
        crop = prepare(picture, face.box, self._contract).pixels
        return item(crop, held.species, self.species_names.index(held.species.name))


def filled_up(
    pictures: Sequence[StoredPicture], length: int, rng: np.random.Generator
) -> list[StoredPicture]:
    """The pictures in their order, then random ones of them again until there are `length`."""
    again = rng.integers(0, len(pictures), length - len(pictures))
    return [*pictures, *(pictures[number] for number in again)]


def _draw_colours(rng: np.random.Generator) -> SpscParameters:
    reach = rng.uniform(0, 0.5, 4)
    brightness, contrast, saturation = (float(value) for value in 1 + reach[:3] * rng.uniform(-1, 1, 3))
    hue = float(reach[3] * rng.uniform(-1, 1))
    a, b, c, d = (int(step) for step in rng.permutation(4))
    return SpscParameters(0, "jitter", (a, b, c, d), brightness, contrast, saturation, hue, 0.0)
