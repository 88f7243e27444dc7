"""Pictures that are learned from as they are, read once before the first step: none may fail in the middle of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from bonaface.contract import InputContract
from bonaface.data.manifest import Manifest
from bonaface.data.pairs import StoredPicture, StoredPictures
from bonaface.errors import PictureError
from bonaface.faces.picture import read_picture
from bonaface.training.material import Material, check_dev, seen_splits
from bonaface.vocabulary import Reason, Split


def gather_stored(
    manifest: Manifest, *, contract: InputContract, on_row: Callable[[], None] = lambda: None
) -> Material:
    """The pictures of the train and dev splits that can be read. The test split is not opened.

    Raises:
        ManifestError: If a picture is missing, a subject is on two sides of a split that no protocol made, or a split
            lacks a class.
    """
    split = seen_splits(manifest)
    pictures: dict[Split, list[StoredPicture]] = {Split.TRAIN: [], Split.DEV: []}
    left_out: Counter[str] = Counter()
    sources: Counter[tuple[str, str, str]] = Counter()
    for row in split.rows:
        held = StoredPicture(split.picture_path(row), row.species)
        reason = _refusal(held, contract)
        on_row()
        if reason is not None:
            left_out[reason] += 1
            continue
        assert row.split is not None
        pictures[row.split].append(held)
        sources[row.source, row.licence, row.species.name] += 1
    dev = StoredPictures(pictures[Split.DEV], contract=contract)
    check_dev(dev.species_names)
    return Material((), dev, left_out, sources, tuple(pictures[Split.TRAIN]))


def _refusal(held: StoredPicture, contract: InputContract) -> str | None:
    """Why a gate would refuse the picture; None if it would not."""
    try:
        picture = read_picture(held.path)
    except PictureError as error:
        return str(error.reason)
    is_small = max(picture.shape[:2]) < contract.min_face_px
    return str(Reason.FACE_TOO_SMALL) if is_small else None
