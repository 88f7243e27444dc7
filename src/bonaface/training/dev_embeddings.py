"""What a trained detector's encoder makes of the attacks among the dev rows of a manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from bonaface.contract import InputContract
from bonaface.data.manifest import Manifest, check_files, read_manifest
from bonaface.data.splits import assigned
from bonaface.errors import ManifestError, PictureError
from bonaface.faces.crop import prepare
from bonaface.faces.finder import Finder
from bonaface.faces.picture import read_picture
from bonaface.models.detector import Detector
from bonaface.models.pixels import normalise
from bonaface.types import Picture
from bonaface.vocabulary import BONAFIDE, Split

BATCH = 32


@dataclass(frozen=True, slots=True, eq=False)
class AttackEmbeddings:
    """Of attacks whose face was found.

    Attributes:
        embedding: (rows, width) float32.
        species: Of each row.
        subjects: Of each row.
    """

    embedding: Float[Tensor, "rows width"]
    species: tuple[str, ...]
    subjects: tuple[str, ...]


def dev_attacks(manifest_path: Path) -> Manifest:
    """The attacks among the dev rows of a manifest.

    Raises:
        ManifestError: If there is none, or a picture is missing.
    """
    manifest = assigned(read_manifest(manifest_path)).of_split(Split.DEV)
    attacks = replace(manifest, rows=tuple(row for row in manifest.rows if row.species != BONAFIDE))
    if not attacks.rows:
        raise ManifestError(
            f"{manifest_path} must have dev rows of attacks, which species are told apart by; it has none"
        )
    check_files(attacks)
    return attacks


def attack_embeddings(
    detector: Detector,
    contract: InputContract,
    attacks: Manifest,
    finder: Finder,
    *,
    on_row: Callable[[], None] = lambda: None,
) -> AttackEmbeddings:
    """Embed pictures; what the gate could not judge is left out.

    Args:
        detector: In eval mode.
        contract: How its crops are prepared.
        attacks: See `dev_attacks`.
        finder: Of faces.
        on_row: Called after each row.
    """
    crops: list[Picture] = []
    found = []
    for row in attacks.rows:
        crop = _crop(attacks.picture_path(row), contract, finder)
        if crop is not None:
            crops.append(crop)
            found.append(row)
        on_row()
    embedding = [_embedded(detector, contract, crops[at : at + BATCH]) for at in range(0, len(crops), BATCH)]
    return AttackEmbeddings(
        torch.cat(embedding) if embedding else torch.empty(0, 0),
        tuple(row.species.name for row in found),
        tuple(row.subject for row in found),
    )


def _crop(path: Path, contract: InputContract, finder: Finder) -> Picture | None:
    try:
        picture = read_picture(path)
        faces = finder.find(picture)
        return prepare(picture, faces[0].box, contract).pixels if faces else None
    except PictureError:
        return None


@torch.no_grad()
def _embedded(detector: Detector, contract: InputContract, crops: list[Picture]) -> Tensor:
    batch = torch.stack([torch.from_numpy(crop) for crop in crops])
    return detector.embed(normalise(batch, mean=contract.mean, std=contract.std)).float()
