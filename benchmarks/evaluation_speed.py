"""How long rates and bootstrap intervals take on one million scores of 2,000 subjects and 20 species, and how much memory.

    python benchmarks/evaluation_speed.py --out benchmarks/results/evaluation_speed.json

Scores are made up, from a seed. All timings are of one process; `cpu` is what it spent itself,
which says more than the wall clock on a machine that does other work too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from pathlib import Path

import numpy as np

from bonaface.evaluation.bootstrap import bootstrap
from bonaface.evaluation.curves import auc, eer
from bonaface.evaluation.reporting import evaluate
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.thresholds import fixed_threshold


def made_up(num_rows, num_subjects, num_species):
    generator = np.random.default_rng(0)
    species = np.array(["bonafide", *(f"species{i:02}" for i in range(num_species))])
    kind = np.where(generator.random(num_rows) < 0.2, 0, generator.integers(1, 1 + num_species, num_rows))
    subject = generator.integers(num_subjects, size=num_rows)
    evidence = generator.normal(
        np.where(kind > 0, 1.5, -1.5) + generator.normal(0, 0.5, num_subjects)[subject], 1
    )
    return ScoreTable(
        sample=np.char.mod("%07d", np.arange(num_rows)),
        label=np.where(kind > 0, "attack", "bonafide"),
        species=species[kind],
        subject=np.char.mod("%d", subject),
        split=np.full(num_rows, "test"),
        attack_score=1 / (1 + np.exp(-evidence)),
        reason=np.full(num_rows, ""),
    )


def timed(call):
    started = time.perf_counter(), time.process_time()
    call()
    now = time.perf_counter(), time.process_time()
    return {"wall": round(now[0] - started[0], 2), "cpu": round(now[1] - started[1], 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--subjects", type=int, default=2_000)
    parser.add_argument("--species", type=int, default=20)
    parser.add_argument("--replicates", type=int, default=1_000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    table = made_up(given.rows, given.subjects, given.species)
    rates = ("apcer", "apcer_worst", "apcer_pooled", "bpcer", "acer_worst", "acer_pooled")
    few = max(2, given.replicates // 20)
    results = {
        "report_s": timed(lambda: evaluate(table, fixed_threshold(0.5))),
        "auc_and_eer_s": timed(lambda: (auc(table), eer(table))),
        "rates_bootstrap_s": timed(
            lambda: bootstrap(table, 0.5, statistics=rates, replicates=given.replicates)
        ),
        "all_bootstrap_s": timed(lambda: bootstrap(table, 0.5, replicates=given.replicates)),
        f"all_bca_of_{few}_replicates_s": timed(lambda: bootstrap(table, 0.5, replicates=few, method="bca")),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    results |= {
        "rows": given.rows,
        "subjects": given.subjects,
        "species": given.species,
        "replicates": given.replicates,
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "machine": platform.processor() or platform.machine(),
        "numpy": np.__version__,
    }
    text = json.dumps(results, indent=2)
    print(text)
    if given.out:
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
