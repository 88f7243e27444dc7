"""Genuine faces of other origins as a manifest: what `bonaface simulate` and `bonaface export --data` take beside the pool's.

    python benchmarks/elsewhere_faces.py ARCHIVES OUT [--half dev|test]

ARCHIVES as for `elsewhere.py`. OUT gets a picture a face, with as much around it again on every edge as the picture has, without loss, and
a manifest in which all are bona fide and of that half.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
from rich.console import Console
from rich.progress import track

import bonaface
from attacks_elsewhere import cut
from bonaface.data.manifest import Row, write_manifest
from bonaface.vocabulary import BONAFIDE, Label, Split
from elsewhere import HALVES, check_archives, person_of, picture_of, rows_of


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    words.add_argument("archives", type=Path)
    words.add_argument("out", type=Path)
    words.add_argument("--half", choices=HALVES, default=HALVES[0])
    given = words.parse_args()
    rows = rows_of(given.half)
    check_archives(given.archives, rows)
    finder = bonaface.load().finder
    given.out.mkdir(parents=True, exist_ok=True)
    faces = []
    for row in track(rows, "cutting", console=Console(stderr=True)):
        picture = picture_of(given.archives, row)
        found = finder.find(picture)
        for number in row["faces"].split():
            name = f"{len(faces):03}.png"
            scene = cut(picture, found[int(number)].box)
            cv2.imwrite(str(given.out / name), cv2.cvtColor(scene.pixels, cv2.COLOR_RGB2BGR))
            faces.append(
                Row(
                    name,
                    Label.BONAFIDE,
                    BONAFIDE,
                    person_of(row, number),
                    split=Split(given.half),
                    source=row["archive"],
                    licence="example in a public package",
                )
            )
    write_manifest(given.out / "manifest.csv", faces)


if __name__ == "__main__":
    main()
