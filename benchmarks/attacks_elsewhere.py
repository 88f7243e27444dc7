"""Are attacks found on faces of other origins? Every simulation made on the genuine faces of `elsewhere.csv`, against these.

    python benchmarks/attacks_elsewhere.py ARCHIVES --bundle NAME_OR_FOLDER [--bundle ...] [--half dev|test] [--out FILE.json]

ARCHIVES as for `elsewhere.py`. Of a picture with many faces the largest four are taken. Every face, of 320 pixels at most, is captured as it
is and under each simulation, by the same camera with the same draws; the box is the one found before the attack. AUC of each species
against the genuine captures, and what passes at the bundle's threshold: the attacks are simulated still, what is new to the bundle
is everything else.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import bonaface
from bonaface.attacks.scene import Scene
from bonaface.data.scenes import resized
from elsewhere import HALVES, faces_of
from under_attack import GENUINE, SPECIES, scores_of, separation, words_of

MOST_FACES, LARGEST_PX = 4, 320


def cut(picture, box):
    """The face with as much around it again on every edge, as far as the picture goes."""
    height, width = picture.shape[:2]
    left, top = max(0, int(box.x1 - box.side)), max(0, int(box.y1 - box.side))
    right, bottom = min(width, int(box.x2 + box.side)), min(height, int(box.y2 + box.side))
    return Scene(np.ascontiguousarray(picture[top:bottom, left:right]), box.shifted(-left, -top))


def scene_of(face):
    """What is attacked of a picture: the face and its surroundings, with `LARGEST_PX` across the box at most."""
    scene = cut(face.picture, face.box)
    return resized(scene, min(1.0, LARGEST_PX / scene.face.side))


def scenes_of(archives, half, finder):
    return [scene_of(face) for face in faces_of(archives, half, finder, what="finding", most=MOST_FACES)]


def summary(scores, threshold):
    """What a bundle makes of each species, and of the genuine captures."""
    genuine = scores[GENUINE]
    aucs = {species: separation(genuine, scores[species]) for species in SPECIES}
    return {
        "auc": aucs,
        "passed": {species: float(np.mean(np.array(scores[species]) < threshold)) for species in SPECIES},
        "mean_auc": round(float(np.mean(list(aucs.values()))), 4),
        "turned_away": float(np.mean(np.array(genuine) >= threshold)),
    }


def given_words(text):
    """What the command line says: bundles, the archives, which half, and a file for the result."""
    words = words_of(text)
    words.add_argument("archives", type=Path)
    words.add_argument("--half", choices=HALVES, default="dev")
    words.add_argument("--out", type=Path)
    return words.parse_args()


def main() -> None:
    given = given_words(__doc__)
    gates = {name: bonaface.load(name) for name in given.bundle}
    scenes = scenes_of(given.archives, given.half, next(iter(gates.values())).finder)
    scores = scores_of(gates, scenes, what="attacking")
    found = {name: summary(scores[name], gate.threshold) for name, gate in gates.items()}
    table = Table("AUC; passed", *found, title=f"{len(scenes)} faces of {given.half}")
    for species in SPECIES:
        table.add_row(
            species, *(f"{one['auc'][species]:.3f}; {one['passed'][species]:.0%}" for one in found.values())
        )
    table.add_row("mean", *(f"{one['mean_auc']:.3f}" for one in found.values()))
    table.add_row("genuine captures turned away", *(f"{one['turned_away']:.0%}" for one in found.values()))
    Console().print(table)
    if given.out:
        told = {
            "half": given.half,
            "faces": len(scenes),
            "bundles": {gates[name].card.id: one for name, one in found.items()},
        }
        given.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
