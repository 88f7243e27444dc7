"""A bundle that is written takes the place of an earlier one when it is whole, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from bonaface.bundle import CARD, UNFINISHED, check_free, cleared


@contextmanager
def in_place_of(folder: Path) -> Iterator[Path]:
    """A new folder to write a bundle into, in the block; its files then replace those of `folder`, the card last.

    Whatever ends the block early leaves `folder` as it was. A bundle that is read while it is replaced is refused, since its
    card and its model do not belong together.

    Raises:
        BundleError: If `folder` holds other files than a bundle's.
    """
    check_free(folder)
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(
            prefix=UNFINISHED, dir=folder
        ) as name:  # on the same disk, whatever is mounted here
            fresh = Path(name) / folder.resolve().name
            yield fresh
            cleared(folder)
            for path in sorted(fresh.iterdir(), key=lambda path: path.name == CARD):
                path.replace(folder / path.name)
    except BaseException:
        if is_new:
            with suppress(OSError):
                folder.rmdir()
        raise
