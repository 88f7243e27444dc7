"""What do experts add? Five detectors of nano's size, each part taken away in turn, with equal budgets.

    bonaface data simuad FACES SIMUAD
    python benchmarks/ablation.py FACES SIMUAD --out RUNS

Plain blocks, SoftMoE, La-SoftMoE, and La-SoftMoE with its router frozen at its random start or its slots dealt to the
experts anew in every step. Trained on the pool's train people with SimUAD's training variants, threshold on some of its
dev people, judged on one sample a variant of all its test people. This writes the list and the plan, and the work is
done by `bonaface compare`: it can be stopped and goes on, and its leaderboard is the result.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from bonaface.data.manifest import read_manifest, write_manifest
from bonaface.data.splits import assigned
from bonaface.vocabulary import BONAFIDE, Split

ARMS = {
    "plain": ["model.experts=null"],
    "softmoe": ['model.experts.combine="softmax"', "model.experts.in_enabled=false"],
    "lasoftmoe": [],
    "frozen_router": ["model.experts.frozen_router=true"],
    "shuffled_experts": ["model.experts.shuffled_experts=true"],
}
NUM_DEV = 20


def slim(faces: Path, simuad: Path, out: Path) -> Path:
    """S1 with the pool's own pictures to train on, few dev people, and one sample a variant in test."""
    pool, listed = assigned(read_manifest(faces)), read_manifest(simuad / "protocols" / "S1.csv")
    dev = sorted({row.subject for row in listed.of_split(Split.DEV).rows})[:NUM_DEV]
    train = [(pool, row) for row in pool.of_split(Split.TRAIN).rows if row.species == BONAFIDE]
    seen, test = set(), []
    for row in listed.of_split(Split.TEST).rows:
        key = (row.subject, row.species.name, row.groups["simulation"], row.groups["variant"])
        if row.species == BONAFIDE or key not in seen:
            test.append((listed, row))
        seen.add(key)
    rows = [*train, *((listed, row) for row in listed.of_split(Split.DEV).rows if row.subject in dev), *test]
    path = out / "S1.csv"
    here = [
        replace(row, path=os.path.relpath(held.picture_path(row), out), parameters="", groups={})
        for held, row in rows
    ]
    write_manifest(path, here)
    return path


def plan(given: argparse.Namespace) -> str:
    settings = [
        f"model.num_layers={given.layers}", f"data.kept_pairs={given.pairs}", f"epochs={given.epochs}",
        f"samples_per_epoch={given.samples // given.epochs}", "num_workers=0", "kept=last",
    ]  # fmt: skip
    lines = [f"seeds = {given.seeds}", f"settings = {settings!r}", "[protocols]", 'S1 = "S1.csv"']
    for name, own in ARMS.items():
        lines += [f"[recipes.{name}]", f'recipe = "{given.recipe}"', f"settings = {own!r}"]
    return "\n".join(lines) + "\n"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    words.add_argument("faces", type=Path)
    words.add_argument("simuad", type=Path)
    words.add_argument("--out", type=Path, required=True)
    words.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    words.add_argument("--samples", type=int, default=12800)
    words.add_argument("--epochs", type=int, default=2)
    words.add_argument("--pairs", type=int, default=6400)
    words.add_argument("--layers", type=int, default=2)
    words.add_argument("--recipe", default="nano")
    given = words.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    slim(given.faces, given.simuad, given.out)
    (given.out / "plan.toml").write_text(plan(given), encoding="utf-8")
    command = [
        Path(sys.executable).with_name("bonaface"),
        "compare",
        given.out / "plan.toml",
        "--out",
        given.out,
    ]
    raise SystemExit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
