"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Another name to write to, in the block; at its end the file takes the place of `path`. Folders are made.

    Several processes may write the same file at the same time; the last one's is there. Whatever ends the block early leaves what
    was there, and nothing else.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_whole(path: Path, data: bytes) -> None:
    """Write under another name and rename: a file that is there has all of its bytes. Folders are made.

    Raises:
        OSError: If the disk is full; then nothing of it is left.
    """
    with whole_file(path) as part:
        part.write_bytes(data)
