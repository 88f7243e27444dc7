"""Torch datasets of prepared crops: simulated afresh every epoch for training, the same every time for dev."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch.utils.data import Dataset

from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import SIMULATIONS
from bonaface.contract import InputContract
from bonaface.data.augmentation import Augmentation, about_same_face, augmented, jittered
from bonaface.data.chains import chain_named, check_variants, drawn_variants, is_simulated
from bonaface.data.development import after_camera
from bonaface.data.distance import at_distance, drawn_face_px
from bonaface.data.partners import Partners
from bonaface.data.randomness import generator
from bonaface.data.samples import attacked, captured, family_targets, framed
from bonaface.errors import ManifestError, did_you_mean
from bonaface.faces.crop import prepare
from bonaface.types import Box, Picture
from bonaface.vocabulary import (
    BONAFIDE,
    CHAIN,
    FAMILIES,
    SPECIES,
    Family,
    Species,
    known_species,
    species_named,
)


@dataclass(frozen=True, slots=True)
class Mixture:
    """What the attacks of an epoch are; every attack comes with a bona fide twin.

    Attributes:
        shares: Relative share of each kind of attack, by the name of a simulation, of several joined by a plus
            (faceswap+print is a swapped face, then printed) or of a species. Species without a simulation are taken
            from the manifest's own pictures; simulated ones are made from bona fide pictures, with bona fide pictures
            of other subjects as partners.
        variants: By the name of a simulation, the variants that are drawn, all alike likely; simulations that are not
            named draw from all of theirs, each with its own chance; those without a share draw nothing.
        recaptured_digital: Chance that a pair of a physical attack shows a digital attack's picture, if the shares name
            `diffusion`: as it is, which says that there is neither paper nor screen and nothing about the rest, and
            attacked. So neither the surroundings nor the face of such pictures tell of paper or screen.
        compared_digital: Chance that a pair of a digital attack is made from a digital attack's picture, if the shares
            name `diffusion`: of neither is it said what it is, but that there is no paper and no screen, and that the one
            must show more than the other (`optimisation.twin_weight`). So a trace is seen in surroundings that no
            genuine picture has, and the surroundings say nothing.
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
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    recaptured_digital: float = 0.2
    compared_digital: float = 0.0
    strength: tuple[float, float] = (0.55, 1.25)
    capture: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class LabelledScene:
    """A scene and what it is known to be."""

    scene: Scene
    species: Species
    subject: str


def scenes_digest(scenes: Sequence[LabelledScene]) -> str:
    """The sha256 of what samples are drawn from: pictures, faces, landmarks, and what they are known to be."""
    digest = hashlib.sha256()
    for known in scenes:
        scene = known.scene
        digest.update(f"{known.subject} {known.species.name} {scene.face} {scene.pixels.shape}".encode())
        digest.update(scene.pixels.tobytes())
        digest.update(b"" if scene.landmarks is None else scene.landmarks.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Shown:
    """A sample before it becomes tensors.

    Attributes:
        crop: (size, size, 3) uint8 RGB.
        scene: What it was cut from.
        face: About which it was cut.
        number: Of the kind of attack among `species_names`; 0 = none was made.
        is_bonafide: Whether the picture that is shown without an attack is of a genuine face.
    """

    crop: Picture
    scene: Scene
    face: Box
    number: int
    is_bonafide: bool


class SimulatedFaces(Dataset[dict[str, torch.Tensor]]):
    """`length` samples an epoch, drawn from scenes by a mixture; sample i of epoch e is always the same.

    Samples come in pairs: 2k is bona fide, 2k + 1 an attack. Both share one augmentation, frame and capture, and where
    the attack is made from a bona fide picture, that picture too: within such a pair only the attack differs.

    Items: `crop` (size, size, 3) uint8 RGB; `label` float32, 1 = attack, nan = unknown; `targets`, `known` and `compared`
    (families,) float32, the last 1 where a target holds at least beside the twin's; `species` int64, an index into
    `species_names`, which are the names of the mixture's shares. With a contract for a teacher also `teacher_crop`, the same
    face as that contract cuts it.
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
        teacher: InputContract | None = None,
    ) -> None:
        check_mixture(mixture)
        self._teacher = None if teacher is None else replace(teacher, min_face_px=1)
        self._pools = _pools(scenes, mixture)
        self._scenes = list(scenes)
        self._partners = partners_of(scenes)
        _check_partners(self._partners, mixture)
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
        shown = self.shown(index)
        species = species_of_share(self.species_names[shown.number]) if shown.number else BONAFIDE
        is_carrier = not shown.is_bonafide and species.families <= {Family.DIGITAL}
        found = (carrier_item if is_carrier else item)(shown.crop, species, shown.number)
        if self._teacher is not None:
            found["teacher_crop"] = torch.from_numpy(
                self._cut(shown.scene, shown.face, index // 2, self._teacher)
            )
        return found

    def shown(self, index: int) -> Shown:
        """What sample `index` of the epoch shows, and where its face is in it."""
        pair, is_attack = divmod(index, 2)
        rng = generator("pair", self._seed, self._epoch, pair)
        number = 1 + int(rng.choice(len(self._chances), p=self._chances))
        name = self.species_names[number]
        original, made_from = self._bases(name, species_of_share(name), rng)
        face_px = drawn_face_px(self._stream("distance", pair), self._augmentation)
        other = at_distance(self._scenes[rng.integers(len(self._scenes))].scene, face_px)
        base = at_distance(self._scenes[made_from if is_attack else original].scene, face_px)
        scene = augmented(base, other, self._augmentation, self._stream("augment", pair))
        if is_attack and is_simulated(name):
            stream = self._stream("attack", pair)
            strength = stream.uniform(*self._mixture.strength)
            held = drawn_variants(chain_named(name), self._mixture.variants, self._stream("variant", pair))
            subject = self._scenes[made_from].subject
            partner = self._partners.drawn(subject, self._stream("partner", pair))
            partner = None if partner is None else at_distance(partner, face_px)
            made, _ = attacked(scene, name, stream, strength=strength, variant=held, partner=partner)
            scene = about_same_face(made, scene, self._augmentation)
        scene = framed(scene, self._stream("frame", pair))
        stream = self._stream("capture", pair)
        scene, _ = captured(scene, stream, strength=stream.uniform(*self._mixture.capture))
        face = jittered(scene.face, self._augmentation, self._stream("jitter", pair))
        crop = self._cut(scene, face, pair, self._contract)
        return Shown(crop, scene, face, number if is_attack else 0, self._is_bonafide(original))

    def _cut(self, scene: Scene, face: Box, pair: int, contract: InputContract) -> Picture:
        """The crop by a contract, developed as the pair is."""
        crop = prepare(scene.pixels, face, contract).pixels
        return after_camera(crop, self._stream("development", pair), self._augmentation)

    def _is_bonafide(self, place: int) -> bool:
        return self._scenes[place].species == BONAFIDE

    def _bases(self, name: str, species: Species, rng: np.random.Generator) -> tuple[int, int]:
        """Scenes of a pair: the one shown as it is, and the one that the attack is made from."""
        original = int(rng.choice(self._pools[BONAFIDE.name]))
        is_made = is_simulated(name)  # pictures of real attacks are shown as they are
        if is_made and self._is_over_carrier(species, rng) and self._pools.get("diffusion"):
            carrier = int(rng.choice(self._pools["diffusion"]))
            return carrier, carrier
        return original, original if is_made else int(rng.choice(self._pools[species.name]))

    def _is_over_carrier(self, species: Species, rng: np.random.Generator) -> bool:
        if species.families == {Family.PHYSICAL}:
            return rng.random() < self._mixture.recaptured_digital
        # without the chance nothing is drawn, and samples are what they were before there was one
        compared = self._mixture.compared_digital
        return compared > 0 and species.families == {Family.DIGITAL} and rng.random() < compared

    def _stream(self, purpose: str, pair: int) -> np.random.Generator:
        return generator(purpose, self._seed, self._epoch, pair)


class FixedCrops(Dataset[dict[str, torch.Tensor]]):
    """Prepared crops held in memory, for dev: the same pictures at every epoch. Items as `SimulatedFaces`."""

    def __init__(self, crops: Sequence[tuple[Picture, Species]]) -> None:
        self._crops = list(crops)
        self.species_names = tuple(dict.fromkeys(species.name for _, species in self._crops))

    @property
    def bonafide(self) -> list[Picture]:
        """The crops of genuine faces."""
        return [crop for crop, species in self._crops if species == BONAFIDE]

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
        "compared": torch.from_numpy(known.copy()),
        "species": torch.tensor(number),
    }


def carrier_item(crop: Picture, species: Species, number: int) -> dict[str, torch.Tensor]:
    """A digital attack's picture, as it is or under a further digital attack.

    It teaches that it is no physical attack, and as one of a pair that the attack leaves a trace. Its label is unknown, nan.
    """
    found = item(crop, species, number)
    known = torch.tensor([float(family is Family.PHYSICAL) for family in FAMILIES])
    return {**found, "label": torch.tensor(torch.nan), "known": known, "compared": torch.ones_like(known)}


def species_of_share(name: str) -> Species:
    """What a share of a mixture makes, or takes from the manifest.

    Raises:
        ManifestError: If it is the name of neither a simulation nor a species.
    """
    return chain_named(name).species if is_simulated(name) else species_named(name)


def partners_of(scenes: Sequence[LabelledScene]) -> Partners[Scene]:
    """The scenes of bona fide people, as partners for each other."""
    return Partners((known.subject, known.scene) for known in scenes if known.species == BONAFIDE)


def check_mixture(mixture: Mixture) -> None:
    """Refuse a mixture that no pictures can make good.

    Raises:
        ManifestError: If a share is of no attack, or no share is above 0.
        SimulationError: If a variant does not exist.
    """
    for name in mixture.shares:
        if not is_simulated(name) and known_species(name) in {None, BONAFIDE}:
            known = [word for word in {**SPECIES, **SIMULATIONS} if word != BONAFIDE.name]
            wrong = next((word for word in name.split(CHAIN) if word not in known), name)
            raise ManifestError(
                f"the mixture's shares must name simulations or species of attack; "
                f"got '{name}'{did_you_mean(wrong, known)}"
            )
    if min(mixture.shares.values(), default=0) < 0 or not sum(mixture.shares.values()) > 0:
        raise ManifestError(
            f"the mixture's shares must be at least 0 and not all 0; got {dict(mixture.shares)}; raise one"
        )
    check_variants(mixture.variants, list(SIMULATIONS))


def _check_partners(partners: Partners[Scene], mixture: Mixture) -> None:
    for name, share in mixture.shares.items():
        is_for_two = is_simulated(name) and chain_named(name).needs_partner
        if share > 0 and is_for_two and len(partners.subjects) < 2:
            raise ManifestError(
                f"training needs bonafide pictures of two people for the mixture's '{name}'; the train split has one; "
                f"add some or set its share to 0"
            )


def _pools(scenes: Sequence[LabelledScene], mixture: Mixture) -> dict[str, list[int]]:
    """Scenes of every species that the mixture is made from.

    Raises:
        ManifestError: If pictures of a species are missing.
    """
    pools = {BONAFIDE.name: _places(scenes, BONAFIDE.name)}
    for name, share in mixture.shares.items():
        wanted = BONAFIDE.name if is_simulated(name) else name
        pools[wanted] = _places(scenes, wanted)
        if share > 0 and not pools[wanted]:
            raise ManifestError(
                f"training needs {wanted} pictures for the mixture's '{name}'; the train split has none; "
                f"add some or set its share to 0"
            )
    if not pools[BONAFIDE.name]:
        raise ManifestError("training needs bonafide pictures; the train split has none; add some")
    return pools


def _places(scenes: Sequence[LabelledScene], species: str) -> list[int]:
    return [place for place, known in enumerate(scenes) if known.species.name == species]
