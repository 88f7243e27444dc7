"""Several data sets as one: a threshold that shall hold for faces of many origins is chosen on all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from bonaface.data.manifest import Manifest
from bonaface.data.protocols.presence import rebased
from bonaface.data.splits import check_leaks
from bonaface.errors import ManifestError


def joined(manifests: Iterable[Manifest], folder: Path) -> Manifest:
    """All rows, in order, as a manifest in `folder`. A simulated picture is not replayed from it, but from its own.

    Args:
        manifests: Either all of their rows have a split, or none has.
        folder: Where the manifest will be.

    Raises:
        ManifestError: If a picture is in twice, a subject in two splits, or some rows have a split and others not.
    """
    rows = [row for manifest in manifests for row in rebased(manifest, folder).rows]
    seen: set[str] = set()
    for row in rows:
        place = os.path.normpath(folder / row.path)
        if place in seen:
            raise ManifestError(
                f"every picture must be in one of the manifests, once; {place} is in twice; leave one out"
            )
        seen.add(place)
    have = sum(row.split is not None for row in rows)
    if have not in (0, len(rows)):
        raise ManifestError(
            f"all of the manifests must have splits, or none; {have} of {len(rows)} rows have one; fill the column"
        )
    found = Manifest(tuple(rows), folder)
    check_leaks(found)
    return found
