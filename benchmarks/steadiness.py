"""How steady are bundles on genuine faces? Whom each turns away in other light, at one and the same rate of errors as they are.

    python benchmarks/steadiness.py MANIFEST --bundle NAME_OR_FOLDER [--bundle ...] [--split dev] [--rate 0.1]

Bona fide pictures of the split, one a person; the threshold of each bundle turns away the given share of them as they are, so that a
bundle that is lenient everywhere gains nothing. The changes are those of `slices.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import bonaface
from bonaface.faces.crop import prepare
from bonaface.faces.picture import read_picture
from bonaface.vocabulary import Split
from slices import CHANGES, altered
from under_attack import one_each, words_of

AS_IT_IS = "as they are"


def pictures_of(path: Path, split: Split):
    """A bona fide picture of each person."""
    manifest = one_each(path, split)
    return [read_picture(manifest.picture_path(row)) for row in manifest.rows]


def scores_of(gate, pictures):
    """Scores of every picture whose face is found, as it is and changed, by the name of the change."""
    found = {name: [] for name in (AS_IT_IS, *CHANGES)}
    for picture in track(pictures, gate.card.id, console=Console(stderr=True)):
        faces = gate.finder.find(picture)
        if not faces:
            continue
        for name, held in found.items():  # the face is looked for once: what is measured is the detector
            shown = altered(picture, CHANGES[name]) if name in CHANGES else picture
            verdict = gate.judge(prepare(shown, faces[0].box, gate.card.contract))
            held.append(np.nan if verdict.attack_score is None else verdict.attack_score)
    return {name: np.array(held) for name, held in found.items()}


def main() -> None:
    words = words_of(__doc__)
    words.add_argument("manifest", type=Path)
    words.add_argument(
        "--split", choices=[Split.TRAIN.value, Split.DEV.value, Split.TEST.value], default=Split.DEV.value
    )
    words.add_argument("--rate", type=float, default=0.1, help="BPCER as they are")
    given = words.parse_args()
    pictures = pictures_of(given.manifest, Split(given.split))
    rows = {}
    for bundle in given.bundle:
        scores = scores_of(bonaface.load(bundle), pictures)
        threshold = np.nanquantile(scores[AS_IT_IS], 1 - given.rate)
        rows[bundle] = {
            name: float(np.mean(held[~np.isnan(held)] >= threshold)) for name, held in scores.items()
        }
    shown = Table(
        "turned away", *rows, title=f"{len(pictures)} people of {given.split}, {given.rate:.0%} as they are"
    )
    for name in CHANGES:
        shown.add_row(name, *(f"{row[name]:.0%}" for row in rows.values()))
    Console().print(shown)


if __name__ == "__main__":
    main()
