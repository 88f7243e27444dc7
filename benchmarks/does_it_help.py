"""Does the attack lab help with a species that training never saw? Leave-one-species-out, against clues alone.

    bonaface data simuad FACES SIMUAD
    python benchmarks/does_it_help.py FACES SIMUAD --work RUNS --out benchmarks/results/does_it_help.json

For each species of SimUAD and each seed `nano` learns from every simulation of the lab but that species', and is scored
on the test rows of SimUAD's list `LOSO-SPECIES`: people, variants and strengths that no training had. Against it stands
one training a seed from SPSC and SDSC alone, scored on the same rows. All have the same encoder, budget and seeds, and are
judged by the weights of their last step: nothing is chosen. Every finished training is kept in RUNS, so that a run that
was stopped goes on where it was. `bonafide.csv`-like FACES must hold bona fide pictures.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from bonaface.data.manifest import read_manifest
from bonaface.data.simuad.variants import variants_of
from bonaface.data.splits import assigned
from bonaface.evaluation.curves import auc_of
from bonaface.faces.crop import prepare
from bonaface.faces.dlib_hog import DlibHogFinder
from bonaface.faces.picture import read_picture
from bonaface.models.detector import any_attack_logit
from bonaface.models.pixels import normalise
from bonaface.training.loop import train
from bonaface.training.material import gather
from bonaface.training.memory import keep_freed_memory
from bonaface.training.recipe import Simulated
from bonaface.training.recipes import recipe_named
from bonaface.training.record import begun, write_record
from bonaface.training.trained import detector_of_run
from bonaface.vocabulary import BONAFIDE, CHAIN, Split

CLUES = {"spsc": 0.5, "sdsc": 0.5}
MADE_BY = {"faceswap": ("faceswap", "swap")}
"""Simulations of a species, where they are not one of its own name."""

NUM_DEV = 6
"""People on whose pictures a run looks at the end of its epochs; nothing is chosen by them."""


def recipe_for(base, shares, *, seed, samples, epochs, pairs, layers):
    return replace(
        base,
        name="does_it_help",
        model=replace(base.model, num_layers=layers),
        data=Simulated(kept_pairs=pairs),
        mixture=replace(
            base.mixture, shares=shares, variants=variants_of(Split.TRAIN), recaptured_digital=0.0
        ),
        epochs=epochs,
        samples_per_epoch=samples // epochs,
        num_workers=0,
        seed=seed,
        kept="last",
    )


def few_dev(manifest):
    """The manifest without its test rows, and with few people in dev."""
    manifest = assigned(manifest)
    people = sorted({row.subject for row in manifest.of_split(Split.DEV).rows})[:NUM_DEV]
    rows = [row for row in manifest.of_split(Split.TRAIN, Split.DEV).rows
            if row.species == BONAFIDE and (row.split == Split.TRAIN or row.subject in people)]  # fmt: skip
    return replace(manifest, rows=tuple(rows))


def test_crops(simuad, contract, kept):
    """Crops, species and people of the test rows, the same for every list; made once."""
    if not kept.is_file():
        manifest, finder = read_manifest(simuad / "protocols" / "S1.csv"), DlibHogFinder()
        crops, species, people = [], [], []
        for row in manifest.of_split(Split.TEST).rows:
            picture = read_picture(manifest.picture_path(row))
            found = finder.find(picture)
            if found:
                crops.append(prepare(picture, found[0].box, replace(contract, min_face_px=1)).pixels)
                species.append(row.species.name)
                people.append(row.subject)
        np.savez(kept, crops=np.stack(crops), species=species, people=people)
    held = np.load(kept)
    return held["crops"], held["species"], held["people"]


def scores_of(run, crops):
    """What a run makes of crops of any size."""
    detector, recipe = detector_of_run(run, size=crops.shape[1])
    detector.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(crops), 64):
            pixels = normalise(
                torch.from_numpy(crops[start : start + 64]),
                mean=recipe.contract.mean,
                std=recipe.contract.std,
            )
            found.append(any_attack_logit(detector(pixels).family_logits).numpy())
    return np.concatenate(found)


def trained(folder, recipe, material, kept_in):
    """Train, or go on with a training that was stopped."""
    is_resumed = (folder / "last").exists()
    material = replace(material, kept_in=kept_in)
    write_record(folder, begun(recipe, material, command="does_it_help", earlier=None, parent=None))
    return train(recipe, material, folder, is_resumed=is_resumed).is_finished


def intervals(values):
    low, high = np.quantile(values, (0.025, 0.975))
    return [round(float(low), 4), round(float(high), 4)]


def drawn_rows(people, *, replicates=1000):
    """Rows of people drawn with replacement, time after time: all of each person's together."""
    everybody, rng = np.unique(people), np.random.default_rng(0)
    places = {who: np.flatnonzero(people == who) for who in everybody}
    for _ in range(replicates):
        yield np.concatenate([places[who] for who in rng.choice(everybody, len(everybody))])


def table(species, people, scores, names, seeds):
    """AUC of every left-out species by both, mean over seeds; intervals over people, drawn with replacement."""

    def areas(rows):
        """(species, arms, seeds)"""
        kinds, found = species[rows], np.zeros((len(names), 2, len(seeds)))
        for at, name in enumerate(names):
            own = np.isin(kinds, (name, BONAFIDE.name))
            labels = kinds[own] == name
            for place in np.ndindex(2, len(seeds)):
                arm, seed = (name, "clues")[place[0]], seeds[place[1]]
                found[at, *place] = auc_of(scores[arm, seed][rows[own]], labels)
        return found

    value = areas(np.arange(len(people)))
    drawn = np.stack([areas(rows).mean(axis=2) for rows in drawn_rows(people)])

    def row(found, again):
        """Of the lab's and the clues' AUC, and of each replicate's."""
        return {
            "lab": [round(float(found[0]), 4), *intervals(again[:, 0])],
            "clues": [round(float(found[1]), 4), *intervals(again[:, 1])],
            "difference": [round(float(found[0] - found[1]), 4), *intervals(again[:, 0] - again[:, 1])],
        }

    rows = {
        name: row(value[at].mean(axis=1), drawn[:, at]) | {"by_seed": np.round(value[at], 4).tolist()}
        for at, name in enumerate(names)
    }
    return rows | {"mean": row(value.mean(axis=(0, 2)), drawn.mean(axis=1)) | {"by_seed": None}}


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    words.add_argument("faces", type=Path)
    words.add_argument("simuad", type=Path)
    words.add_argument("--work", type=Path, required=True)
    words.add_argument("--out", type=Path)
    words.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    words.add_argument("--samples", type=int, default=12800)
    words.add_argument("--epochs", type=int, default=2)
    words.add_argument("--pairs", type=int, default=6400)
    words.add_argument("--layers", type=int, default=2)
    words.add_argument("--recipe", default="nano")
    words.add_argument("--only", nargs="+", help="of the left-out species, or 'clues'")
    given = words.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    base = recipe_named(given.recipe)
    lab = dict(base.mixture.shares)
    names = [path.stem.removeprefix("LOSO-") for path in sorted(given.simuad.glob("protocols/LOSO-*.csv"))]
    arms = {"clues": CLUES} | {
        name: {
            word: share
            for word, share in lab.items()
            if not {*word.split(CHAIN)} & {*MADE_BY.get(name, (name,))}
        }
        for name in names
    }
    given.work.mkdir(parents=True, exist_ok=True)
    crops, species, people = test_crops(given.simuad, base.contract, given.work / "test.npz")
    material, scores, seconds = None, {}, []
    for seed in given.seeds:
        for arm, shares in arms.items():
            if given.only and arm not in given.only:
                continue
            folder = given.work / f"{arm}-{seed}"
            kept = folder / "scores.npy"
            if not kept.is_file():
                if material is None:
                    material = gather(few_dev(read_manifest(given.faces)), finder=DlibHogFinder(),
                                      contract=base.contract, mixture=base.mixture, seed=0)  # fmt: skip
                recipe = recipe_for(base, shares, seed=seed, samples=given.samples, epochs=given.epochs,
                                    pairs=given.pairs, layers=given.layers)  # fmt: skip
                started = time.monotonic()
                if not trained(folder, recipe, material, given.work / "pairs"):
                    raise SystemExit("stopped; the same command goes on")
                seconds.append(time.monotonic() - started)
                np.save(kept.with_name("part.npy"), scores_of(folder, crops))
                kept.with_name("part.npy").replace(kept)
                shutil.rmtree(folder / "last", ignore_errors=True)
            scores[arm, seed] = np.load(kept)
            own = np.isin(species, (arm, BONAFIDE.name)) if arm != "clues" else np.ones(len(species), bool)
            attack = species[own] != BONAFIDE.name
            print(f"{arm} {seed}: AUC {auc_of(scores[arm, seed][own], attack):.3f}", flush=True)
    if given.only:
        return
    found = {
        "samples": given.samples, "layers": given.layers, "seeds": given.seeds,
        "seconds_each": round(float(np.median(seconds)), 1) if seconds else None,
        "auc": table(species, people, scores, names, given.seeds),
    }  # fmt: skip
    print(json.dumps(found, indent=1))
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
