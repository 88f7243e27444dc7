"""What a run learns from and is judged by: scenes of the train split, prepared crops of the dev split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bonaface.attacks.simulations import SIMULATIONS
from bonaface.contract import InputContract
from bonaface.data.dataset import FixedCrops, LabelledScene, Mixture
from bonaface.data.manifest import Manifest, check_classes, check_files
from bonaface.data.randomness import generator
from bonaface.data.samples import attacked, captured, framed
from bonaface.data.scenes import found_scenes
from bonaface.data.simulated import CAPTURE, STRENGTH
from bonaface.data.splits import assigned
from bonaface.errors import ManifestError, PictureError, RecipeError
from bonaface.faces.crop import prepare
from bonaface.faces.finder import Finder
from bonaface.types import Picture
from bonaface.vocabulary import BONAFIDE, SPECIES, Species, Split


@dataclass(frozen=True, slots=True)
class Material:
    """Ready to learn from.

    Attributes:
        scenes: Of the train split.
        dev: Prepared crops of the dev split, each species simulated once a subject.
        left_out: Pictures without a usable face, counted by reason.
        sources: Pictures used, counted by (source, licence, species).
    """

    scenes: tuple[LabelledScene, ...]
    dev: FixedCrops
    left_out: Mapping[str, int]
    sources: Mapping[tuple[str, str, str], int]


def gather(
    manifest: Manifest,
    *,
    finder: Finder,
    contract: InputContract,
    mixture: Mixture,
    seed: int,
    on_row: Callable[[], None] = lambda: None,
) -> Material:
    """Find every face of the train and dev splits, and prepare the dev crops. The test split is not opened.

    Raises:
        ManifestError: If a picture is missing, a subject is on two sides, or a split lacks bona fide faces.
        RecipeError: If the finder is not the contract's: the model would learn other boxes than it will meet.
    """
    if finder.name != contract.finder:
        raise RecipeError(f"contract.finder must be the finder in use, {finder.name}; got {contract.finder}")
    split = assigned(manifest).of_split(Split.TRAIN, Split.DEV)
    check_files(split)
    for side in (Split.TRAIN, Split.DEV):
        check_classes(split.of_split(side), what=f"the {side} split")
    scenes: dict[Split, list[LabelledScene]] = {Split.TRAIN: [], Split.DEV: []}
    left_out: Counter[str] = Counter()
    sources: Counter[tuple[str, str, str]] = Counter()
    for found in found_scenes(split, finder, on_row=on_row):
        if found.scene is None or found.scene.face.side < contract.min_face_px:
            left_out[found.reason or "face_too_small"] += 1
            continue
        assert found.row.split is not None
        scenes[found.row.split].append(LabelledScene(found.scene, found.row.species, found.row.subject))
        sources[found.row.source, found.row.licence, found.row.species.name] += 1
    dev = _dev_crops(scenes[Split.DEV], contract=contract, mixture=mixture, seed=seed)
    _check_dev(dev.species_names)
    return Material(tuple(scenes[Split.TRAIN]), dev, left_out, sources)


def _check_dev(species_names: tuple[str, ...]) -> None:
    if BONAFIDE.name not in species_names:
        raise ManifestError(
            "the dev split must have bonafide faces; none can be used; add bona fide pictures"
        )
    if len(species_names) < 2:
        raise ManifestError(
            "the dev split must have attacks; it has none; add pictures of attacks, or simulated species to the mixture"
        )


def _dev_crops(
    scenes: list[LabelledScene], *, contract: InputContract, mixture: Mixture, seed: int
) -> FixedCrops:
    wanted = [SPECIES[name] for name, share in mixture.shares.items() if share > 0]
    crops: list[tuple[Picture, Species]] = []
    for known in scenes:
        made = [BONAFIDE, *(s for s in wanted if s.name in SIMULATIONS)]
        for species in made if known.species == BONAFIDE else [known.species]:
            rng = generator("dev", seed, known.subject, species.name)
            crop = _dev_crop(known, species, contract, rng)
            if crop is not None:
                crops.append((crop, species))
    return FixedCrops(crops)


def _dev_crop(
    known: LabelledScene, species: Species, contract: InputContract, rng: np.random.Generator
) -> Picture | None:
    scene, strength = known.scene, rng.uniform(*STRENGTH)
    if known.species == BONAFIDE:  # a picture of an attack is one already
        scene, _ = attacked(scene, species, rng, strength=strength)
    scene = framed(scene, rng)
    scene, _ = captured(scene, rng, strength=rng.uniform(*CAPTURE))
    try:
        return prepare(scene.pixels, scene.face, contract).pixels
    except PictureError:  # a warp made a small face smaller than the contract allows
        return None
