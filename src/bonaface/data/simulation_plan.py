"""What a simulated set will hold: every sample by its source, its simulation and its number. No picture is opened yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from bonaface.contract import InputContract
from bonaface.data.chains import Added, Chain, chain_named, check_variants
from bonaface.data.distance import LARGEST_PX
from bonaface.data.manifest import Manifest, Row, check_classes, check_files
from bonaface.data.partners import Partners
from bonaface.data.splits import assigned
from bonaface.errors import ManifestError, SimulationError
from bonaface.vocabulary import Split

STRENGTH = (0.7, 1.1)
CAPTURE = (0.0, 1.0)
"""Ranges of the strengths drawn for each sample, of the attack and of the capture chain."""

STRONGEST = 1.5
"""No simulation is made for more."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a sample is drawn within.

    Attributes:
        strength: (low, high) of the attack.
        variants: What simulations are held to, by name; one of several is drawn.
        face_px: (low, high) of the face box's side behind the camera, in pixels; None = one size for all.
    """

    strength: tuple[float, float] = STRENGTH
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    face_px: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture to be made.

    Attributes:
        row: What it is made of.
        name: The simulation or chain; of a copy, the row's own species.
        number: Among those of this name from this row, from 0.
        is_copy: Whether nothing is simulated but the camera.
        bounds: What it is drawn within.
    """

    row: Row
    name: str
    number: int
    is_copy: bool
    bounds: Bounds

    @property
    def path(self) -> str:
        """Where it is written, below the set's folder."""
        stem = Path(self.row.path).with_suffix("").as_posix().replace("/", "_")
        return f"{self.name}/{stem}{f'_{self.number}' if self.number else ''}.jpg"

    @property
    def mask_path(self) -> str:
        """Where its altered region is written."""
        return f"masks/{Path(self.path).with_suffix('.png').as_posix()}"


class Wanted(Protocol):
    """What is made of pictures: the settings of a simulated set, or of a benchmark.

    Attributes:
        command: What begins a folder and goes on with it.
    """

    command: ClassVar[str]

    @property
    def simulations(self) -> tuple[str, ...]:
        """Names of the simulations or chains."""

    @property
    def seed(self) -> int:
        """Another seed, other draws."""

    @property
    def splits(self) -> tuple[Split, ...]:
        """Rows of other splits are left out."""

    @property
    def has_masks(self) -> bool:
        """Whether every attack's altered region is written too."""

    def chain(self, name: str) -> Chain:
        """The simulation or chain of that name."""

    def samples_of(self, row: Row) -> list[Sample]:
        """What is made of one row, which has its split: first a copy of its picture."""

    def to_json(self) -> dict[str, Any]:
        """All that decides the pictures, as plain values."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is made of every picture of a simulated set.

    Attributes:
        simulations: Names of simulations or chains; a name that comes twice counts once.
        seed: Another seed, other draws.
        per_subject: Attacks of each name from each bona fide picture.
        strength: (low, high) of the attacks, drawn per sample.
        variants: What simulations are held to, by name; one of several is drawn per sample.
        splits: Rows of other splits are left out. Rows without a split get theirs by hash of the subject.
        has_masks: Whether every attack's altered region is written too.
        against: What the added simulations are aimed at, in words that change with it; None where there are none.
        added: Simulations besides those that everybody has.
        face_px: (low, high) of the face box's side behind the camera, in pixels, drawn per sample; None = 160 at most.

    Raises:
        SimulationError: If a name, a variant or a number is none that can be made.
    """

    simulations: tuple[str, ...]
    seed: int = 0
    per_subject: int = 1
    strength: tuple[float, float] = STRENGTH
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    splits: tuple[Split, ...] = tuple(Split)
    has_masks: bool = False
    against: str | None = None
    added: Added = field(default_factory=dict, repr=False)
    face_px: tuple[float, float] | None = None

    command: ClassVar[str] = "bonaface simulate"

    def __post_init__(self) -> None:
        object.__setattr__(self, "simulations", tuple(dict.fromkeys(self.simulations)))
        for name in self.simulations:
            self.chain(name)
        check_variants(self.variants, self.simulations, self.added)
        low, high = self.strength
        if not 0 < low <= high <= STRONGEST:
            raise SimulationError(
                f"the strength must be a range within (0, {STRONGEST:g}], the smaller number first; "
                f"got {low:g} to {high:g}"
            )
        smallest = InputContract().min_face_px
        if self.face_px is not None and not smallest <= self.face_px[0] <= self.face_px[1] <= LARGEST_PX:
            raise SimulationError(
                f"faces must be from {smallest} to {LARGEST_PX} pixels, the smaller number first; "
                f"got {self.face_px[0]:g} to {self.face_px[1]:g}"
            )
        if self.per_subject < 1:
            raise SimulationError(f"at least 1 attack must be made of each picture; got {self.per_subject}")

    def samples_of(self, row: Row) -> list[Sample]:
        """A copy of the row's picture; of a bona fide one, the attacks too."""
        bounds = Bounds(self.strength, self.variants, self.face_px)
        attacks = [
            Sample(row, name, number, is_copy=False, bounds=bounds)
            for name in (self.simulations if row.is_bonafide else ())
            for number in range(self.per_subject)
        ]
        return [Sample(row, row.species.name, 0, is_copy=True, bounds=bounds), *attacks]

    def chain(self, name: str) -> Chain:
        """The simulation or chain of that name, perhaps with added steps.

        Raises:
            SimulationError: If there is none.
        """
        return chain_named(name, self.added)

    def to_json(self) -> dict[str, Any]:
        """Every setting but the added simulations: `against` stands for them."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "added"}


@dataclass(frozen=True, slots=True)
class Plan:
    """All that will be made, and of what.

    Attributes:
        manifest: The rows that samples are made of, each with its split.
        settings: What is made of them.
        partners: Bona fide rows of each split, by subject.
    """

    manifest: Manifest
    settings: Wanted
    partners: Mapping[Split, Partners[Row]]

    def __len__(self) -> int:
        """How many samples there are."""
        return sum(1 for _ in self.samples())

    def samples(self) -> Iterator[Sample]:
        """Every sample, those of one row together."""
        for row in self.manifest.rows:
            yield from self.settings.samples_of(row)

    def partner(self, row: Row, rng: np.random.Generator) -> Row | None:
        """A bona fide row of another subject of the same split; None if there is none."""
        assert row.split is not None
        return self.partners[row.split].drawn(row.subject, rng)

    def fingerprint(self) -> str:
        """Changes with the rows, not with their order or the folder that they are in."""
        rows = sorted(
            "\0".join((row.path, row.species.name, row.subject, str(row.split))) for row in self.manifest.rows
        )
        return hashlib.sha256("\n".join(rows).encode("utf-8", "surrogateescape")).hexdigest()


def planned(manifest: Manifest, settings: Wanted) -> Plan:
    """The plan for a manifest's pictures.

    Raises:
        ManifestError: If a picture is missing, no bona fide row is left, or two samples would be one file.
        SimulationError: If an attack needs two people and no split has them.
    """
    chosen = assigned(manifest).of_split(*settings.splits)
    check_files(chosen)
    check_classes(chosen, what="the pictures to simulate attacks of")
    pools = {
        split: Partners(
            (row.subject, row)
            for row in sorted(chosen.rows, key=lambda row: row.path)
            if row.is_bonafide and row.split is split
        )
        for split in settings.splits
    }
    plan = Plan(chosen, settings, pools)
    _check_partners(plan)
    _check_paths(plan)
    return plan


def _check_partners(plan: Plan) -> None:
    for name in plan.settings.simulations:
        people = {split: len(pool.subjects) for split, pool in plan.partners.items() if pool.subjects}
        if plan.settings.chain(name).needs_partner and max(people.values()) < 2:
            counts = ", ".join(f"{count} in {split}" for split, count in people.items())
            raise SimulationError(
                f"{name} needs bona fide pictures of two people in one split; got {counts}; "
                f"add pictures of others, or leave {name} out"
            )


def _check_paths(plan: Plan) -> None:
    sources: dict[str, str] = {}
    for sample in plan.samples():
        if "/" in sample.name or sample.name in {".", ".."}:
            raise ManifestError(
                f"a species must be a word that a folder can have; got '{sample.name}' for {sample.row.path}; rename it"
            )
        if sample.path in sources:
            raise ManifestError(
                f"every sample must be a file of its own; {sources[sample.path]} and {sample.row.path} would both "
                f"be written to {sample.path}; rename one"
            )
        sources[sample.path] = sample.row.path
