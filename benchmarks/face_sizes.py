"""Are attacks told from genuine faces by near cameras and by far ones? Every simulation on faces of several sizes.

    python benchmarks/face_sizes.py MANIFEST --bundle NAME_OR_FOLDER [--bundle ...] [--split dev] [--people 60] [--rate 0.1] [--out FILE.json]

Bona fide pictures of the split, one a person, are brought to so many pixels across the face's box before attack and camera; a face that
is enlarged gains no detail of its own, what attack and camera leave is as fine as behind a near camera. Each is captured once as it is
and once under each simulation. Given: the mean AUC over species, and at the bundle's own threshold, or at the one that turns away
`--rate` of the faces of 160 pixels, whom it turns away and the mean share of attacks that pass.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import bonaface
from bonaface.data.distance import at_distance
from bonaface.data.scenes import MAX_FACE_PX, found_scenes
from bonaface.vocabulary import SPECIES as KNOWN
from bonaface.vocabulary import Family, Split
from under_attack import GENUINE, SPECIES, one_each, scores_of, separation, words_of

SIZES = (64, 80, 110, 160, 230, 320, 450)
"""Sides of the face box behind the camera, pixels."""


def scenes_of(path, split, people, finder):
    """A scene of each person, as large as its picture has it up to the largest of `SIZES`."""
    manifest = one_each(path, split)
    chosen = replace(manifest, rows=manifest.rows[:people])
    return [found.scene for found in found_scenes(chosen, finder, max_face_px=SIZES[-1]) if found.scene]


def sized(scene, face_px):
    """The scene with a face of that many pixels across, enlarged where it has fewer."""
    nearer = at_distance(scene, max(face_px, SIZES[-1]))
    return at_distance(nearer, face_px)


def scores_at(gates, scenes, face_px):
    """Scores by bundle and species of faces of one size."""
    return scores_of(gates, [sized(scene, face_px) for scene in scenes], what=f"{face_px} pixels")


def summary(scores, threshold):
    """What a bundle makes of faces of one size."""
    aucs = {species: separation(scores[GENUINE], scores[species]) for species in SPECIES}
    physical = [value for species, value in aucs.items() if KNOWN[species].family is Family.PHYSICAL]
    digital = [value for species, value in aucs.items() if KNOWN[species].family is Family.DIGITAL]
    return {
        "auc": float(np.mean(list(aucs.values()))),
        "auc_physical": float(np.mean(physical)),
        "auc_digital": float(np.mean(digital)),
        "bpcer": float(np.mean(np.array(scores[GENUINE]) >= threshold)),
        "apcer": float(np.mean([np.mean(np.array(scores[species]) < threshold) for species in SPECIES])),
        "num_bonafide": len(scores[GENUINE]),
    }


def main() -> None:
    words = words_of(__doc__)
    words.add_argument("manifest", type=Path)
    words.add_argument("--split", choices=[Split.DEV.value, Split.TEST.value], default=Split.DEV.value)
    words.add_argument("--people", type=int, default=60)
    words.add_argument(
        "--rate", type=float, help="BPCER at 160 pixels; without it each bundle's own threshold"
    )
    words.add_argument("--out", type=Path)
    given = words.parse_args()
    gates = {name: bonaface.load(name) for name in given.bundle}
    finder = next(iter(gates.values())).finder
    scenes = scenes_of(given.manifest, Split(given.split), given.people, finder)
    scores = {face_px: scores_at(gates, scenes, face_px) for face_px in SIZES}
    found = {}
    for name, gate in gates.items():
        genuine = scores[MAX_FACE_PX][name][GENUINE]
        threshold = gate.threshold if given.rate is None else np.quantile(genuine, 1 - given.rate)
        found[name] = {face_px: summary(scores[face_px][name], threshold) for face_px in SIZES}
    for name, rows in found.items():
        title = f"{gates[name].card.id}, {len(scenes)} people of {given.split}"
        table = Table("face", "AUC", "physical", "digital", "turned away", "attacks passed", title=title)
        for face_px, row in rows.items():
            aucs = (f"{row[key]:.3f}" for key in ("auc", "auc_physical", "auc_digital"))
            table.add_row(f"{face_px} px", *aucs, f"{row['bpcer']:.0%}", f"{row['apcer']:.0%}")
        Console().print(table)
    if given.out:
        plain = {
            "split": given.split,
            "people": len(scenes),
            "bundles": {gates[n].card.id: r for n, r in found.items()},
        }
        given.out.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
