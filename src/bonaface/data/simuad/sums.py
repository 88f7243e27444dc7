"""The sha256 of every file of a benchmark, and which of them do not hold any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bonaface.data.whole_file import write_whole
from bonaface.digest import sha256_of
from bonaface.errors import SimulationError

SUMS = "SHA256SUMS"
"""A line a picture, as `sha256sum -c SHA256SUMS` checks it; its own hash is one over all pictures."""


def digests(folder: Path, paths: Iterable[str]) -> dict[str, str]:
    """The sha256 of files below `folder`, by path; empty where a file can not be read."""
    found = {}
    for path in paths:
        try:
            found[path] = sha256_of(folder / path)
        except OSError:
            found[path] = ""
    return found


def write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    """Write the list of pictures, by path.

    Raises:
        SimulationError: If one of them could not be read.
    """
    unread = [path for path, digest in sums.items() if not digest]
    if unread:
        raise SimulationError(
            f"every picture of a benchmark must be readable; {len(unread)} can not be read, e.g. {unread[0]}; run the same command again"
        )
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(sums.items()))
    write_whole(folder / SUMS, lines.encode())


def read_sums(folder: Path) -> dict[str, str]:
    """What `write_sums` wrote; empty where it can not be read."""
    try:
        text = (folder / SUMS).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return {}
    pairs = (line.partition("  ") for line in text.split("\n"))  # a name may hold what else ends a line
    return {path: digest for digest, gap, path in pairs if gap}


def changed(folder: Path, expected: Mapping[str, str]) -> list[str]:
    """The files that are missing or have other bytes than `expected`, by path."""
    found = digests(folder, expected)
    return [path for path, digest in expected.items() if not digest or found[path] != digest]
