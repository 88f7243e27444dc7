"""One process at a time in a folder: two that train the same runs would undo each other's work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bonaface.errors import CheckpointError
from bonaface.locks import is_held

LOCK = ".lock"


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; however the process ends, the system lets go of it.

    Raises:
        CheckpointError: If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        if not is_held(file):
            raise CheckpointError(
                f"{folder} must be worked on by one process at a time; another one is at it; wait for its end, or "
                "choose another --out"
            )
        yield
