"""Training on pictures as they are, some of the bona fide ones with the clues of an attack that is missing."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
import torch
from torch.utils.data import Dataset

from bonaface.attacks.scene import Scene
from bonaface.attacks.schedule import SCHEDULES, Clue, draw_schedule
from bonaface.attacks.sdsc import apply_sdsc, draw_sdsc
from bonaface.attacks.spsc import apply_spsc, draw_spsc
from bonaface.contract import InputContract
from bonaface.data.clue_schedule import Clues
from bonaface.data.dataset import item
from bonaface.data.pairs import StoredPicture
from bonaface.data.randomness import generator
from bonaface.errors import ManifestError, RecipeError
from bonaface.faces.crop import resized
from bonaface.faces.dlib_hog import DlibHogFinder
from bonaface.faces.picture import read_picture
from bonaface.types import Box, Picture
from bonaface.vocabulary import BONAFIDE, SPECIES, Species

ATTEMPTS = 10
"""Draws of a window before the largest one in the middle is taken."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture, in pixels, and whether its left and right change places."""

    left: int
    top: int
    width: int
    height: int
    is_mirrored: bool


def draw_window(rng: np.random.Generator, how: Clues, *, width: int, height: int) -> Window:
    """A random part of a picture, of drawn area and aspect; where none fits, the middle one of the nearest aspect.

    Reference: torchvision RandomResizedCrop.
    """
    is_mirrored = bool(rng.random() < how.flip)
    low, high = how.aspect
    for _ in range(ATTEMPTS):
        area = width * height * rng.uniform(*how.area)
        aspect = exp(rng.uniform(log(low), log(high)))
        w, h = round(sqrt(area * aspect)), round(sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            left, top = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
            return Window(left, top, w, h, is_mirrored)
    w, h = min(width, round(height * high)), min(height, round(width / low))
    return Window((width - w) // 2, (height - h) // 2, w, h, is_mirrored)


def seen_through(picture: Picture, window: Window, *, size: int) -> Picture:
    """That part of the picture, mirrored or not, as a square of `size` pixels."""
    w = window
    part = picture[w.top : w.top + w.height, w.left : w.left + w.width]
    square = resized(np.ascontiguousarray(part), size)
    return np.ascontiguousarray(square[:, ::-1]) if w.is_mirrored else square


def with_clue(picture: Picture, clue: Clue, rng: np.random.Generator) -> tuple[Picture, Species]:
    """The picture with a clue of the paper's strength, and the species of attack that it is now.

    SDSC blends inside of the largest face that is found, and in the middle of the picture where none is: such pictures
    are mostly crops of one face, too tight for a finder. The copy and its mask are moved by one transform.
    """
    if clue == "sdsc":
        scene = apply_sdsc(Scene(picture, _face(picture)), draw_sdsc(rng))
        return scene.pixels, SPECIES["sdsc"]
    scene = apply_spsc(Scene(picture, _whole(picture)), draw_spsc(rng, clues=clue))
    return scene.pixels, SPECIES["spsc"]


class CluedPictures(Dataset[dict[str, torch.Tensor]]):
    """All pictures once an epoch, in a new order each time; sample i of epoch e is always the same.

    Of bona fide pictures of the train split each gets by one draw an epoch a clue or none; with a clue it is an attack.
    Items as those of `SimulatedFaces`.
    """

    def __init__(
        self,
        pictures: Sequence[StoredPicture],
        *,
        contract: InputContract,
        how: Clues,
        seed: int,
        dev: Sequence[StoredPicture] = (),
    ) -> None:
        """Choose the pictures.

        Args:
            pictures: Of the train split.
            contract: Says the size.
            how: With a schedule of its own or none.
            seed: Of every draw.
            dev: Pictures of the dev split, learned from where `how` says so, and never with a clue.

        Raises:
            RecipeError: If the schedule was left to the manifest.
            ManifestError: If a class has no picture.
        """
        if how.schedule == "manifest":
            raise RecipeError(f"data.schedule must be none or one of {', '.join(SCHEDULES)}; got 'manifest'")
        for name, is_bonafide in (("bonafide pictures", True), ("pictures of attacks", False)):
            if not any((one.species == BONAFIDE) is is_bonafide for one in pictures):
                raise ManifestError(f"training needs {name} in the train split; it has none; add some")
        self._pictures = [*pictures, *(one for one in dev if how.learns_from_dev(one.species))]
        self._num_train = len(pictures)
        names = (BONAFIDE.name, *(one.species.name for one in self._pictures), *how.simulated_species)
        self.species_names = tuple(dict.fromkeys(names))
        self._size, self._how, self._seed = contract.size, how, seed
        self.set_epoch(0)

    def __len__(self) -> int:
        return len(self._pictures)

    def set_epoch(self, epoch: int) -> None:
        """Choose which epoch's samples the indices mean."""
        self._epoch = epoch
        self._order = generator("order", self._seed, epoch).permutation(len(self._pictures))

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        place = int(self._order[index])
        picture, species = self._drawn(place)
        height, width = picture.shape[:2]
        window = draw_window(self._stream("window", place), self._how, width=width, height=height)
        crop = seen_through(picture, window, size=self._size)
        return item(crop, species, self.species_names.index(species.name))

    def clue_of(self, place: int) -> Clue | None:
        """The clue that a picture, by its place among all, gets in this epoch."""
        held = self._pictures[place]
        may_change = place < self._num_train and held.species == BONAFIDE and self._how.schedule != "none"
        return draw_schedule(self._stream("clue", place), self._how.schedule) if may_change else None

    def _drawn(self, place: int) -> tuple[Picture, Species]:
        held, clue = self._pictures[place], self.clue_of(place)
        picture = read_picture(held.path)
        return with_clue(picture, clue, self._stream("attack", place)) if clue else (picture, held.species)

    def _stream(self, purpose: str, place: int) -> np.random.Generator:
        return generator(purpose, self._seed, self._epoch, place)


@functools.cache
def _finder() -> DlibHogFinder:
    return DlibHogFinder()


def _face(picture: Picture) -> Box:
    faces = _finder().find(picture)
    return faces[0].box if faces else _whole(picture)


def _whole(picture: Picture) -> Box:
    height, width = picture.shape[:2]
    return Box(0, 0, width, height)
