"""Sizes and formats of a sample of pictures, from their headers."""

from __future__ import annotations

import random
import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bonaface.data.manifest import Manifest

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")


@dataclass(frozen=True, slots=True)
class PictureFiles:
    """The sampled pictures of a species.

    Attributes:
        species: Its name.
        family: Its family; empty for bona fide.
        pictures: How many were opened.
        unreadable: How many of them could not be.
        formats: Pictures by format.
        sizes: Pictures by width x height, the most frequent first.
    """

    species: str
    family: str
    pictures: int
    unreadable: int
    formats: dict[str, int]
    sizes: dict[str, int]


def sampled(manifest: Manifest, num_pictures: int) -> tuple[PictureFiles, ...]:
    """Open up to `num_pictures` of each species, drawn alike each time; none for 0. No pixel is decoded."""
    by_species: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in manifest.rows:
        by_species[row.species.name, str(row.species.family or "")].add(row.path)
    if not num_pictures:
        return ()
    return tuple(
        _seen(manifest.folder, species, family, _drawn(sorted(paths), num_pictures))
        for (species, family), paths in sorted(by_species.items())
    )


def _drawn(paths: list[str], num: int) -> list[str]:
    return random.Random(0).sample(paths, min(num, len(paths)))


def _seen(folder: Path, species: str, family: str, paths: list[str]) -> PictureFiles:
    headers = [header for path in paths if (header := _header(folder / path)) is not None]
    return PictureFiles(
        species=species,
        family=family,
        pictures=len(paths),
        unreadable=len(paths) - len(headers),
        formats=dict(Counter(name for name, _ in headers).most_common()),
        sizes=dict(Counter(size for _, size in headers).most_common()),
    )


def _header(path: Path) -> tuple[str, str] | None:
    """Format and size; None where they can not be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                return str(image.format), f"{image.width}x{image.height}"
    except (
        Exception
    ):  # headers of hostile files raise OSError, ValueError, SyntaxError, struct.error and more
        return None
