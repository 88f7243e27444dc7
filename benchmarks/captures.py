"""What are several captures of one presentation worth? Faces of `elsewhere.csv` and attacks on them, before the camera more than once.

    python benchmarks/captures.py ARCHIVES --bundle NAME_OR_FOLDER [--half dev|test] [--out FILE.json]

As `attacks_elsewhere.py`, but that every face and every attack on it is captured five times: the attack is drawn once, the camera's light,
blur, noise, turn and compression each time. Their evidence is put together as `Gate.presentation` does. Frames of one video are more alike than
these captures, so that they bring less. Of one capture the mean over the five stands; intervals are from faces drawn with replacement
1,000 times.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import bonaface
from attacks_elsewhere import given_words, scenes_of
from bonaface.data.samples import captured
from bonaface.evaluation.curves import auc_of
from bonaface.faces.crop import prepare
from bonaface.presentation import joint_scores
from under_attack import CAMERA, FURTHER, GENUINE, SPECIES, presented

CAPTURES, COUNTS, PASSED, REPLICATES = 5, (1, 2, 3, 5), 0.2, 1000


def scores_of(gate, scenes):
    """(faces, kinds, captures, 1 + families) scores: of an attack, then of each family."""
    contract = replace(gate.card.contract, min_face_px=1)
    found = np.empty((len(scenes), 1 + len(SPECIES), CAPTURES, 1 + len(gate.card.families)))
    for at, scene in enumerate(track(scenes, "capturing", console=Console(stderr=True))):
        for number, species in enumerate((GENUINE, *SPECIES)):
            seen = presented(scene, species, scenes[(at + FURTHER) % len(scenes)], (at, 0))
            for capture in range(CAPTURES):
                rng = np.random.default_rng([at, capture, 0])
                taken, _ = captured(seen, rng, strength=CAMERA)
                verdict = gate.judge(prepare(taken.pixels, taken.face, contract))
                if verdict.attack_score is None:
                    sys.exit(
                        f"every capture must have a score; {species} of face {at} has none: {verdict.detail}"
                    )
                found[at, number, capture] = [verdict.attack_score, *verdict.family_scores.values()]
    return found


def together(scores, count):
    """(faces, kinds, groups) attack scores of as many groups of `count` captures as there are."""
    groups = [scores[:, :, first : first + count] for first in range(0, CAPTURES - count + 1, count)]
    return np.stack(
        [
            [[joint_scores(one[:, 0], one[:, 1:])[0] for one in face] for face in group]
            for group in groups
        ],
        axis=2,
    )  # fmt: skip


def rates(scores, threshold, faces):
    """(mean AUC, turned away at the threshold, attacks passed there, turned away where a fifth passes), means over groups."""
    found = []
    for group in np.moveaxis(scores[faces], 2, 0):
        genuine, attacks = group[:, 0], group[:, 1:]
        at = np.quantile(attacks, PASSED)
        is_attack = np.arange(2 * len(group)) >= len(group)
        aucs = [auc_of(np.concatenate([genuine, one]), is_attack) for one in attacks.T]
        found.append(
            (
                np.mean(aucs),
                (genuine >= threshold).mean(),
                (attacks < threshold).mean(),
                (genuine >= at).mean(),
            )
        )
    return np.mean(found, axis=0)


NAMES = ("mean_auc", "turned_away", "passed", "turned_away_where_a_fifth_passes")


def summary(scores, threshold):
    """By the number of captures: rates with intervals, and the gain in AUC over one capture with its interval."""
    rng, everybody = np.random.default_rng(0), np.arange(len(scores))
    drawn = [rng.choice(everybody, len(everybody)) for _ in range(REPLICATES)]
    joint = {count: together(scores, count) for count in COUNTS}
    values = {count: rates(one, threshold, everybody) for count, one in joint.items()}
    again = {
        count: np.array([rates(one, threshold, faces) for faces in drawn]) for count, one in joint.items()
    }
    told = {}
    for count in COUNTS:
        low, high = np.quantile(again[count], (0.025, 0.975), axis=0)
        gain = np.quantile(again[count][:, 0] - again[1][:, 0], (0.025, 0.975))
        told[count] = {
            name: [float(values[count][at]), float(low[at]), float(high[at])] for at, name in enumerate(NAMES)
        } | {"gain": [float(values[count][0] - values[1][0]), *map(float, gain)]}
    return told


def main() -> None:
    given = given_words(__doc__)
    told = {}
    for name in given.bundle:
        gate = bonaface.load(name)
        scenes = scenes_of(given.archives, given.half, gate.finder)
        told[gate.card.id] = summary(scores_of(gate, scenes), gate.threshold)
        table = Table(
            "captures", *NAMES, "gain in AUC", title=f"{gate.card.id}, {len(scenes)} faces of {given.half}"
        )
        for count, one in told[gate.card.id].items():
            cells = ([f"{one[n][0]:.3f} ({one[n][1]:.3f} to {one[n][2]:.3f})"] for n in (*NAMES, "gain"))
            table.add_row(str(count), *(cell[0] for cell in cells))
        Console(width=160).print(table)
    if given.out:
        result = {"half": given.half, "faces": len(scenes), "bundles": told}
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
