"""A simulated set on disk: bona fide pictures and attacks made of them, all through one capture chain and encoder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import simulation_named
from bonaface.data.manifest import Manifest, Row, check_classes, check_files, write_manifest
from bonaface.data.randomness import generator
from bonaface.data.samples import attacked, captured, framed, parameters_text
from bonaface.data.scenes import found_scenes
from bonaface.data.splits import assigned
from bonaface.errors import ManifestError, SimulationError
from bonaface.faces.finder import Finder
from bonaface.faces.picture import pictures_below
from bonaface.vocabulary import BONAFIDE, Label, Species, Split

MANIFEST = "manifest.csv"
QUALITY = 92
"""Of every JPEG file written, whatever its class: the capture chain's own rounds come before."""

STRENGTH = (0.7, 1.1)
CAPTURE = (0.0, 1.0)
"""Ranges of the strengths drawn for each sample, of the attack and of the capture chain."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What `simulate` made.

    Attributes:
        manifest: The written manifest's path.
        counts: Pictures by species.
        left_out: Source pictures without a usable face, counted by reason.
    """

    manifest: Path
    counts: dict[str, int]
    left_out: dict[str, int]


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
    rows = []
    for path in paths:
        place = path.relative_to(folder)
        subject = place.parent.as_posix() if place.parent != Path() else place.stem
        rows.append(Row(place.as_posix(), Label.BONAFIDE, BONAFIDE, subject))
    return Manifest(tuple(rows), folder)


def simulate(
    manifest: Manifest,
    out: Path,
    *,
    species: Iterable[str],
    finder: Finder,
    seed: int = 0,
    per_subject: int = 1,
    splits: Iterable[Split] = tuple(Split),
    on_row: Callable[[], None] = lambda: None,
) -> Simulated:
    """Write a captured copy of every picture, and attacks of every bona fide one, with a manifest.

    Each sample depends on the seed, its picture's path and its species alone, not on the order.

    Args:
        manifest: Bona fide rows to make attacks of; attack rows (e.g. diffusion) are captured as they are.
        out: A folder that does not exist yet, or is empty.
        species: Names of simulations.
        finder: Finds the faces.
        seed: Another seed, other draws.
        per_subject: Attacks of each species from each bona fide picture.
        splits: Rows of other splits are left out. Rows without a split get theirs by hash of the subject.
        on_row: Called after each source picture.

    Raises:
        SimulationError: If the folder is not empty, or a species is unknown.
        ManifestError: If a picture is missing, no bona fide row is left, or two samples would be one file.
    """
    wanted = [simulation_named(name).species for name in dict.fromkeys(species)]
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SimulationError(f"{out} must be an empty or a new folder; it has files in it; choose another")
    chosen = assigned(manifest).of_split(*splits)
    check_files(chosen)
    check_classes(chosen, what="the pictures to simulate attacks of")
    _check_names(chosen, wanted, per_subject)
    rows, left_out = [], Counter[str]()
    for found in found_scenes(chosen, finder, on_row=on_row):
        if found.scene is None:
            left_out[str(found.reason)] += 1
            continue
        rows += [
            _write(out, found.row, found.scene, one, seed=seed, number=number)
            for one, number in _samples(found.row, wanted, per_subject)
        ]
    write_manifest(out / MANIFEST, rows)
    return Simulated(out / MANIFEST, dict(Counter(row.species.name for row in rows)), dict(left_out))


def _samples(row: Row, wanted: list[Species], per_subject: int) -> list[tuple[Species, int]]:
    """What is made of a row: species and number."""
    attacks = [(one, number) for one in wanted for number in range(per_subject)] if row.is_bonafide else []
    return [(row.species, 0), *attacks]


def _check_names(manifest: Manifest, wanted: list[Species], per_subject: int) -> None:
    sources: dict[str, str] = {}
    for row in manifest.rows:
        for one, number in _samples(row, wanted, per_subject):
            name = _name(row, one, number)
            if name in sources:
                raise ManifestError(
                    f"every sample must be a file of its own; {sources[name]} and {row.path} would both be "
                    f"written to {name}; rename one"
                )
            sources[name] = row.path


def _name(row: Row, species: Species, number: int) -> str:
    stem = Path(row.path).with_suffix("").as_posix().replace("/", "_")
    return f"{species.name}/{stem}{f'_{number}' if number else ''}.jpg"


def _write(out: Path, row: Row, scene: Scene, species: Species, *, seed: int, number: int) -> Row:
    """One captured sample on disk: of the row's own species, or of a simulated one."""
    rng = generator("simulate", seed, row.path, species.name, number)
    scene, attack = attacked(scene, species, rng, strength=rng.uniform(*STRENGTH))
    scene = framed(scene, rng)
    scene, capture = captured(scene, rng, strength=rng.uniform(*CAPTURE))
    name = _name(row, species, number)
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_bytes(encoded(scene))
    return replace(
        row, path=name, species=species, label=species.label, parameters=parameters_text(attack, capture)
    )


def encoded(scene: Scene) -> bytes:
    """The scene as a JPEG file."""
    bgr = cv2.cvtColor(scene.pixels, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()
