"""Building the benchmark: from faces to pictures, lists, hashes, audit and card; and auditing one that is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bonaface.data.manifest import Manifest, read_manifest
from bonaface.data.simuad.benchmark import Benchmark
from bonaface.data.simuad.card import card, read_card, write_card
from bonaface.data.simuad.card_text import card_text
from bonaface.data.simuad.complete import completed
from bonaface.data.simuad.inspection import Inspection, TitledBar, inspected
from bonaface.data.simuad.pool import pooled
from bonaface.data.simuad.protocol_lists import PROTOCOLS, write_lists
from bonaface.data.simuad.sums import SUMS, changed, digests, read_sums, write_sums
from bonaface.data.simulated import carry_out, no_bar, room_on_disk
from bonaface.data.simulation_folder import MANIFEST, SimulationFolder
from bonaface.data.simulation_maker import Maker
from bonaface.data.simulation_plan import planned
from bonaface.errors import SimulationError
from bonaface.faces.finder import Finder


def _no_bar(title: str, total: int) -> Any:  # noqa: ARG001
    return no_bar(total)


@dataclass(frozen=True, slots=True)
class Built:
    """What came of a build.

    Attributes:
        card: The card; None when it was stopped, and the same call then goes on.
        done: Pictures made or left out, in this run and in earlier ones.
        total: Pictures planned.
    """

    card: dict[str, Any] | None
    done: int
    total: int


def build(
    manifest: Manifest,
    out: Path,
    benchmark: Benchmark,
    *,
    finder: Finder,
    pictures: int = 1,
    subjects: int | None = None,
    workers: int = 1,
    bar: TitledBar = _no_bar,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Built:
    """Write the benchmark of some faces: the same bytes for the same faces, settings and libraries.

    Args:
        manifest: Bona fide rows; its attacks are counted and left out.
        out: A new or an empty folder, or one that the same call began.
        benchmark: The settings.
        finder: Finds the faces, in the source and for the audit.
        pictures: Of each subject that samples are made of, at most.
        subjects: That are taken, at most; None for all.
        workers: Processes that make samples; 1 is this one.
        bar: Shows how many samples are made and looked at.
        is_stopped: Asked after each few samples; when it says yes the run ends unfinished.

    Raises:
        SimulationError: If the folder is another's, people are too few, nothing can be made, or the disk is full.
        ManifestError: If a picture is missing, no bona fide row is there, or two samples would be one file.
    """
    pool = pooled(manifest, pictures=pictures, subjects=subjects)
    plan = planned(pool.manifest, benchmark)
    total = len(plan)
    folder = SimulationFolder(out, plan, finder=finder.name)
    with room_on_disk(folder, total):
        maker = Maker(plan, out, finder)
        if not carry_out(plan, folder, maker, workers, partial(bar, "simulating"), is_stopped):
            return Built(None, len(folder.done), total)
        complete = completed(folder.collected(), plan, out)
        folder.write(complete.rows)
        write_lists(out, complete.rows)
        sums = digests(out, [row.path for row in complete.rows])
        write_sums(out, sums)
        audit = inspected(Manifest(complete.rows, out), sums, finder, bar=bar, is_stopped=is_stopped)
        if audit is None:
            return Built(None, total, total)
        plain = card(
            benchmark,
            _options(pictures, subjects, finder.name),
            complete.rows,
            finder=finder.name,
            left_out={**pool.left_out, **complete.left_out},
            hashes=digests(out, [SUMS, MANIFEST, *(one.path for one in PROTOCOLS)]),
            audit=audit,
        )
        write_card(out, plain, card_text(plain))
    return Built(plain, total, total)


def audited(
    folder: Path, *, finder: Finder, bar: TitledBar = _no_bar, is_stopped: Callable[[], bool] = lambda: False
) -> tuple[Inspection, bool] | None:
    """Audit a benchmark that is there; nothing is written.

    Returns:
        What was found and whether it is what its card says; None if stopped.

    Raises:
        SimulationError: If it is none, a file is not what it was, or the finder is another than the card's.
    """
    plain = read_card(folder)
    if plain["finder"] != finder.name:
        raise SimulationError(
            f"a benchmark must be audited with the finder of its card, {plain['finder']}; got {finder.name}; "
            f"give the same --finder"
        )
    sums = read_sums(folder)
    wrong = changed(folder, plain["sha256"]) + changed(folder, sums)
    if wrong:
        raise SimulationError(
            f"every file of {folder} must have the sha256 of its card; {len(wrong)} have not: "
            f"{', '.join(wrong[:10])}{' ...' if len(wrong) > 10 else ''}; take another copy, or build it anew"
        )
    found = inspected(read_manifest(folder / MANIFEST), sums, finder, bar=bar, is_stopped=is_stopped)
    return None if found is None else (found, _as_read(found) == plain["audit"])


def _as_read(found: Inspection) -> dict[str, Any]:
    plain = asdict(found)
    return {**plain, "warnings": list(plain["warnings"])}


def _options(pictures: int, subjects: int | None, finder: str) -> Sequence[str]:
    """The words of the command that are not as they are by default."""
    words = [] if pictures == 1 else [f"--pictures {pictures}"]
    words += [] if subjects is None else [f"--subjects {subjects}"]
    return [*words, *([] if finder == "dlib_hog" else [f"--finder {finder}"])]
