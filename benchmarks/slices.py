"""Whom does a bundle turn away? BPCER over slices of bona fide pictures that the pool can be cut into.

    python benchmarks/slices.py FACES --out benchmarks/results/slices.json [--bundle FOLDER]

Bona fide pictures of FACES' test people as they are; by the tone of the skin, by sharpness and by brightness, each estimated
from the face and cut into thirds; grey ones; and all of them again turned grey, darker, smaller or compressed. Intervals are exact.
Tone is the individual typology angle of the median colour of the face's inner half: an estimate from pixels under unknown light,
and no statement about a person.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import bonaface
from bonaface.data.manifest import read_manifest
from bonaface.data.splits import assigned
from bonaface.evaluation.intervals import clopper_pearson
from bonaface.faces.picture import read_picture
from bonaface.inference.gate import Gate
from bonaface.vocabulary import BONAFIDE, Outcome, Split

GREY_SPREAD = 2.0
"""Mean distance of a picture's channels, of 255, below which it counts as grey."""


def inner(picture, box):
    """The pixels of the inner half of the face's box."""
    x, y = box.center
    side = (box.x2 - box.x1) / 4
    rows, columns = slice(max(int(y - side), 0), int(y + side)), slice(max(int(x - side), 0), int(x + side))
    return picture[rows, columns]


def tone_deg(face):
    """Individual typology angle: atan((L - 50) / b) in degrees; light skin is high, dark skin low."""
    colour = np.median(face.reshape(-1, 3), axis=0).astype(np.float32)[None, None] / 255
    lightness, _, yellow = cv2.cvtColor(colour, cv2.COLOR_RGB2LAB)[0, 0]
    return float(np.degrees(np.arctan2(lightness - 50, yellow)))


def sharpness(face):
    """Variance of the Laplacian of the face at 128 pixels."""
    small = cv2.resize(
        cv2.cvtColor(np.ascontiguousarray(face), cv2.COLOR_RGB2GRAY), (128, 128), interpolation=cv2.INTER_AREA
    )
    return float(cv2.Laplacian(small, cv2.CV_64F).var())


def is_grey(picture):
    return float(np.ptp(picture.astype(np.int16), axis=2).mean()) < GREY_SPREAD


def grey(picture):
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def darker(picture):
    """One stop less light."""
    return ((picture / 255.0) ** 2.2 / 2) ** (1 / 2.2) * 255


def smaller(picture):
    """Half the size, and back."""
    half = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return cv2.resize(half, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def compressed(picture):
    """JPEG of quality 50."""
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 50])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


def flatter(picture):
    """Two thirds of the contrast, as in haze."""
    return (picture.astype(float) - 128) * 2 / 3 + 128


def warmer(picture):
    """A tungsten lamp taken for daylight: red a fifth up, blue a fifth down."""
    return picture * np.array([1.2, 1.0, 0.8])


def noisy(picture):
    """Noise of five levels in every channel, as a small sensor has in a dim room."""
    return picture + np.random.default_rng(0).normal(0, 5, picture.shape)


def crisper(picture):
    """Twice the finest detail, as phones sharpen."""
    smooth = cv2.GaussianBlur(picture, (0, 0), 0.8).astype(float)
    return picture + (picture - smooth)


def denoised(picture):
    """What a phone makes of noise: skin without pores. Non-local means, which no training knows."""
    return cv2.fastNlMeansDenoisingColored(np.ascontiguousarray(picture), None, 5, 5, 5, 15)


def shaded(picture):
    """Its left half in shadow, a third of the light, with an edge as soft as a window's frame casts."""
    place = np.arange(picture.shape[1]) - picture.shape[1] / 2
    lit = 1 / (1 + np.exp(-place / (0.02 * picture.shape[1])))
    return ((picture / 255.0) ** 2.2 * (1 + 2 * lit[None, :, None]) / 3) ** (1 / 2.2) * 255


CHANGES = {
    "turned grey": grey,
    "one stop darker": darker,
    "half the size": smaller,
    "JPEG of quality 50": compressed,
    "two thirds of the contrast": flatter,
    "under a warm lamp": warmer,
    "noise of five levels": noisy,
    "sharpened": crisper,
    "denoised": denoised,
    "half in shadow": shaded,
}


def altered(picture, change):
    """The changed picture in code values."""
    return np.ascontiguousarray(np.clip(change(picture), 0, 255).astype(np.uint8))


def thirds(name, values):
    """Which picture is in which third, lowest first."""
    low, high = np.quantile(values, (1 / 3, 2 / 3))
    return {
        f"{name}, lowest third": values <= low,
        f"{name}, middle third": (values > low) & (values <= high),
        f"{name}, highest third": values > high,
    }


def rate(outcomes):
    """Of pictures with a verdict, how many are called attacks."""
    decided = [one for one in outcomes if one is not Outcome.NO_DECISION]
    errors = sum(one is Outcome.ATTACK for one in decided)
    low, high = clopper_pearson(errors, len(decided)) if decided else (0.0, 1.0)
    return {"errors": errors, "pictures": len(decided), "no_decision": len(outcomes) - len(decided),
            "bpcer": round(errors / max(len(decided), 1), 4), "interval": [round(low, 4), round(high, 4)]}  # fmt: skip


def judged(gate: Gate, faces: Path):
    manifest = assigned(read_manifest(faces))
    found, values, changed = (
        [],
        {"tone": [], "sharpness": [], "brightness": [], "grey": []},
        {name: [] for name in CHANGES},
    )
    rows = [row for row in manifest.of_split(Split.TEST).rows if row.species == BONAFIDE]
    for row in track(rows, "judging", console=Console(stderr=True)):
        picture = read_picture(manifest.picture_path(row))
        verdict = gate(picture)
        if verdict.box is None:
            continue
        face = inner(picture, verdict.box)
        found.append(verdict.outcome)
        values["tone"].append(tone_deg(face))
        values["sharpness"].append(sharpness(face))
        values["brightness"].append(float(face.mean()))
        values["grey"].append(is_grey(picture))
        for name, change in CHANGES.items():
            changed[name].append(gate(altered(picture, change)).outcome)
    return found, {name: np.array(held) for name, held in values.items()}, changed


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    words.add_argument("faces", type=Path)
    words.add_argument("--bundle", type=Path)
    words.add_argument("--out", type=Path)
    given = words.parse_args()
    gate = bonaface.load(given.bundle) if given.bundle else bonaface.load()
    outcomes, values, changed = judged(gate, given.faces)
    coloured = ~values["grey"]
    slices = {
        "all": np.ones(len(outcomes), bool),
        "grey pictures": values["grey"],
        "coloured pictures": coloured,
    }
    tones = np.where(coloured, values["tone"], np.median(values["tone"][coloured]))
    slices |= {name: held & coloured for name, held in thirds("tone of skin, dark to light", tones).items()}
    slices |= thirds("sharpness", values["sharpness"]) | thirds(
        "brightness of the face", values["brightness"]
    )
    found = {name: rate([outcomes[at] for at in np.flatnonzero(held)]) for name, held in slices.items()}
    found |= {f"all, {name}": rate(held) for name, held in changed.items()}
    shown = Table("slice", "BPCER", "errors", "95 % interval", title=gate.card.id)
    for name, one in found.items():
        low, high = one["interval"]
        shown.add_row(
            name, f"{one['bpcer']:.1%}", f"{one['errors']}/{one['pictures']}", f"{low:.1%} to {high:.1%}"
        )
    Console().print(shown)
    if given.out:
        given.out.write_text(
            json.dumps({"bundle": gate.card.id, "slices": found}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
