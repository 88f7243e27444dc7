"""Where commands print: results to stdout, everything else to stderr; and the progress bar they share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bonaface.errors import BonafaceError, DownloadError

UNBROKEN = 100_000
"""Characters of a line where no terminal says how wide it is: a table's row is one line, and a path in it whole."""


def console_of_results() -> Console:
    """As wide as the terminal; without one, in a pipe or a file, `UNBROKEN`, or what COLUMNS says."""
    console = Console(emoji=False)
    if not console.file.isatty() and "COLUMNS" not in os.environ:
        console.width = UNBROKEN
    return console


results = console_of_results()
errors = Console(stderr=True, emoji=False)

COLOURS = {"bonafide": "green", "attack": "red", "no_decision": "yellow"}


def say(text: str) -> None:
    """A line of results, as it is: names of files may hold what rich takes for markup."""
    results.print(plain(text), highlight=False, soft_wrap=True)


def remark(text: str, *, title: str = "") -> None:
    """A line about how it went, on stderr, as it is."""
    errors.print(f"{title}{plain(text)}", highlight=False, soft_wrap=True)


def plain(text: str) -> str:
    """The text escaped for rich; control characters and bytes of file names that are no UTF-8 are written out."""
    readable = "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)
    return escape(readable.encode("utf-8", "backslashreplace").decode())


def words(text: str) -> list[str]:
    """The words of a list by commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


@contextmanager
def progress_bar(title: str, total: int, *, is_shown: bool = True) -> Iterator[Callable[[], None]]:
    """A bar on stderr, gone when full; yields the function that advances it by one."""
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    is_hidden = not is_shown or total < 2 or not errors.is_terminal
    with Progress(*columns, console=errors, transient=True, disable=is_hidden) as bar:
        task = bar.add_task(title, total=total)

        def advance() -> None:
            bar.advance(task)
            if bar.finished:
                bar.stop()  # what follows inside the block may show a bar of its own

        yield advance


def folder_beside(out: Path, what: str) -> Path:
    """A folder named after `out`, next to it; `out` may be "."."""
    whole = out if out.name else out.absolute()
    return whole.with_name(f"{whole.name}-{what}")


def check_not_input(out: Path | None, *inputs: Path | None) -> None:
    """Raise `BonafaceError` where what is written would replace what is read."""
    for one in inputs:
        if out is not None and one is not None and out.exists() and one.exists() and out.samefile(one):
            raise BonafaceError(f"--out must be another file than {one}; it is the same; name a new one")


def check_kind(out: Path | None, *suffixes: str) -> None:
    """Raise `BonafaceError` where a file is there already and its name is of another kind than what is written."""
    if out is not None and out.exists() and out.suffix.lower() not in suffixes:
        raise BonafaceError(
            f"--out must be a new file, or one that ends in {' or '.join(suffixes)}; {out} is there and does not; name a new one"
        )


OWN_FINDER = "dlib_hog"
"""The finder that needs no file; only bundles that have learned by it can use it."""


def check_finder(finder: str | None, used: str) -> None:
    """Raise `BonafaceError` where `--finder dlib_hog` was asked for and a bundle has learned by another finder's boxes."""
    if finder == OWN_FINDER and used != OWN_FINDER:
        raise BonafaceError(
            f"--finder {OWN_FINDER} must be the bundle's own finder; this bundle has learned by {used}; leave it out"
        )


def finder_file(finder: str | None) -> Path | None:
    """The YuNet file that `--finder` means; None for the bundle's own finder.

    Raises:
        DownloadError: If it is `yunet` and that was not fetched yet, or no file.
    """
    if finder is None or finder == OWN_FINDER:
        return None
    if finder != "yunet":
        return Path(finder)
    from bonaface.faces.fetch import fetched

    path = fetched("yunet")
    if path is None:
        raise DownloadError("YuNet must be fetched once before it is used; run: bonaface models fetch yunet")
    return path
