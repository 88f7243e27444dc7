"""Several data sets as one: a threshold that shall hold for faces of many origins is chosen on all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bonaface.data.manifest import Manifest
from bonaface.data.protocols.presence import rebased
from bonaface.data.splits import check_leaks, has_splits
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
    path, count = next(iter(Counter(row.path for row in rows).most_common(1)), ("", 0))
    if count > 1:
        raise ManifestError(
            f"every picture must be in one of the manifests, once; {folder / path} is in twice; leave one out"
        )
    has_splits(rows)  # all of them or none
    found = Manifest(tuple(rows), folder)
    check_leaks(found)
    return found
