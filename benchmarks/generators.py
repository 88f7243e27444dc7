"""Are the faces of newer generators told? What real text-to-picture and picture-to-video models have made, none of it simulated.

    python benchmarks/generators.py ARCHIVES --bundle NAME_OR_FOLDER [--bundle ...] [--out generators.json]

`generators.csv` names 26 faces, made by some twenty models, that come with packages of templates for such models: photographic,
both eyes open, sorted by eye; of a moving picture the middle frame, which no camera can have taken. They are small (300 to 400 pixels
mostly) and stored by WebP. They are not in this project; the packages are fetched as for `elsewhere.py`, 0.4 gigabytes. No training
and no choice has seen one. Said of each bundle: what share it lets pass at its threshold (Wilson's interval, 95 %), and the AUC against
the genuine faces of the test half of each origin of `elsewhere.csv`, as these are (faces drawn with replacement 2,000 times).
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

import bonaface
from bonaface.evaluation.intervals import wilson
from bonaface.faces.crop import prepare
from elsewhere import ORIGINS, check_archives, data_of, faces_of
from under_attack import separation, words_of

LIST = Path(__file__).parent / "generators.csv"


def picture_of(archives, row):
    """The frame of a row, (height, width, 3) uint8 RGB."""
    with Image.open(io.BytesIO(data_of(archives, row))) as opened:
        opened.seek(int(row["frame"]))
        return np.asarray(opened.convert("RGB"))


def generated_faces(archives, finder):
    """(picture, box) of the largest face of each row."""
    with LIST.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    check_archives(archives, rows)
    for row in track(rows, "generated", console=Console(stderr=True)):
        picture = picture_of(archives, row)
        yield picture, max((face.box for face in finder.find(picture)), key=lambda box: box.side)


def scored(gate, faces):
    """Scores of (picture, box); who gets no decision is left out."""
    contract = gate.card.contract
    found = (gate.judge(prepare(picture, box, contract)).attack_score for picture, box in faces)
    return np.array([score for score in found if score is not None])


def with_interval(genuine, generated, rng):
    """AUC of the generated faces against the genuine ones, with its interval."""
    drawn = [
        separation(rng.choice(genuine, len(genuine)), rng.choice(generated, len(generated)))
        for _ in range(2000)
    ]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"auc": separation(genuine, generated), "low": float(low), "high": float(high)}


def summary(gate, archives):
    generated = scored(gate, generated_faces(archives, gate.finder))
    passed = int((generated < gate.threshold).sum())
    low, high = wilson(passed, len(generated))
    against = {}
    for origin in ORIGINS:
        faces = faces_of(archives, "test", gate.finder, what=origin, origin=origin)
        genuine = scored(gate, ((face.picture, face.box) for face in faces))
        against[origin] = with_interval(genuine, generated, np.random.default_rng(0))
    return {
        "faces": len(generated),
        "passed": {"share": passed / len(generated), "low": low, "high": high},
        "against": against,
    }


def told(one):
    return f"{one['auc']:.3f} ({one['low']:.2f} to {one['high']:.2f})"


def main() -> None:
    words = words_of(__doc__)
    words.add_argument("archives", type=Path)
    words.add_argument("--out", type=Path)
    given = words.parse_args()
    gates = [bonaface.load(name, num_threads=1) for name in given.bundle]
    found = {gate.card.id: summary(gate, given.archives) for gate in gates}
    table = Table("", *found, title=f"{max(one['faces'] for one in found.values())} generated faces")
    passed = (one["passed"] for one in found.values())
    table.add_row(
        "let pass", *(f"{one['share']:.0%} ({one['low']:.0%} to {one['high']:.0%})" for one in passed)
    )
    for origin in ORIGINS:
        table.add_row(f"AUC against {origin}", *(told(one["against"][origin]) for one in found.values()))
    Console().print(table)
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
