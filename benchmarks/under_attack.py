"""What benchmarks that compare bundles share: faces captured as they are and under every simulation, judged by each bundle."""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.progress import track

from bonaface.data.chains import chain_named
from bonaface.data.manifest import Manifest, read_manifest
from bonaface.data.samples import attacked, captured
from bonaface.data.splits import assigned
from bonaface.evaluation.curves import auc_of
from bonaface.faces.crop import prepare
from bonaface.vocabulary import BONAFIDE

SPECIES = (
    "print", "replay", "cutout", "paper_mask", "mask_3d", "faceswap", "reenactment", "attribute_edit", "morph", "generated", "injection",
)  # fmt: skip
GENUINE, CAMERA = BONAFIDE.name, 0.5
FURTHER = 7
"""How many scenes on the partner of an attack on two people is: no more faces than that are taken of one picture."""


def words_of(text: str) -> argparse.ArgumentParser:
    """A command line that takes bundles."""
    words = argparse.ArgumentParser(description=text, formatter_class=argparse.RawTextHelpFormatter)
    words.add_argument(
        "--bundle", action="append", required=True, help="nano, small or a folder; several times"
    )
    return words


def one_each(path, split) -> Manifest:
    """A bona fide picture of each person of a split."""
    manifest = assigned(read_manifest(path))
    rows = {row.subject: row for row in manifest.of_split(split).rows if row.species == BONAFIDE}
    return Manifest(tuple(rows.values()), manifest.folder)


def presented(scene, species, partner, seed):
    """The scene under an attack, or as it is."""
    if species == GENUINE:
        return scene
    needed = partner if chain_named(species).needs_partner else None
    return attacked(scene, species, np.random.default_rng([*seed, 1]), partner=needed)[0]


def shown(scene, species, partner, seed):
    """The scene under an attack, or as it is, before the camera."""
    scene = presented(scene, species, partner, seed)
    return captured(scene, np.random.default_rng([*seed, 0]), strength=CAMERA)[0]


def shown_each(scenes, *, what):
    """(species, scene) of every scene as it is and under every simulation, before the camera; a bar says what is done."""
    for at, scene in enumerate(track(scenes, what, console=Console(stderr=True))):
        partner = scenes[(at + FURTHER) % len(scenes)]
        for species in (GENUINE, *SPECIES):
            yield species, shown(scene, species, partner, (at, 0))


def judges_of(gates):
    """By the name of a bundle what gives the attack_score of a face in a picture, None without a decision.

    A face that an attack has made smaller than the contract allows is judged all the same.
    """

    def judge(gate):
        contract = replace(gate.card.contract, min_face_px=1)
        return lambda pixels, box: gate.judge(prepare(pixels, box, contract)).attack_score

    return {name: judge(gate) for name, gate in gates.items()}


def scores_of(gates, scenes, *, what):
    """Scores by bundle and species; the same draws for every bundle."""
    found = {name: {species: [] for species in (GENUINE, *SPECIES)} for name in gates}
    judges = judges_of(gates)
    for species, seen in shown_each(scenes, what=what):
        for name, judge in judges.items():
            score = judge(seen.pixels, seen.face)
            if score is not None:
                found[name][species].append(score)
    return found


def separation(genuine, attacks):
    """AUC of attacks against genuine captures."""
    is_attack = np.arange(len(genuine) + len(attacks)) >= len(genuine)
    return round(float(auc_of(np.array([*genuine, *attacks]), is_attack)), 4)
