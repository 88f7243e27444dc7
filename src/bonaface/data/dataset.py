"""Torch datasets of prepared crops: simulated afresh every epoch for training, the same every time for dev."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch.utils.data import Dataset

from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import SIMULATIONS
from bonaface.contract import InputContract
from bonaface.data.augmentation import Augmentation, augmented, jittered
from bonaface.data.randomness import generator
from bonaface.data.samples import attacked, captured, family_targets, framed
from bonaface.errors import ManifestError, did_you_mean
from bonaface.faces.crop import prepare
from bonaface.types import Picture
from bonaface.vocabulary import BONAFIDE, SPECIES, Family, Species


@dataclass(frozen=True, slots=True)
class Mixture:
    """What the attacks of an epoch are; every attack comes with a bona fide twin.

    Attributes:
        shares: Relative share of each species of attack. Species without a simulation are taken from the manifest's
            own pictures; simulated ones are made from bona fide pictures.
        recaptured_digital: Chance that a print or replay is made from a digital attack's picture instead, so that
            neither the surroundings nor the face of such pictures tell the families apart.
        strength: (low, high) of the simulations, drawn per sample.
        capture: (low, high) of the capture chain's strength, drawn per pair.
    """

    shares: Mapping[str, float] = field(
        default_factory=lambda: {
            "print": 0.19,
            "replay": 0.21,
            "spsc": 0.06,
            "faceswap": 0.30,
            "sdsc": 0.08,
            "diffusion": 0.16,
        }
    )
    recaptured_digital: float = 0.2
    strength: tuple[float, float] = (0.55, 1.25)
    capture: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class LabelledScene:
    """A scene and what it is known to be."""

    scene: Scene
    species: Species
    subject: str


class SimulatedFaces(Dataset[dict[str, torch.Tensor]]):
    """`length` samples an epoch, drawn from scenes by a mixture; sample i of epoch e is always the same.

    Samples come in pairs: 2k is bona fide, 2k + 1 an attack. Both share one augmentation, frame and capture, and where
    the attack is made from a bona fide picture, that picture too: within such a pair only the attack differs.

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
        self.species_names = (BONAFIDE.name, *mixture.shares)
        weights = np.array(list(mixture.shares.values()), float)
        self._chances = weights / weights.sum()

    def __len__(self) -> int:
        return self._length

    def set_epoch(self, epoch: int) -> None:
        """Choose which epoch's samples the indices mean."""
        self._epoch = epoch

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        pair, is_attack = divmod(index, 2)
        rng = generator("pair", self._seed, self._epoch, pair)
        number = 1 + int(rng.choice(len(self._chances), p=self._chances))
        species = SPECIES[self.species_names[number]]
        original, made_from = self._bases(species, rng)
        other = self._scenes[rng.integers(len(self._scenes))].scene
        base = self._scenes[made_from if is_attack else original].scene
        scene = augmented(base, other, self._augmentation, self._stream("augment", pair))
        if is_attack:
            stream = self._stream("attack", pair)
            scene, _ = attacked(scene, species, stream, strength=stream.uniform(*self._mixture.strength))
        scene = framed(scene, self._stream("frame", pair))
        stream = self._stream("capture", pair)
        scene, _ = captured(scene, stream, strength=stream.uniform(*self._mixture.capture))
        face = jittered(scene.face, self._augmentation, self._stream("jitter", pair))
        crop = prepare(scene.pixels, face, self._contract).pixels
        return item(crop, species, number) if is_attack else item(crop, BONAFIDE, 0)

    def _bases(self, species: Species, rng: np.random.Generator) -> tuple[int, int]:
        """Scenes of a pair: the bona fide one, and the one that the attack is made from."""
        original = int(rng.choice(self._pools[BONAFIDE.name]))
        is_made = species.name in SIMULATIONS  # pictures of real attacks are shown as they are
        is_physical = species.family is Family.PHYSICAL
        recaptures = is_made and is_physical and rng.random() < self._mixture.recaptured_digital
        if recaptures and self._pools.get("diffusion"):
            return original, int(rng.choice(self._pools["diffusion"]))
        return original, original if is_made else int(rng.choice(self._pools[species.name]))

    def _stream(self, purpose: str, pair: int) -> np.random.Generator:
        return generator(purpose, self._seed, self._epoch, pair)


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
    """Scenes of every species that the mixture is made from.

    Raises:
        ManifestError: If a species is unknown or no attack, its pictures are missing, or no share is above 0.
    """
    pools = {BONAFIDE.name: _places(scenes, BONAFIDE.name)}
    for name, share in mixture.shares.items():
        if name not in SPECIES or name == BONAFIDE.name:
            attacks = [known for known in SPECIES if known != BONAFIDE.name]
            raise ManifestError(
                f"the mixture's shares must name species of attack; got '{name}'{did_you_mean(name, attacks)}"
            )
        wanted = BONAFIDE.name if name in SIMULATIONS else name
        pools[wanted] = _places(scenes, wanted)
        if share > 0 and not pools[wanted]:
            raise ManifestError(
                f"training needs {wanted} pictures for the mixture's '{name}'; the train split has none; "
                f"add some or set its share to 0"
            )
    if not pools[BONAFIDE.name]:
        raise ManifestError("training needs bonafide pictures; the train split has none; add some")
    if min(mixture.shares.values(), default=0) < 0 or not sum(mixture.shares.values()) > 0:
        raise ManifestError(
            f"the mixture's shares must be at least 0 and not all 0; got {dict(mixture.shares)}; raise one"
        )
    return pools


def _places(scenes: Sequence[LabelledScene], species: str) -> list[int]:
    return [place for place, known in enumerate(scenes) if known.species.name == species]
