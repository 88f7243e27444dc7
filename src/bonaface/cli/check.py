"""`bonaface check`: judge pictures."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bonaface.cli.console import COLOURS, check_finder, finder_file, plain, progress_bar, remark, results
from bonaface.cli.options import Bundle, Finder, Threads
from bonaface.errors import BonafaceError

if TYPE_CHECKING:
    from bonaface.inference.gate import Gate
    from bonaface.types import Verdict

_LONGEST_HEADER = 1000
"""Bytes of a file's first line that are looked at."""

FIELDS = (
    "path", "outcome", "attack_score", "threshold", "reason", "detail", "box", "num_faces", "bundle",
    "physical_score", "digital_score", "species",
)  # fmt: skip
"""Of a row of `--csv`."""

MAX_NAMES = 5
"""Of captures, in a remark."""


def check(
    pictures: Annotated[list[str], typer.Argument(help="Pictures, folders (searched through) or globs.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line and a face, on stdout.")
    ] = False,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Also write the verdicts to this CSV file, as they come.")
    ] = None,
    every_face: Annotated[
        bool,
        typer.Option(
            "--every-face",
            help="Judge every face that is found in a picture, not the largest alone; small ones beside large ones are found by --finder yunet.",
        ),
    ] = False,
    together: Annotated[
        bool,
        typer.Option(
            "--together",
            help="Pictures of one folder are captures of one presentation: one verdict a folder, "
            "and no decision where more than half of them have none.",
        ),
    ] = False,
    bundle: Bundle = None,
    operating_point: Annotated[
        str | None,
        typer.Option("--at", help="strict, balanced or convenient; the bundle's own threshold by default."),
    ] = None,
    finder: Finder = None,
    threads: Threads = 1,
) -> None:
    """Judge pictures: bonafide, attack or no decision.

    Exit code 0: all bonafide. 1: an attack among them. 2: no attack, but a picture without a decision, or an error.
    """
    if together and every_face:
        raise typer.BadParameter("--together has one verdict a folder, --every-face one a face; choose one")
    paths = expanded(pictures)
    from bonaface.inference.gate import load

    gate = load(bundle, operating_point=operating_point, yunet=finder_file(finder), num_threads=threads)
    check_finder(finder, gate.card.contract.finder)
    judged: list[tuple[str, Verdict]] = []
    is_whole = False
    try:
        with (
            csv_rows(csv_file) as write,
            progress_bar("checking", len(paths), is_shown=not as_json) as advance,
        ):
            found = (
                presentations(gate, paths, on_picture=advance)
                if together
                else verdicts(gate, paths, is_every_face=every_face, on_picture=advance)
            )
            for path, verdict in found:
                judged.append((path, verdict))
                write(path, verdict)
                if as_json:
                    sys.stdout.write(json.dumps({"path": path, **verdict.as_dict()}) + "\n")
                    sys.stdout.flush()
        is_whole = True
    except KeyboardInterrupt:
        remark(f"stopped after {len(judged)} verdicts of {len(paths)} pictures")
    except BrokenPipeError:  # the reader, e.g. head, has seen enough
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - Python flushes it at the end
    finally:
        if not as_json and judged:
            _shown(judged)
    raise typer.Exit(exit_code([verdict.outcome for _, verdict in judged], is_whole=is_whole))


def _shown(judged: list[tuple[str, Verdict]]) -> None:
    """Print the table; a reader who has seen enough of it, e.g. head, changes no exit code."""
    with suppress(BrokenPipeError, SystemExit):  # rich ends the program where a pipe is closed
        results.print(_table(judged))


def expanded(words: list[str]) -> list[str]:
    """Files for words that are files, folders or globs, in order, each once; a remark says what a folder has of other pictures.

    Raises:
        BonafaceError: If a folder or a glob holds no picture. A plain path that does not exist is kept: its
            verdict says so.
    """
    from bonaface.faces.picture import pictures_and_others_below

    found: dict[str, None] = {}
    for word in words:
        if os.path.isdir(word):  # noqa: PTH112 - pathlib raises for a name that is too long
            pictures, left_out = pictures_and_others_below(Path(word))
            inside, others = [str(one) for one in pictures], _kinds(left_out)
            if not inside:
                instead = f" but {others}; save them as JPEG or PNG" if others else "; give another folder"
                raise BonafaceError(f"{word} must have pictures in it; none was found{instead}")
            if others:
                remark(f"note: left out of {word}: {others}; save them as JPEG or PNG")
        elif any(sign in word for sign in "*?[") and not os.path.lexists(word):
            inside = _matches(word)
            if not inside:
                raise BonafaceError(f"'{word}' must match pictures; it matches none; check the pattern")
        else:
            inside = [word]
        found.update(dict.fromkeys(inside))
    return list(found)


def _kinds(left_out: list[Path]) -> str:
    """How many pictures nobody reads here, and of which kinds; empty where there is none."""
    if not left_out:
        return ""
    counts = Counter(path.suffix.lower() for path in left_out).most_common()
    kinds = ", ".join(f"{suffix} {count}" for suffix, count in counts)
    number = "1 picture" if len(left_out) == 1 else f"{len(left_out)} pictures"
    return f"{number} of kinds that are not read ({kinds})"


def _matches(pattern: str) -> list[str]:
    """Files that match, sorted."""
    path = Path(pattern)
    try:
        found = Path(path.anchor).glob(str(path.relative_to(path.anchor)))
        return sorted(str(one) for one in found if one.is_file())
    except ValueError as error:
        raise BonafaceError(f"'{pattern}' must be a pattern of file names; {error}; correct it") from None


def verdicts(
    gate: Gate, paths: list[str], *, is_every_face: bool, on_picture: Callable[[], None]
) -> Iterator[tuple[str, Verdict]]:
    """Each path with its verdicts, as they come."""
    for path in paths:
        for verdict in gate.every_face(path) if is_every_face else (gate(path),):
            yield path, verdict
        on_picture()


def presentations(
    gate: Gate, paths: list[str], *, on_picture: Callable[[], None]
) -> Iterator[tuple[str, Verdict]]:
    """Each folder with the verdict on all of its pictures together, as they come; a remark says which had no part in it."""
    by_folder: dict[str, list[str]] = {}
    for path in paths:
        by_folder.setdefault(os.path.dirname(path) or ".", []).append(path)  # noqa: PTH120 - a name may be too long for pathlib
    for folder, captures in by_folder.items():
        alone: list[Verdict] = []

        def noted(verdict: Verdict, alone: list[Verdict] = alone) -> None:
            alone.append(verdict)
            on_picture()

        joint = gate.presentation(captures, on_capture=noted)
        if joint.attack_score is not None:
            _tell_left_out(folder, dict(zip(captures, alone, strict=True)))
        yield folder, joint


def _tell_left_out(folder: str, alone: Mapping[str, Verdict]) -> None:
    """A remark about the captures of a folder that have no decision alone, and so no part in its verdict."""
    silent = [
        f"{os.path.basename(path)} ({one.reason})"  # noqa: PTH119 - a name may be too long for pathlib
        for path, one in alone.items()
        if one.attack_score is None
    ]
    if silent:
        names = ", ".join(silent[:MAX_NAMES]) + (" ..." if silent[MAX_NAMES:] else "")
        num_judged = len(alone) - len(silent)
        remark(f"note: {folder} is judged by {num_judged} of {len(alone)} captures, without {names}")


def exit_code(outcomes: Sequence[str], *, is_whole: bool) -> int:
    """0 every picture judged and all bonafide, 1 an attack among them, 2 otherwise."""
    if "attack" in outcomes:
        return 1
    return 0 if is_whole and set(outcomes) == {"bonafide"} else 2


@contextmanager
def csv_rows(path: Path | None) -> Iterator[Callable[[str, Verdict], None]]:
    """A function that writes a verdict to a CSV file as it comes, or nowhere.

    Raises:
        BonafaceError: If the file can not be written.
    """
    if path is None:
        yield lambda _path, _verdict: None
        return
    if path.is_file():
        with path.open("rb") as held:
            header = held.readline(_LONGEST_HEADER).rstrip(b"\r\n")
        if header not in (b"", ",".join(FIELDS).encode()):
            raise BonafaceError(
                f"--csv must be a new file or a table of verdicts; {path} holds something else; name a new one"
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w", newline="", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise BonafaceError(f"{path} must be a file that can be written; {error.strerror}") from None
    with file:
        rows = csv.DictWriter(file, FIELDS)
        rows.writeheader()

        def write(picture: str, verdict: Verdict) -> None:
            values = verdict.as_dict()
            families = {f"{name}_score": value for name, value in values.pop("family_scores").items()}
            del values["species_scores"]
            rows.writerow({"path": picture, **values, **families, "species": verdict.likeliest_species})
            file.flush()

        yield write


def _table(judged: list[tuple[str, Verdict]]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.add_column("picture", overflow="fold")
    table.add_column("outcome", no_wrap=True)
    table.add_column("attack_score", justify="right")
    table.add_column("faces", justify="right")
    table.add_column("why", overflow="fold")
    for path, verdict in judged:
        score = "" if verdict.attack_score is None else f"{verdict.attack_score:.3f}"
        outcome = f"[{COLOURS[verdict.outcome]}]{verdict.outcome}[/]"
        table.add_row(plain(path), outcome, score, str(verdict.num_faces or ""), plain(verdict.detail))
    one = judged[0][1]
    table.caption = f"bundle {plain(one.bundle)}, an attack from {one.threshold:.3f} on"
    table.caption_justify = "left"
    return table
