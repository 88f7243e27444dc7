"""Whether a manifest's pictures are there, and where its paths start from."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from bonaface.data.manifest import Manifest
from bonaface.errors import ManifestError


@dataclass(frozen=True, slots=True)
class Presence:
    """What is there of a manifest.

    Attributes:
        manifest: The rows whose picture is there.
        missing: The pictures that are not, one a row.
    """

    manifest: Manifest
    missing: tuple[Path, ...]


def present(manifest: Manifest, *, allow_missing: bool = False) -> Presence:
    """The rows whose picture is there.

    Raises:
        ManifestError: If pictures are missing and that is not allowed, or all are.
    """
    is_there = [manifest.picture_path(row).is_file() for row in manifest.rows]
    pairs = list(zip(manifest.rows, is_there, strict=True))
    missing = tuple(manifest.picture_path(row) for row, there in pairs if not there)
    if missing and (not allow_missing or len(missing) == len(pairs)):
        advice = "check the folder" if len(missing) == len(pairs) else "add them, or allow missing pictures"
        raise ManifestError(
            f"every picture of the lists must be there; {len(missing)} of {len(pairs)} are missing: "
            f"{first_ten(missing)}; {advice}"
        )
    return Presence(replace(manifest, rows=tuple(row for row, there in pairs if there)), missing)


def first_ten(paths: tuple[Path, ...]) -> str:
    """The first ten names of a list, and dots where there are more."""
    return ", ".join(map(str, paths[:10])) + (" ..." if len(paths) > 10 else "")


def rebased(manifest: Manifest, folder: Path) -> Manifest:
    """The same pictures for a manifest in `folder`: relative where they lie below it, absolute elsewhere."""
    home, root = folder.resolve(), manifest.folder.resolve()

    def path_of(path: str) -> str:
        # not resolved: a link to a picture keeps its own name
        place = Path(os.path.normpath(root / path))
        return (place.relative_to(home) if place.is_relative_to(home) else place).as_posix()

    rows = tuple(replace(row, path=path_of(row.path)) for row in manifest.rows)
    return Manifest(rows, folder)
