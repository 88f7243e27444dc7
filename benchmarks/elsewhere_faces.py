"""Genuine faces of other origins as a manifest: what `bonaface simulate` and `bonaface export --data` take beside the pool's.

    python benchmarks/elsewhere_faces.py ARCHIVES OUT [--half dev|test] [--origin ORIGIN ...] [--split train] [--beside FACES]

ARCHIVES as for `elsewhere.py`. OUT gets a picture a face, with as much around it again on every edge as the picture has, without loss, and
a manifest in which all are bona fide and of that half, or of the split that is said; and with the rows of FACES, if that is given, split
as training splits them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2

import bonaface
from attacks_elsewhere import cut
from bonaface.data.joined import joined
from bonaface.data.manifest import Row, read_manifest, write_manifest
from bonaface.data.splits import assigned
from bonaface.vocabulary import BONAFIDE, Label, Split
from elsewhere import HALVES, ORIGINS, PACKAGES_OF_MANY, faces_of


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    words.add_argument("archives", type=Path)
    words.add_argument("out", type=Path)
    words.add_argument("--half", choices=HALVES, default=HALVES[0])
    words.add_argument("--origin", choices=ORIGINS, action="append")
    words.add_argument("--split", choices=list(Split))
    words.add_argument("--beside", type=Path)
    given = words.parse_args()
    finder = bonaface.load().finder
    given.out.mkdir(parents=True, exist_ok=True)
    rows = []
    faces = (
        face
        for origin in given.origin or (PACKAGES_OF_MANY,)
        for face in faces_of(given.archives, given.half, finder, what=origin, origin=origin)
    )
    for number, face in enumerate(faces):
        name = f"{number:03}.png"
        pixels = cut(face.picture, face.box).pixels
        cv2.imwrite(str(given.out / name), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        rows.append(
            Row(
                name,
                Label.BONAFIDE,
                BONAFIDE,
                face.person,
                split=Split(given.split or given.half),
                source=face.archive,
                licence="example in a public package",
            )
        )
    target = given.out / "manifest.csv"
    write_manifest(target, rows)
    if given.beside:
        both = joined([assigned(read_manifest(given.beside)), read_manifest(target)], given.out)
        write_manifest(target, both.rows)


if __name__ == "__main__":
    main()
