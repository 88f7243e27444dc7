"""Pictures that no simulation made: generated portraits against bona fide ones, for a bundle that has seen neither.

    python benchmarks/unseen_generated.py FACES --bundle FOLDER --out benchmarks/results/unseen_generated.json

All generated portraits of FACES and the bona fide pictures of its test people. Pictures of both kinds also differ in what is behind the
face and in how they were stored, so the AUC is given twice: as they are, and after both were brought to one size and one JPEG
quality. Intervals are of people drawn with replacement.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

import bonaface
from bonaface.data.manifest import read_manifest
from bonaface.data.splits import assigned
from bonaface.evaluation.curves import auc_of
from bonaface.faces.picture import read_picture
from bonaface.vocabulary import BONAFIDE, Split

SIDE, QUALITY = 256, 80
"""Of the face's surroundings after both kinds were made alike."""


def alike(picture, box):
    """The face with its surroundings, twice its box, at one size and one quality."""
    x, y = box.center
    reach = box.x2 - box.x1
    padded = cv2.copyMakeBorder(picture, *4 * [int(reach)], cv2.BORDER_REFLECT)
    left, top = int(x), int(y)
    cut = padded[top : top + 2 * int(reach), left : left + 2 * int(reach)]
    small = cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def interval(scores, labels, replicates=2000):
    rng, found = np.random.default_rng(0), []
    for _ in range(replicates):
        drawn = rng.integers(len(scores), size=len(scores))
        if 0 < labels[drawn].sum() < len(drawn):
            found.append(auc_of(scores[drawn], labels[drawn]))
    return [round(float(value), 4) for value in np.quantile(found, (0.025, 0.975))]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    words.add_argument("faces", type=Path)
    words.add_argument("--bundle", type=Path)
    words.add_argument("--out", type=Path)
    given = words.parse_args()
    gate = bonaface.load(given.bundle) if given.bundle else bonaface.load()
    manifest = assigned(read_manifest(given.faces))
    rows = [row for row in manifest.rows
            if row.species.name == "diffusion" or (row.species == BONAFIDE and row.split == Split.TEST)]  # fmt: skip
    scores, labels = {"as they are": [], "made alike": []}, []
    for row in track(rows, "judging", console=Console(stderr=True)):
        picture = read_picture(manifest.picture_path(row))
        first = gate(picture)
        second = None if first.box is None else gate(alike(picture, first.box))
        if second is None or first.attack_score is None or second.attack_score is None:
            continue
        scores["as they are"].append(first.attack_score)
        scores["made alike"].append(second.attack_score)
        labels.append(row.species != BONAFIDE)
    flags = np.array(labels)
    found = {
        "bundle": gate.card.id, "generated": int(flags.sum()), "bonafide": int((~flags).sum()),
        "auc": {name: [round(float(auc_of(np.array(held), flags)), 4), *interval(np.array(held), flags)]
                for name, held in scores.items()},
    }  # fmt: skip
    print(json.dumps(found, indent=1))
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
