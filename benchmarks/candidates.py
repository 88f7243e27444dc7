"""Which of several bundles goes on? Everything that may guide a choice, in one table, and no test picture.

    python benchmarks/candidates.py FACES ARCHIVES SIMUAD --bundle NAME_OR_FOLDER [--bundle ...] [--half test] [--out FILE.json]

FACES is a manifest, ARCHIVES as for `elsewhere.py`, SIMUAD what `bonaface data simuad` wrote. Mean AUC over eleven species on four sets,
the same pictures for every bundle: simulations on the pool's dev people; on dev's genuine faces of two origins elsewhere, many packages and
snapshots, against these before the same camera, and against these as they are; and SimUAD's dev, whose variants no training of its protocols
has learned. Beside them the one thing here that no simulation made: dev's generated portraits against genuine faces of the pool, and of
either origin. `--half test` has the same of test, for the end of a work in which dev was learned from.

Genuine faces as they are have never been before the simulated camera, and the attacks have: what a bundle makes of that camera counts in
those rows too. They say whom it turns away of people as their own cameras took them; the rows above them say what it tells of the attack alone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import bonaface
from attacks_elsewhere import MOST_FACES, scene_of
from bonaface.data.manifest import read_manifest
from bonaface.data.samples import captured
from bonaface.data.scenes import found_scenes
from bonaface.data.splits import assigned
from bonaface.faces.picture import read_picture
from bonaface.types import Box, Picture
from bonaface.vocabulary import Split
from elsewhere import HALVES, PACKAGES_OF_MANY, SNAPSHOTS, faces_of
from under_attack import CAMERA, GENUINE, SPECIES, judges_of, one_each, separation, shown_each, words_of

POOL, SIMUAD = "pool", "simuad"
ELSEWHERE = {PACKAGES_OF_MANY: "elsewhere", SNAPSHOTS: "snapshots"}
AS_IS = {where: f"{where}, genuine as they are" for where in ELSEWHERE.values()}
SETS = (POOL, *(name for pair in AS_IS.items() for name in pair), SIMUAD)
GENERATED = "diffusion"
PASSED = 0.2
"""Share of attacks that pass where it is asked how many genuine faces are turned away."""


class Seen(NamedTuple):
    """A picture that every bundle judges.

    Attributes:
        where: The set that it is of.
        species: Of attack, or bona fide.
        pixels: (height, width, 3) uint8 RGB.
        box: About the face.
    """

    where: str
    species: str
    pixels: Picture
    box: Box


def told(rows, what):
    return track(rows, what, console=Console(stderr=True))


def simulated_on(where, scenes) -> Iterator[Seen]:
    """Each scene as it is and under every simulation, before a camera."""
    for species, seen in shown_each(scenes, what=where):
        yield Seen(where, species, seen.pixels, seen.face)


def of_elsewhere(archives, half, finder) -> Iterator[Seen]:
    """Faces from elsewhere as they are, then before a camera, attacked and not."""
    for origin, where in ELSEWHERE.items():
        scenes = []
        name = AS_IS[where]
        for face in faces_of(archives, half, finder, what=name, most=MOST_FACES, origin=origin):
            scenes.append(scene_of(face))
            yield Seen(name, GENUINE, face.picture, face.box)
        yield from simulated_on(where, scenes)


def generated(scenes) -> Iterator[Seen]:
    """Generated portraits before the camera that all others here were taken by."""
    for at, scene in enumerate(told(scenes, "generated portraits")):
        seen = captured(scene, np.random.default_rng([at, 0, 2]), strength=CAMERA)[0]
        yield Seen(POOL, GENERATED, seen.pixels, seen.face)


def of_simuad(folder, half, finder) -> Iterator[Seen]:
    """One half of SimUAD, about the largest face that is found, which finders give first."""
    manifest = read_manifest(folder / "protocols" / "S1.csv")
    for row in told(manifest.of_split(Split(half)).rows, SIMUAD):
        picture = read_picture(manifest.picture_path(row))
        faces = finder.find(picture)
        if faces:
            yield Seen(SIMUAD, row.species.name, picture, faces[0].box)


def seen_by_all(given, finder) -> Iterator[Seen]:
    """All pictures of all sets."""
    split = Split(given.half)
    manifest = assigned(read_manifest(given.faces)).of_split(split)
    portraits = replace(manifest, rows=tuple(row for row in manifest.rows if row.species.name == GENERATED))
    people = [found.scene for found in found_scenes(one_each(given.faces, split), finder) if found.scene]
    yield from simulated_on(POOL, people)
    yield from generated([found.scene for found in found_scenes(portraits, finder) if found.scene])
    yield from of_elsewhere(given.archives, given.half, finder)
    yield from of_simuad(given.simuad, given.half, finder)


def summary(scores):
    """Mean AUC over species, and who is turned away where as many attacks pass as `PASSED` says, each species alike."""
    genuine = np.array(scores[GENUINE])
    aucs = {species: separation(genuine, scores[species]) for species in SPECIES if species in scores}
    attacks = np.concatenate([scores[species] for species in aucs])
    weights = np.concatenate([np.full(len(scores[species]), 1 / len(scores[species])) for species in aucs])
    threshold = np.quantile(attacks, PASSED, weights=weights, method="inverted_cdf")
    return {
        "mean_auc": round(float(np.mean(list(aucs.values()))), 4),
        "turned_away": round(float(np.mean(genuine >= threshold)), 4),
        "auc": aucs,
    }


def figures(scores):
    """Of one bundle, by set."""
    for where, name in AS_IS.items():
        scores[name] = scores[where] | scores[name]
    portraits = {
        where: separation(scores[where][GENUINE], scores[POOL][GENERATED])
        for where in SETS
        if where != SIMUAD
    }
    return {where: summary(scores[where]) for where in SETS} | {"portraits": portraits}


def table_of(found) -> Table:
    """For people."""
    table = Table("mean AUC; turned away where a fifth of the attacks pass", *found)
    for where in SETS:
        cells = (f"{one[where]['mean_auc']:.3f}; {one[where]['turned_away']:.0%}" for one in found.values())
        table.add_row(where, *cells)
        for species in SPECIES:
            table.add_row(f"  {species}", *(f"{one[where]['auc'][species]:.3f}" for one in found.values()))
    for where in next(iter(found.values()))["portraits"]:
        aucs = (f"{one['portraits'][where]:.3f}" for one in found.values())
        table.add_row(f"generated portraits, {where}", *aucs)
    return table


def main() -> None:
    words = words_of(__doc__)
    for word in ("faces", "archives", "simuad"):
        words.add_argument(word, type=Path)
    words.add_argument("--half", choices=HALVES, default=HALVES[0])
    words.add_argument("--out", type=Path)
    given = words.parse_args()
    gates = {name: bonaface.load(name) for name in given.bundle}
    judges = judges_of(gates)
    scores = {name: {where: defaultdict(list) for where in SETS} for name in gates}
    finder = next(iter(gates.values())).finder
    for seen in seen_by_all(given, finder):
        for name, judge in judges.items():
            score = judge(seen.pixels, seen.box)
            if score is not None:
                scores[name][seen.where][seen.species].append(score)
    found = {name: figures(of) for name, of in scores.items()}
    Console().print(table_of(found))
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
