"""What a run learns from and is judged by: scenes of the train split, prepared crops of the dev split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bonaface.attacks.mesh import face_matrix
from bonaface.attacks.scene import Scene
from bonaface.contract import InputContract
from bonaface.data.chains import chain_named, drawn_variants, is_simulated
from bonaface.data.dataset import (
    FixedCrops,
    LabelledScene,
    Mixture,
    check_mixture,
    partners_of,
    species_of_share,
)
from bonaface.data.manifest import Manifest, check_classes, check_files
from bonaface.data.pairs import StoredPicture, StoredPictures
from bonaface.data.randomness import generator
from bonaface.data.samples import attacked, captured, framed
from bonaface.data.scenes import MAX_FACE_PX, found_scenes
from bonaface.data.simulation_plan import CAPTURE, STRENGTH
from bonaface.data.splits import assigned
from bonaface.errors import ManifestError, PictureError, RecipeError, SimulationError
from bonaface.faces.crop import prepare
from bonaface.faces.finder import Finder
from bonaface.types import Picture
from bonaface.vocabulary import BONAFIDE, Species, Split


@dataclass(frozen=True, slots=True)
class Material:
    """Ready to learn from.

    Attributes:
        scenes: Of the train split, to simulate on.
        dev: Prepared crops of the dev split, each simulation of the mixture made once a bona fide picture.
        left_out: Pictures without a usable face, counted by reason.
        sources: Pictures used, counted by (source, licence, species).
        pictures: Of the train split, where they are used as they are.
        kept_in: Folder of simulated pairs that are kept, where the recipe keeps them.
    """

    scenes: tuple[LabelledScene, ...]
    dev: FixedCrops | StoredPictures
    left_out: Mapping[str, int]
    sources: Mapping[tuple[str, str, str], int]
    pictures: tuple[StoredPicture, ...] = ()
    kept_in: Path | None = None


def gather(
    manifest: Manifest,
    *,
    finder: Finder,
    contract: InputContract,
    mixture: Mixture,
    seed: int,
    is_attacked: bool = True,
    train_face_px: float = MAX_FACE_PX,
    on_row: Callable[[], None] = lambda: None,
) -> Material:
    """Find every face of the train and dev splits, and prepare the dev crops. The test split is not opened.

    Args:
        manifest: The pictures.
        finder: Finds the faces.
        contract: How crops are prepared.
        mixture: What is simulated on dev; attacks in train of which it wants no picture are not opened.
        seed: Of dev's simulations.
        is_attacked: Whether dev has attacks; otherwise its pictures are captured and no more.
        train_face_px: Side of the face's box in a scene of training, at most; dev's faces have up to `MAX_FACE_PX`.
        on_row: Called after each picture, for a progress bar.

    Raises:
        ManifestError: If a picture is missing, a subject is on two sides, or a split lacks bona fide faces.
        RecipeError: If the finder is not the contract's: the model would learn other boxes than it will meet.
    """
    if finder.name != contract.finder:
        raise RecipeError(f"contract.finder must be the finder in use, {finder.name}; got {contract.finder}")
    check_mixture(mixture)
    split = seen_splits(manifest)
    scenes: dict[Split, list[LabelledScene]] = {Split.TRAIN: [], Split.DEV: []}
    left_out: Counter[str] = Counter()
    sources: Counter[tuple[str, str, str]] = Counter()
    used = _shown(split, mixture)
    for _ in range(len(split.rows) - len(used.rows)):
        on_row()
    for side, largest in ((Split.TRAIN, train_face_px), (Split.DEV, MAX_FACE_PX)):
        for found in found_scenes(used.of_split(side), finder, max_face_px=largest, on_row=on_row):
            if found.scene is None or found.scene.face.side < contract.min_face_px:
                left_out[found.reason or "face_too_small"] += 1
                continue
            scenes[side].append(
                LabelledScene(_simulated_on(found.scene), found.row.species, found.row.subject)
            )
            sources[found.row.source, found.row.licence, found.row.species.name] += 1
    simulated = [name for name, share in mixture.shares.items() if share > 0 and is_simulated(name)]
    dev = _dev_crops(
        scenes[Split.DEV],
        contract=contract,
        mixture=mixture,
        seed=seed,
        simulated=simulated if is_attacked else [],
    )
    if is_attacked:
        check_dev(dev.species_names)
    return Material(tuple(scenes[Split.TRAIN]), dev, left_out, sources)


def _simulated_on(scene: Scene) -> Scene:
    """The scene, without landmarks that span no face, as of a full profile: attacks then guess them from the box, and none fails."""
    try:
        face_matrix(scene)
    except SimulationError:
        return replace(scene, landmarks=None)
    return scene


def seen_splits(manifest: Manifest) -> Manifest:
    """The rows of train and dev, all files there and both classes in each.

    Raises:
        ManifestError: If they are not, or a subject is on two sides of a split that no protocol made.
    """
    split = assigned(manifest).of_split(Split.TRAIN, Split.DEV)
    check_files(split)
    for side in (Split.TRAIN, Split.DEV):
        check_classes(split.of_split(side), what=f"the {side} split")
    return split


def _shown(split: Manifest, mixture: Mixture) -> Manifest:
    """Without pictures of attacks in train that the mixture has no use for, because it simulates that species or leaves it out."""
    kinds = {BONAFIDE.name} | {name for name in mixture.shares if not is_simulated(name)}
    rows = (row for row in split.rows if row.split is not Split.TRAIN or row.species.name in kinds)
    return Manifest(tuple(rows), split.folder)


def check_dev(species_names: tuple[str, ...]) -> None:
    """Raise `ManifestError` unless dev has both classes: no epoch could be chosen."""
    if BONAFIDE.name not in species_names:
        raise ManifestError(
            "the dev split must have bonafide faces; none can be used; add bona fide pictures"
        )
    if len(species_names) < 2:
        raise ManifestError(
            "the dev split must have attacks; it has none; add pictures of attacks, or simulated species to the mixture"
        )


def _dev_crops(
    scenes: list[LabelledScene],
    *,
    contract: InputContract,
    mixture: Mixture,
    seed: int,
    simulated: Sequence[str],
) -> FixedCrops:
    partners = partners_of(scenes)
    crops: list[tuple[Picture, Species]] = []
    pictures_of: Counter[str] = Counter()
    for known in scenes:
        others = (pictures_of[known.subject],) if known.subject in pictures_of else ()
        pictures_of[known.subject] += 1  # no two pictures of a person are attacked alike
        is_bonafide = known.species == BONAFIDE  # a picture of an attack is one already
        for name in (None, *simulated) if is_bonafide else (None,):
            species = known.species if name is None else species_of_share(name)
            rng = generator("dev", seed, known.subject, name or species.name, *others)
            own = generator("dev partner", seed, known.subject, name or species.name, *others)
            scene, strength = known.scene, rng.uniform(*STRENGTH)
            if name is not None:
                partner = partners.drawn(known.subject, own)
                if chain_named(name).needs_partner and partner is None:
                    continue
                held = drawn_variants(chain_named(name), mixture.variants, own)
                scene, _ = attacked(scene, name, rng, strength=strength, variant=held, partner=partner)
            crop = _dev_crop(scene, contract, rng)
            if crop is not None:
                crops.append((crop, species))
    return FixedCrops(crops)


def _dev_crop(scene: Scene, contract: InputContract, rng: np.random.Generator) -> Picture | None:
    scene = framed(scene, rng)
    scene, _ = captured(scene, rng, strength=rng.uniform(*CAPTURE))
    try:
        return prepare(scene.pixels, scene.face, contract).pixels
    except PictureError:  # a warp made a small face smaller than the contract allows
        return None
