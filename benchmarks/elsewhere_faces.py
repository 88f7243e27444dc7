"""Genuine faces of other origins as a manifest: what `bonaface simulate` and `bonaface export --data` take beside the pool's.

    python benchmarks/elsewhere_faces.py ARCHIVES OUT [--half dev|test]

ARCHIVES as for `elsewhere.py`. OUT gets a picture a face, with as much around it again on every edge as the picture has, without loss, and
a manifest in which all are bona fide and of that half.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2

import bonaface
from attacks_elsewhere import cut
from bonaface.data.manifest import Row, write_manifest
from bonaface.vocabulary import BONAFIDE, Label, Split
from elsewhere import HALVES, faces_of


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    words.add_argument("archives", type=Path)
    words.add_argument("out", type=Path)
    words.add_argument("--half", choices=HALVES, default=HALVES[0])
    given = words.parse_args()
    finder = bonaface.load().finder
    given.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, face in enumerate(faces_of(given.archives, given.half, finder, what="cutting")):
        name = f"{number:03}.png"
        pixels = cut(face.picture, face.box).pixels
        cv2.imwrite(str(given.out / name), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        rows.append(
            Row(
                name,
                Label.BONAFIDE,
                BONAFIDE,
                face.person,
                split=Split(given.half),
                source=face.archive,
                licence="example in a public package",
            )
        )
    write_manifest(given.out / "manifest.csv", rows)


if __name__ == "__main__":
    main()
