"""Does a detector know the attacks, or the people? The same attacks on people of training and on people of dev.

    python benchmarks/people_gap.py FACES RUN [RUN ...] [--people 150] [--out FILE]

Every simulation of the run's mixture is made once on each of as many people of either side, by the same code as dev is made
for training, from fresh draws. The difference of the two means is what the people are worth; what the first lacks is what
training has not learned of the attacks themselves.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch.utils.data import DataLoader

from bonaface.data.manifest import Manifest, read_manifest
from bonaface.data.splits import assigned
from bonaface.faces.finder import finder_for
from bonaface.training.judgement import judge
from bonaface.training.material import gather
from bonaface.training.trained import detector_of_run
from bonaface.vocabulary import BONAFIDE, Split

SEED = 11
"""Of the draws; no recipe has it."""


def people_of(manifest, side, number):
    """The manifest's first people of one side, each of whom is dev's; and one more as train, which must not be empty."""
    rows = [row for row in manifest.rows if row.species == BONAFIDE]
    wanted = list(dict.fromkeys(row.subject for row in rows if row.split == side))[:number]
    (other,) = [row for row in rows if row.subject not in wanted][:1]
    kept = [replace(row, split=Split.DEV) for row in rows if row.subject in wanted]
    return replace(manifest, rows=(*kept, replace(other, split=Split.TRAIN)))


def figures_of(run, manifest, number):
    """Of one run, for the people of each side."""
    detector, recipe = detector_of_run(run)
    shares = {name: share for name, share in recipe.mixture.shares.items() if share > 0}
    found = {}
    for side in (Split.TRAIN, Split.DEV):
        dev = gather(
            people_of(manifest, side, number), finder=finder_for(recipe.contract), contract=recipe.contract,
            mixture=replace(recipe.mixture, shares=shares), seed=SEED,
        ).dev  # fmt: skip
        loader = track(DataLoader(dev, batch_size=32), f"{run.name}, {side}", transient=True)
        found[str(side)] = judge(
            detector, loader, Accelerator(cpu=True), contract=recipe.contract, species_names=dev.species_names
        )
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("faces", type=Path, help="A manifest.")
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--people", type=int, default=150)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    manifest: Manifest = assigned(read_manifest(arguments.faces))
    table = Table("run", "mean AUC, people of training", "people of dev", "difference")
    result = {}
    for run in arguments.runs:
        found = figures_of(run, manifest, arguments.people)
        means = {side: one.mean_auc for side, one in found.items()}
        result[run.name] = {side: {"mean": one.mean_auc, **one.species_auc} for side, one in found.items()}
        table.add_row(
            run.name, *(f"{mean:.4f}" for mean in means.values()), f"{np.diff(list(means.values()))[0]:+.4f}"
        )
    Console().print(table)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
