"""Splits by subject: the same subject falls on the same side on every machine, and a leak is an error."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from bonaface.data.manifest import Manifest, Row
from bonaface.errors import ManifestError
from bonaface.vocabulary import Split

PROTOCOL = "protocol"
"""The group column that names the protocol which put a row into its split."""

DEFAULT_SHARES = {Split.TRAIN: 0.6, Split.DEV: 0.2, Split.TEST: 0.2}


def split_of(subject: str, *, salt: str = "bonaface", shares: dict[Split, float] | None = None) -> Split:
    """The split of a subject, from a hash of its name: no list to keep, none to lose.

    >>> split_of("A000014") is split_of("A000014")
    True
    """
    digest = hashlib.sha256(f"{salt}\0{subject}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    limit = 0.0
    for split, share in (shares or DEFAULT_SHARES).items():
        limit += share
        if place < limit:
            return split
    return Split.TEST


def assigned(manifest: Manifest, *, salt: str = "bonaface") -> Manifest:
    """The manifest with a split in every row: as written where all rows have one, else by hash where none has.

    Raises:
        ManifestError: If only some rows have a split, or a subject is on two sides.
    """
    rows = manifest.rows
    if not has_splits(rows):
        rows = tuple(replace(row, split=split_of(row.subject, salt=salt)) for row in rows)
    filled = replace(manifest, rows=rows)
    check_leaks(filled)
    return filled


def has_splits(rows: Sequence[Row]) -> bool:
    """Whether every row has a split; False where none has.

    Raises:
        ManifestError: If only some have.
    """
    have = sum(row.split is not None for row in rows)
    if have not in (0, len(rows)):
        raise ManifestError(
            f"all rows must have a split, or none; {have} of {len(rows)} have one; fill the column"
        )
    return have > 0


def leaks(manifest: Manifest) -> dict[str, set[Split]]:
    """Subjects that more than one split holds, and which."""
    sides: dict[str, set[Split]] = defaultdict(set)
    for row in manifest.rows:
        if row.split is not None:
            sides[row.subject].add(row.split)
    return {subject: splits for subject, splits in sides.items() if len(splits) > 1}


def is_official(row: Row) -> bool:
    """Whether an official protocol has put the row into its split, as the group column `protocol` says."""
    return bool(row.groups.get(PROTOCOL))


def check_leaks(manifest: Manifest) -> None:
    """Raise `ManifestError` if a subject is on two sides of a split.

    Rows of an official protocol are where the protocol has them: what it shares is told by the audit of the manifest.
    """
    found = leaks(manifest.where(lambda row: not is_official(row)))
    if found:
        subject, splits = next(iter(sorted(found.items())))
        raise ManifestError(
            f"every subject must be in one split; {len(found)} are in several, "
            f"e.g. '{subject}' in {' and '.join(sorted(splits))}; move all its rows to one"
        )
