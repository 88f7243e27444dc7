"""What detectors make of the one species that they have never learned from: AUC on SimUAD's lists LOSO-SPECIES.

    benchmarks/leave_one_out.sh FACES_FOLDER     trains them, then calls
    python benchmarks/leave_one_out.py SIMUAD RUNS --size 224 --out benchmarks/results/leave_one_out.json

RUNS holds a run `without-SPECIES` for each, and `unseen-S2.1` and `unseen-S2.2`, from whose weights those went on. People, variants
and strengths of the test rows were in no training. With --size they judge crops of that side, as the bundle does. Intervals are of
people drawn with replacement 1,000 times.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from bonaface.evaluation.curves import auc_of
from bonaface.training.recipe import from_dict
from bonaface.training.record import read_record
from bonaface.vocabulary import BONAFIDE, CHAIN, Family, species_named
from does_it_help import MADE_BY, drawn_rows, intervals, scores_of, test_crops

WENT_ON_FROM = {Family.PHYSICAL: "unseen-S2.1", Family.DIGITAL: "unseen-S2.2"}
"""The run that lacks a species' whole family."""


def check_unseen(runs, species):
    """Refuse runs that have learned, at either stage, from what makes the species; else the samples that both have seen."""
    makers, samples = set(MADE_BY.get(species, (species,))), 0
    for name in (WENT_ON_FROM[species_named(species).family], f"without-{species}"):
        recipe = read_record(runs / name).recipe
        samples += recipe["epochs"] * recipe["samples_per_epoch"]
        shown = {
            part
            for share, size in recipe["mixture"]["shares"].items()
            if size > 0
            for part in share.split(CHAIN)
        }
        if shown & makers:
            raise SystemExit(
                f"{runs / name} must not have learned from {', '.join(sorted(makers))}; its recipe has a share"
            )
    return samples


def contract_of(run):
    """Of a trained run, without opening its weights."""
    return from_dict(read_record(run).recipe).contract


def with_interval(scores, labels, people):
    """AUC, and where 95 % of it lies over people drawn with replacement."""
    drawn = [auc_of(scores[rows], labels[rows]) for rows in drawn_rows(people)]
    return [round(auc_of(scores, labels), 4), *intervals(drawn)]


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    words.add_argument("simuad", type=Path)
    words.add_argument("runs", type=Path)
    words.add_argument("--size", type=int)
    words.add_argument("--out", type=Path)
    given = words.parse_args()
    torch.set_num_threads(1)
    console = Console()
    names = [path.stem.removeprefix("LOSO-") for path in sorted(given.simuad.glob("protocols/LOSO-*.csv"))]
    samples = {name: check_unseen(given.runs, name) for name in names}
    contracts = {name: contract_of(given.runs / f"without-{name}") for name in names}
    if len(set(contracts.values())) != 1:
        raise SystemExit(
            "all runs must look at faces alike; their contracts differ; train them by one recipe"
        )
    contract = replace(contracts[names[0]], size=given.size or contracts[names[0]].size)
    kept = given.runs / f"without-test-{contract.size}.npz"
    crops, kinds, people = test_crops(given.simuad, contract, kept)
    found = {}
    for name in track(names, "judging", console=Console(stderr=True)):
        own = np.isin(kinds, (name, BONAFIDE.name))
        scores = scores_of(given.runs / f"without-{name}", crops[own])
        found[name] = with_interval(scores, kinds[own] == name, people[own])
        console.print(f"{name}: AUC {found[name][0]:.3f} ({found[name][1]:.3f} to {found[name][2]:.3f})")
    mean = round(float(np.mean([one[0] for one in found.values()])), 4)
    console.print(f"mean {mean:.3f}, worst {min(found, key=lambda name: found[name][0])}")
    if given.out:
        result = {
            "samples": sorted(set(samples.values())),
            "size": contract.size,
            "auc": found,
            "mean": mean,
        }
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
