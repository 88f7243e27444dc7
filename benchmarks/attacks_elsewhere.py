"""Are attacks found on faces of other origins? Every simulation made on the genuine faces of `elsewhere.csv`, against these.

    python benchmarks/attacks_elsewhere.py ARCHIVES --bundle NAME_OR_FOLDER [--bundle ...] [--half dev|test] [--out FILE.json]

ARCHIVES as for `elsewhere.py`. Of a picture with many faces the largest four are taken. Every face is captured three times as it is and
under each simulation, by the same camera with the same draws; the box is the one found before the attack. AUC of each species
against the genuine captures: the attacks are simulated still, what is new to the bundle is everything else.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import bonaface
from bonaface.attacks.scene import Scene
from elsewhere import HALVES, check_archives, picture_of, rows_of
from under_attack import GENUINE, SPECIES, scores_of, separation, words_of

CAPTURES, LARGEST = 1, 4


def cut(picture, box):
    """The face with as much around it again on every edge, as far as the picture goes."""
    height, width = picture.shape[:2]
    left, top = max(0, int(box.x1 - box.side)), max(0, int(box.y1 - box.side))
    right, bottom = min(width, int(box.x2 + box.side)), min(height, int(box.y2 + box.side))
    return Scene(np.ascontiguousarray(picture[top:bottom, left:right]), box.shifted(-left, -top))


def scenes_of(archives, rows, finder):
    scenes = []
    for row in rows:
        picture = picture_of(archives, row)
        faces = finder.find(picture)
        scenes += [cut(picture, faces[int(number)].box) for number in row["faces"].split()[:LARGEST]]
    return scenes


def main() -> None:
    words = words_of(__doc__)
    words.add_argument("archives", type=Path)
    words.add_argument("--half", choices=HALVES, default="dev")
    words.add_argument("--out", type=Path)
    given = words.parse_args()
    gates = {name: bonaface.load(name) for name in given.bundle}
    rows = rows_of(given.half)
    check_archives(given.archives, rows)
    scenes = scenes_of(given.archives, rows, next(iter(gates.values())).finder)
    aucs = {}
    for name, found in scores_of(gates, scenes, captures=CAPTURES, what="attacking").items():
        aucs[name] = {species: separation(found[GENUINE], found[species]) for species in SPECIES}
        aucs[name]["mean"] = round(float(np.mean(list(aucs[name].values()))), 4)
    table = Table("AUC", *aucs, title=f"{len(scenes)} faces of {given.half}, {CAPTURES} captures each")
    for species in (*SPECIES, "mean"):
        table.add_row(species, *(f"{one[species]:.3f}" for one in aucs.values()))
    Console().print(table)
    if given.out:
        found = {
            "half": given.half,
            "faces": len(scenes),
            "auc": {gates[name].card.id: one for name, one in aucs.items()},
        }
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
