"""What probes see of a benchmark: some rows of each species, found and prepared as any detector gets them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field

import numpy as np

from bonaface.contract import InputContract
from bonaface.data.manifest import Manifest, Row
from bonaface.data.probes import probes
from bonaface.data.randomness import generator
from bonaface.data.simuad.traces import Values, traces
from bonaface.errors import PictureError
from bonaface.faces.crop import prepare
from bonaface.faces.finder import Finder
from bonaface.faces.picture import read_picture
from bonaface.vocabulary import Split

PER_SPECIES = 120
"""Attacks of each species, in train and in test, that are looked at."""

BONAFIDE = 300
"""The same of bona fide rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A row whose face was found.

    Attributes:
        row: Of the benchmark.
        traces: Of its prepared crop, see `traces`.
        shortcuts: Numbers that must not tell the class, by name.
    """

    row: Row
    traces: Values
    shortcuts: dict[str, float]


@dataclass(slots=True)
class Crops:
    """What was seen.

    Attributes:
        found: Rows with a face.
        looked_at: Test rows that were opened, by species.
        missed: Those in which no face was found, by species.
    """

    found: list[Crop] = field(default_factory=list)
    looked_at: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)


def chosen(rows: Iterable[Row]) -> list[Row]:
    """Some rows of each species in train and in test, by a draw that depends on their paths alone."""
    by_kind: dict[tuple[Split, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.split in (Split.TRAIN, Split.TEST):
            by_kind[row.split, row.species.name].append(row)
    return [
        row
        for of_kind in by_kind.values()
        for row in sorted(of_kind, key=lambda row: generator("simuad audit", row.path).random())[
            : BONAFIDE if of_kind[0].is_bonafide else PER_SPECIES
        ]
    ]


def crops(
    manifest: Manifest, finder: Finder, *, on_row: Callable[[], None], is_stopped: Callable[[], bool]
) -> Crops | None:
    """Look at every row of the manifest; None if stopped."""
    contract, seen = InputContract(), Crops()
    for row in manifest.rows:
        if is_stopped():
            return None
        crop = _crop(manifest, row, finder, contract)
        if row.split is Split.TEST:
            seen.looked_at[row.species.name] += 1
            seen.missed[row.species.name] += crop is None
        if crop is not None:
            seen.found.append(crop)
        on_row()
    return seen


def _crop(manifest: Manifest, row: Row, finder: Finder, contract: InputContract) -> Crop | None:
    path = manifest.picture_path(row)
    try:
        picture = read_picture(path)
        faces = finder.find(picture)
        if not faces:
            return None
        prepared = prepare(picture, faces[0].box, contract)
        shortcuts = {"picture_px": float(np.sqrt(picture.shape[0] * picture.shape[1]))}
        if row.split is Split.TEST:  # slow, and of the test rows alone
            told = probes(picture, faces[0].box, contract, file_bytes=path.stat().st_size)
            shortcuts |= asdict(told)
    except PictureError:
        return None
    return Crop(row, traces(prepared.pixels), shortcuts)
