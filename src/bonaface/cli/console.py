"""Where commands print: results to stdout, everything else to stderr; and the progress bar they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bonaface.errors import DownloadError

results = Console()
errors = Console(stderr=True)

COLOURS = {"bonafide": "green", "attack": "red", "no_decision": "yellow"}


@contextmanager
def progress_bar(title: str, total: int, *, is_shown: bool = True) -> Iterator[Callable[[], None]]:
    """A bar on stderr, gone when done; yields the function that advances it by one."""
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not is_shown or total < 2) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)


def finder_file(finder: str | None) -> Path | None:
    """The YuNet file that `--finder` means; None for the bundle's own finder.

    Raises:
        DownloadError: If it is `yunet` and that was not fetched yet, or no file.
    """
    if finder is None or finder == "dlib_hog":
        return None
    if finder != "yunet":
        return Path(finder)
    from bonaface.faces.fetch import fetched

    path = fetched("yunet")
    if path is None:
        raise DownloadError("YuNet must be fetched once before it is used; run: bonaface models fetch yunet")
    return path
