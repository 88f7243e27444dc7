"""Torch datasets of prepared crops: simulated afresh every epoch for training, the same every time for dev."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import SIMULATIONS
from bonaface.contract import InputContract
from bonaface.data.augmentation import Augmentation, augmented, jittered
from bonaface.data.randomness import generator
from bonaface.data.samples import attacked, captured, family_targets
from bonaface.errors import ManifestError, did_you_mean
from bonaface.faces.crop import prepare
from bonaface.types import Picture
from bonaface.vocabulary import SPECIES, Family, Species


@dataclass(frozen=True, slots=True)
class Mixture:
    """What an epoch is made of.

    Attributes:
        shares: Relative share of each species, bonafide among them. Species without a simulation are taken from
            the manifest's own pictures; simulated ones are made from bona fide pictures.
        recaptured_digital: Chance that a print or replay is made from a digital attack's picture instead, so that
            neither the surroundings nor the face of such pictures tell the families apart.
        strength: (low, high) of the simulations, drawn per sample.
        capture: (low, high) of the capture chain's strength, drawn per sample, alike for every class.
    """

    shares: Mapping[str, float] = field(
        default_factory=lambda: {
            "bonafide": 0.38,
            "print": 0.11,
            "replay": 0.11,
            "spsc": 0.05,
            "faceswap": 0.16,
            "sdsc": 0.09,
            "diffusion": 0.10,
        }
    )
    recaptured_digital: float = 0.2
    strength: tuple[float, float] = (0.5, 1.3)
    capture: tuple[float, float] = (0.0, 1.2)


@dataclass(frozen=True, slots=True)
class LabelledScene:
    """A scene and what it is known to be."""

    scene: Scene
    species: Species
    subject: str


class SimulatedFaces(Dataset[dict[str, torch.Tensor]]):
    """`length` samples an epoch, drawn from scenes by a mixture; sample i of epoch e is always the same.

    Items: `crop` (size, size, 3) uint8 RGB; `label` float32, 1 = attack; `targets` and `known` (families,)
    float32; `species` int64, an index into `species_names`.
    """

    def __init__(
        self,
        scenes: Sequence[LabelledScene],
        *,
        contract: InputContract,
        mixture: Mixture,
        augmentation: Augmentation,
        length: int,
        seed: int,
    ) -> None:
        self._pools = _pools(scenes, mixture)
        self._scenes = list(scenes)
        self._contract = replace(contract, min_face_px=1)  # jitter may push a small face under the limit
        self._mixture, self._augmentation = mixture, augmentation
        self._length, self._seed, self._epoch = length, seed, 0
        self.species_names = tuple(mixture.shares)
        weights = np.array([mixture.shares[name] for name in self.species_names], float)
        self._chances = weights / weights.sum()

    def __len__(self) -> int:
        return self._length

    def set_epoch(self, epoch: int) -> None:
        """Choose which epoch's samples the indices mean."""
        self._epoch = epoch

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        rng = generator("train", self._seed, self._epoch, index)
        number = int(rng.choice(len(self.species_names), p=self._chances))
        crop = self._crop(SPECIES[self.species_names[number]], rng)
        return item(crop, SPECIES[self.species_names[number]], number)

    def _crop(self, species: Species, rng: np.random.Generator) -> Picture:
        pool = self._pools[species.name]
        is_recaptured = species.family is Family.PHYSICAL and rng.random() < self._mixture.recaptured_digital
        if is_recaptured and species.name in SIMULATIONS:  # pictures of real attacks are shown as they are
            pool = self._pools.get("diffusion") or pool
        base = self._scenes[pool[rng.integers(len(pool))]].scene
        other = self._scenes[rng.integers(len(self._scenes))].scene
        scene = augmented(base, other, self._augmentation, rng)
        scene, _ = attacked(scene, species, rng, strength=rng.uniform(*self._mixture.strength))
        scene, _ = captured(scene, rng, strength=rng.uniform(*self._mixture.capture))
        return prepare(scene.pixels, jittered(scene.face, self._augmentation, rng), self._contract).pixels


class FixedCrops(Dataset[dict[str, torch.Tensor]]):
    """Prepared crops held in memory, for dev: the same pictures at every epoch. Items as `SimulatedFaces`."""

    def __init__(self, crops: Sequence[tuple[Picture, Species]]) -> None:
        self._crops = list(crops)
        self.species_names = tuple(dict.fromkeys(species.name for _, species in self._crops))

    def __len__(self) -> int:
        return len(self._crops)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        crop, species = self._crops[index]
        return item(crop, species, self.species_names.index(species.name))


def item(crop: Picture, species: Species, number: int) -> dict[str, torch.Tensor]:
    """A crop and what it teaches, as tensors."""
    targets, known = family_targets(species)
    return {
        "crop": torch.from_numpy(crop),
        "label": torch.tensor(0.0 if species.family is None else 1.0),
        "targets": torch.from_numpy(targets),
        "known": torch.from_numpy(known),
        "species": torch.tensor(number),
    }


def _pools(scenes: Sequence[LabelledScene], mixture: Mixture) -> dict[str, list[int]]:
    """For each species of the mixture, the scenes that it can be made from."""
    pools: dict[str, list[Any]] = {}
    for name, share in mixture.shares.items():
        if name not in SPECIES:
            raise ManifestError(
                f"the mixture must name known species; got '{name}'{did_you_mean(name, SPECIES)}"
            )
        wanted = "bonafide" if name in SIMULATIONS else name
        pools[name] = [i for i, known in enumerate(scenes) if known.species.name == wanted]
        if share > 0 and not pools[name]:
            raise ManifestError(
                f"training needs {wanted} pictures for the mixture's '{name}'; the train split has none; "
                f"add some or set its share to 0"
            )
    return pools
