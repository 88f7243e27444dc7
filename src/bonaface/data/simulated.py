"""A simulated set on disk: bona fide pictures and attacks made of them, all through one capture chain and encoder."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bonaface.data.manifest import Manifest, Row, check_names
from bonaface.data.manifest_shards import check_shards, write_shards
from bonaface.data.simulation_crew import Crew
from bonaface.data.simulation_folder import MANIFEST, SimulationFolder
from bonaface.data.simulation_maker import Maker, batches
from bonaface.data.simulation_plan import Plan, Settings, planned
from bonaface.errors import SimulationError
from bonaface.faces.finder import Finder
from bonaface.faces.picture import pictures_below
from bonaface.vocabulary import BONAFIDE, Label

FULL = {errno.ENOSPC, errno.EDQUOT}
"""What a disk without room says."""

Bar = Callable[[int], AbstractContextManager[Callable[[], None]]]
"""Given how many are to come, a context with a function to call after each."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What `simulate` made.

    Attributes:
        manifest: The manifest's path; written when all samples are done.
        counts: Pictures by the name of their simulation, or of their species where they are copies.
        left_out: By reason: source pictures without a usable face, and attacks that could not be made.
        done: Samples done, in this run and in earlier ones.
        total: Samples planned.
    """

    manifest: Path
    counts: dict[str, int]
    left_out: dict[str, int]
    done: int
    total: int

    @property
    def is_finished(self) -> bool:
        """False when it was stopped; the same call then goes on."""
        return self.done == self.total


def manifest_of_folder(folder: Path) -> Manifest:
    """Every picture below `folder` as bona fide; pictures in one sub-folder are one subject, others one each.

    Raises:
        SimulationError: If there is no picture.
    """
    paths = pictures_below(folder)
    if not paths:
        raise SimulationError(
            f"{folder} must have pictures in it; none was found; give a folder of bona fide faces"
        )
    check_names(paths)
    rows = []
    for path in paths:
        place = path.relative_to(folder)
        subject = place.parent.as_posix() if place.parent != Path() else place.stem
        rows.append(Row(place.as_posix(), Label.BONAFIDE, BONAFIDE, subject))
    return Manifest(tuple(rows), folder)


@contextmanager
def no_bar(total: int) -> Iterator[Callable[[], None]]:  # noqa: ARG001
    """Nothing is shown."""
    yield lambda: None


def simulate(
    manifest: Manifest,
    out: Path,
    settings: Settings,
    *,
    finder: Finder,
    workers: int = 1,
    shards: int = 0,
    bar: Bar = no_bar,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Simulated:
    """Write a captured copy of every picture, and attacks of every bona fide one, with a manifest.

    Each sample depends on the seed, its picture's path, its simulation and its number alone, and with two people on
    who else is in the split: not on the order, the number of workers or how often the run was stopped. What is made is
    never made again.

    Args:
        manifest: Bona fide rows to make attacks of; attack rows (e.g. diffusion) are captured as they are.
        out: A new or an empty folder, or one that the same call began.
        settings: What is made of them.
        finder: Finds the faces.
        workers: Processes that make samples; 1 is this one.
        shards: Parquet files that the manifest is also written to; 0 for none.
        bar: Shows how many samples are done.
        is_stopped: Asked after each few samples; when it says yes the run ends unfinished.

    Raises:
        SimulationError: If the folder is another's, two people are needed and missing, or the disk is full.
        ManifestError: If a picture is missing, no bona fide row is left, or two samples would be one file.
        MissingExtraError: If shards are wanted and pyarrow is not installed.
    """
    plan = planned(manifest, settings)
    total = len(plan)
    check_shards(shards, total)
    folder = SimulationFolder(out, plan, finder=finder.name)
    with room_on_disk(folder, total):
        if not carry_out(plan, folder, Maker(plan, out, finder), workers, bar, is_stopped):
            return Simulated(out / MANIFEST, {}, {}, len(folder.done), total)
        made = folder.collected()
        folder.write(row for _, row in made.rows)
        if shards:
            write_shards(out / MANIFEST, shards)
    return Simulated(out / MANIFEST, made.counts, made.left_out, total, total)


@contextmanager
def room_on_disk(folder: SimulationFolder, total: int) -> Iterator[None]:
    """What is written inside may find the disk full: one sentence says how far it came, of `total` pictures.

    Raises:
        SimulationError: If it does.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise SimulationError(
            f"there must be room on the disk for every picture; {error.filename or folder.path} could not be written "
            f"after {len(folder.done)} of {total}; make room and run the same command again"
        ) from None


def carry_out(
    plan: Plan,
    folder: SimulationFolder,
    maker: Maker,
    workers: int,
    bar: Bar,
    is_stopped: Callable[[], bool],
) -> bool:
    """Make what is not done yet, until all is or it is stopped.

    Returns:
        Whether all is done.

    Raises:
        OSError: What a disk said first; what was made meanwhile is noted.
    """
    total = len(plan)
    left = (sample for sample in plan.samples() if sample.path not in folder.done)
    errors: list[OSError] = []
    with Crew(maker, workers) as crew, bar(total - len(folder.done)) as advance, folder:
        for made in crew.made(batches(left), is_stopped=lambda: bool(errors) or is_stopped()):
            for outcome in made.outcomes:
                folder.append(outcome)
                advance()
            if made.error is not None:
                errors.append(made.error)
    if errors:
        raise errors[0]
    return len(folder.done) == total
