"""The folder of a simulated set: what it was made with, what is done, and its manifest at the end."""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any

from bonaface import __version__
from bonaface.data.manifest import Row, write_manifest
from bonaface.data.simulation_maker import Outcome, stamp
from bonaface.data.simulation_plan import Plan, Sample
from bonaface.data.whole_file import write_whole
from bonaface.errors import SimulationError
from bonaface.vocabulary import PASSING_REASONS

MANIFEST = "manifest.csv"
SETTINGS = "simulation.json"
JOURNAL = "simulation.jsonl"
"""A line a sample, as they come: its path and how it was made, or why it was left out."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What became of a plan.

    Attributes:
        rows: Every sample that was made, and its row; in the order of the plan.
        counts: Pictures by name.
        left_out: By reason: pictures without a usable face, attacks for other reasons.
    """

    rows: tuple[tuple[Sample, Row], ...]
    counts: dict[str, int]
    left_out: dict[str, int]


class SimulationFolder:
    """Opened for a plan: new, empty, or begun with the same plan.

    Args:
        path: The folder.
        plan: What is made in it.
        finder: Name of the finder that the faces are found with.

    Attributes:
        done: Samples that need not be made again, by path: those left out, and those whose picture is there; but for those made of
            pictures that were replaced since, or left out for a reason that passes.

    Raises:
        SimulationError: If the folder holds other things, or was made with other settings or of other pictures.
    """

    def __init__(self, path: Path, plan: Plan, *, finder: str) -> None:
        self.path, self._plan = path, plan
        self._file: FileIO | None = None
        wanted = {
            "made_by": plan.settings.command,
            "version": __version__,
            "finder": finder,
            "settings": json.loads(json.dumps(plan.settings.to_json())),
            "sources": plan.fingerprint(),
        }
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            _check_same(path, wanted)
        self.done: set[str] = set()
        for outcome in self.outcomes():  # of one that was made anew the last line counts
            (self.done.add if self._is_done(outcome) else self.done.discard)(outcome.path)
        if not (path / SETTINGS).is_file():
            write_whole(path / SETTINGS, json.dumps(wanted, indent=1).encode() + b"\n")

    def __enter__(self) -> SimulationFolder:
        """Open the journal; a last line that a crash left half-written is ended."""
        journal = self.path / JOURNAL
        self._file = journal.open("ab", buffering=0)
        if journal.stat().st_size:
            with journal.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                is_cut = file.read() != b"\n"
            if is_cut:
                self._file.write(b"\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        self._file.close()
        self._file = None

    def append(self, outcome: Outcome) -> None:
        """Note that a sample is done.

        Raises:
            OSError: If the disk is full.
        """
        assert self._file is not None
        line = json.dumps(asdict(outcome)).encode() + b"\n"
        while line:  # without a buffer a nearly full disk takes a part, and refuses the rest
            line = line[self._file.write(line) :]
        self.done.add(outcome.path)

    def outcomes(self) -> Iterator[Outcome]:
        """What the journal says, in the order in which it was made. Half-written lines are passed over."""
        journal = self.path / JOURNAL
        if not journal.is_file():
            return
        with journal.open("rb") as lines:
            for line in lines:
                with contextlib.suppress(ValueError, TypeError):
                    yield Outcome(**json.loads(line))

    def collected(self) -> Collected:
        """All that was made, once all is done: the same whatever the order in which it was made.

        Raises:
            SimulationError: If nothing could be made.
        """
        made = {outcome.path: outcome for outcome in self.outcomes()}
        rows: list[tuple[Sample, Row]] = []
        counts, left_out = Counter[str](), Counter[str]()
        for source in self._plan.manifest.rows:
            samples = self._plan.settings.samples_of(source)
            has_face = made[samples[0].path].parameters is not None
            for sample in samples:
                outcome = made[sample.path]
                if outcome.parameters is not None:
                    rows.append((sample, self._row(sample, outcome.parameters)))
                    counts[sample.name] += 1
                elif has_face or sample is samples[0]:  # a picture without one counts once
                    left_out[outcome.reason] += 1
        if not rows:
            why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
            raise SimulationError(
                f"a set must have pictures with faces; none could be made ({why}); give portraits seen from the front"
            )
        return Collected(tuple(rows), dict(counts), dict(left_out))

    def write(self, rows: Iterable[Row]) -> Path:
        """Write the set's manifest.

        Raises:
            OSError: If the disk is full.
        """
        write_manifest(self.path / MANIFEST, rows)
        return self.path / MANIFEST

    def _is_done(self, outcome: Outcome) -> bool:
        folder = self._plan.manifest.folder
        if any(stamp(folder / name) != then for name, then in outcome.made_of.items()):
            return False
        if outcome.parameters is None:
            return outcome.reason not in PASSING_REASONS
        return (self.path / outcome.path).is_file()

    def _row(self, sample: Sample, parameters: str) -> Row:
        species = sample.row.species if sample.is_copy else self._plan.settings.chain(sample.name).species
        return replace(
            sample.row, path=sample.path, species=species, label=species.label, parameters=parameters
        )


def _check_same(path: Path, wanted: dict[str, Any]) -> None:
    """Refuse a folder that was not begun with the same words."""
    try:
        found = json.loads((path / SETTINGS).read_text(encoding="utf-8"))
        is_ours = found["made_by"] == wanted["made_by"]
    except (OSError, ValueError, KeyError, TypeError):
        is_ours = False
    if not is_ours:
        raise SimulationError(
            f"{path} must be a new or an empty folder, or one that the same command began; "
            f"it has other files in it; choose another"
        )
    then, now = _flat(found), _flat(wanted)
    for key, value in now.items():
        if then.get(key) != value:
            raise SimulationError(
                f"{path} must be gone on with as it was begun; {_difference(key, then.get(key), value)}; "
                f"give the same, or choose another folder"
            )


def _flat(words: dict[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in words.items() if key != "settings"}, **words.get("settings", {})}


def _difference(key: str, then: Any, now: Any) -> str:
    if key == "sources":
        return "its pictures, their subjects or their splits were others"
    return f"{key.replace('_', ' ')} was {json.dumps(then)} and is now {json.dumps(now)}"
