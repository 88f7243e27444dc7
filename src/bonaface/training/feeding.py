"""What the loop is fed with: samples by the recipe's kind of data, in batches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch.utils.data import DataLoader

from bonaface.contract import InputContract
from bonaface.data.clue_schedule import Clues
from bonaface.data.clued_pictures import CluedPictures
from bonaface.data.dataset import FixedCrops, SimulatedFaces
from bonaface.data.kept_pairs import KeptPairs
from bonaface.data.masked_faces import MaskedCrops, MaskedFaces
from bonaface.data.pairs import PairedPictures, Pairs, StoredPictures
from bonaface.errors import RecipeError
from bonaface.models.spectrum import CELL
from bonaface.training.material import Material
from bonaface.training.recipe import Recipe
from bonaface.training.stopping import deaf

Samples = SimulatedFaces | KeptPairs | PairedPictures | CluedPictures | MaskedFaces


def samples_of(recipe: Recipe, material: Material, *, teacher: InputContract | None = None) -> Samples:
    """The samples that the recipe trains on.

    Args:
        recipe: What to do.
        material: What is drawn from.
        teacher: How the crop of a teacher is cut, where it is another than the recipe's.

    Raises:
        ManifestError: If pictures that it needs are missing.
        RecipeError: If its settings contradict each other.
    """
    if isinstance(recipe.data, Pairs):
        return PairedPictures(material.pictures, contract=recipe.contract, how=recipe.data, seed=recipe.seed)
    if isinstance(recipe.data, Clues):
        dev = material.dev.pictures if isinstance(material.dev, StoredPictures) else ()
        return CluedPictures(
            material.pictures, contract=recipe.contract, how=recipe.data, seed=recipe.seed, dev=dev
        )
    how: dict[str, Any] = {
        "contract": recipe.contract,
        "mixture": recipe.mixture,
        "augmentation": recipe.augmentation,
        "length": recipe.samples_per_epoch,
        "seed": recipe.seed,
    }
    if recipe.masking is not None:
        # pairs have a genuine half each, and no carrier of an attack, which may be generated
        how |= {
            "mixture": replace(recipe.mixture, recaptured_digital=0.0, compared_digital=0.0),
            "length": 2 * recipe.samples_per_epoch,
        }
        faces = SimulatedFaces(material.scenes, **how)
        return MaskedFaces(faces, contract=recipe.contract, seed=recipe.seed, **_hiding(recipe))
    if recipe.data.kept_pairs:
        if material.kept_in is None:
            raise RecipeError("pairs that are kept need a folder; give one, or set data.kept_pairs to 0")
        return KeptPairs(material.scenes, num_pairs=recipe.data.kept_pairs, folder=material.kept_in, **how)
    return SimulatedFaces(material.scenes, teacher=teacher, **how)


def dev_of(recipe: Recipe, material: Material) -> FixedCrops | StoredPictures | MaskedCrops:
    """What the recipe's epochs are judged by."""
    if recipe.masking is None or isinstance(material.dev, StoredPictures):
        return material.dev
    return MaskedCrops(material.dev, contract=recipe.contract, **_hiding(recipe))


def _hiding(recipe: Recipe) -> dict[str, Any]:
    assert recipe.masking is not None
    return {"cells_per_side": recipe.contract.size // CELL, "ratio": recipe.masking.ratio}


def loader_of(dataset: Any, recipe: Recipe, *, drops_last: bool) -> DataLoader[Any]:
    """Batches in the order of the indices: the samples themselves are drawn at random."""
    return DataLoader(
        dataset,
        batch_size=recipe.batch_size,
        num_workers=recipe.num_workers,
        drop_last=drops_last,
        worker_init_fn=deaf,
        pin_memory=torch.cuda.is_available(),
    )
