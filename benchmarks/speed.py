"""How long a verdict takes: crop and model warm, the finder, and the whole command cold.

    python benchmarks/speed.py --out benchmarks/results/speed.json

Warm figures are medians over 200 rounds in one process, one thread; the embedded bundles and a fixed piece of arithmetic, numpy's
FFT of 512 x 512 numbers, take turns. Cold is the whole `bonaface check` of one picture as a process of its own, median of 7 after
one that fills the disk cache. Machines differ and are noisy: what carries over is the ratio to that arithmetic.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from bonaface.bundle import DEFAULT, embedded_bundles
from bonaface.cli.demo import portraits
from bonaface.faces.crop import prepare
from bonaface.faces.dlib_hog import DlibHogFinder
from bonaface.inference.gate import load


def medians_ms(calls, *, rounds):
    """Of several calls by name, in turn."""
    times = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - started))
    return {name: statistics.median(taken) for name, taken in times.items()}


def judge_of(folder, picture, face):
    """Crop and model, as one call."""
    gate = load(folder, num_threads=1)
    return lambda: gate.judge(prepare(picture, face.box, gate.card.contract))


def cold_s(picture, *, rounds):
    command = [str(Path(sys.executable).parent / "bonaface"), "check", str(picture)]
    times = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        subprocess.run(command, capture_output=True, check=False)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    finder, picture = DlibHogFinder(), portraits()["Grace Hopper"]
    face = finder.find(picture)[0]
    numbers = np.random.default_rng(0).normal(size=(512, 512))
    calls = {name: judge_of(folder, picture, face) for name, folder in embedded_bundles().items()}
    calls["arithmetic"] = lambda: np.fft.fft2(numbers)
    medians_ms(calls, rounds=20)
    found = medians_ms(calls, rounds=200)
    arithmetic = found.pop("arithmetic")
    finding = medians_ms({"finder": lambda: finder.find(picture)}, rounds=30)["finder"]
    import matplotlib

    cold = cold_s(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg", rounds=7)
    result = {
        "crop_and_model_ms": {name: round(taken, 2) for name, taken in found.items()},
        "crop_and_model_by_arithmetic": {name: round(taken / arithmetic, 3) for name, taken in found.items()},
        "arithmetic_ms": round(arithmetic, 2),
        "finder_ms": round(finding, 2),
        "finder_by_crop_and_model": round(finding / found[DEFAULT], 2),
        "check_cold_s": round(cold, 3),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    print(json.dumps(result, indent=1))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
