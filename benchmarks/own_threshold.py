"""What is a threshold of one's own worth? Chosen on genuine captures of one half of `elsewhere.csv`, measured on the other's people.

    python benchmarks/own_threshold.py ARCHIVES --bundle NAME_OR_FOLDER [--bundle ...] [--workers N] [--out FILE.json]

ARCHIVES as for `elsewhere.py`. What `bonaface adjust` does, by its own functions: the captures are genuine as they are, prints, replays and
face swaps are simulated on them, and a rule chooses on the half `dev`. Packages, and so cameras and people, are of one half alone: it
is a harder case than a threshold for the cameras that it was chosen on. On test BPCER is by people, the mean of their shares, with an
interval from people drawn with replacement 2,000 times.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

import bonaface
from attacks_elsewhere import MOST_FACES, cut
from bonaface.bundle import bundle_folder
from bonaface.cli.adjust import attacks_on
from bonaface.cli.judging import scored
from bonaface.data.joined import joined
from bonaface.data.manifest import Manifest, Row
from bonaface.evaluation.own_threshold import errors_at, own_threshold
from bonaface.faces.finder import Finder
from bonaface.vocabulary import BONAFIDE, Label, Split
from elsewhere import HALVES, faces_of, rates_of
from under_attack import words_of

RULES = ("bpcer=0.05", "bpcer=0.1", "bpcer=0.2", "eer")
SPECIES = ("print", "replay", "faceswap")


def captures_of(archives: Path, half: str, finder: Finder, folder: Path) -> Manifest:
    """The faces of one half as files, each with as much around it again on every edge; all of them rows of dev, by which is chosen."""
    folder.mkdir(parents=True)
    rows = []
    for number, face in enumerate(faces_of(archives, half, finder, what=f"finding {half}", most=MOST_FACES)):
        name, picture = f"{number:03}.png", cut(face.picture, face.box).pixels
        cv2.imwrite(str(folder / name), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        rows.append(Row(name, Label.BONAFIDE, BONAFIDE, face.person, Split.DEV))
    return Manifest(tuple(rows), folder)


def judged(gate, captures: Manifest, folder: Path, workers: int):
    """The score table of captures and of the attacks simulated on them."""
    attacks = attacks_on(captures, folder / "attacks", list(SPECIES), gate.finder, workers=workers, seed=0)
    return scored(
        gate, joined([captures, attacks], folder), folder / f"scores-{gate.card.model.sha256[:12]}.csv"
    )


def summary(dev, test, threshold):
    """Both errors on the half that chose and on the other."""
    chosen_on, new = errors_at(dev, threshold), errors_at(test, threshold)
    genuine = test.is_bonafide & test.has_score
    found = zip(test.subject[genuine].tolist(), test.attack_score[genuine].tolist(), strict=True)
    return {
        "threshold": threshold,
        "dev": {"bpcer": chosen_on.bpcer.value, "apcer": chosen_on.apcer_pooled.value},
        "test": rates_of(list(found), threshold, rng=np.random.default_rng(0))
        | {
            "apcer": new.apcer_pooled.value,
            "by_species": {name: rate.value for name, rate in new.apcer.items()},
        },
    }


def main() -> None:
    words = words_of(__doc__)
    words.add_argument("archives", type=Path)
    words.add_argument("--workers", type=int, default=1)
    words.add_argument("--out", type=Path)
    given = words.parse_args()
    told = {}
    with tempfile.TemporaryDirectory() as place:
        finder = bonaface.load(given.bundle[0]).finder
        captures = {
            half: captures_of(given.archives, half, finder, Path(place) / half / "captures")
            for half in HALVES
        }
        for name in given.bundle:
            gate = bonaface.load(bundle_folder(name))
            dev, test = (
                judged(gate, one, Path(place) / half, given.workers) for half, one in captures.items()
            )
            thresholds = {"its own": gate.threshold} | {
                rule: own_threshold(dev, rule).value for rule in RULES
            }
            told[gate.card.id] = {rule: summary(dev, test, at) for rule, at in thresholds.items()}
    for name, rules in told.items():
        table = Table("threshold", "dev: BPCER", "APCER", "test: BPCER", "interval", "APCER", title=name)
        for rule, one in rules.items():
            dev, test = one["dev"], one["test"]
            table.add_row(
                rule, f"{dev['bpcer']:.1%}", f"{dev['apcer']:.1%}", f"{test['bpcer']:.1%}",
                f"{test['low']:.1%} to {test['high']:.1%}", f"{test['apcer']:.1%}",
            )  # fmt: skip
        Console().print(table)
    if given.out:
        result = {"captures": {half: len(one.rows) for half, one in captures.items()}, "bundles": told}
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
