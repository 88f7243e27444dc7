"""How long a verdict takes: crop and model warm, the finder, and the whole command cold.

    python benchmarks/speed.py --out benchmarks/results/speed.json

Warm figures are medians over 200 rounds in one process, one thread. Cold is the whole `bonaface check` of one picture as
a process of its own, median of 7 after one that fills the disk cache. Machines differ and are noisy: the ratio of the
finder to crop and model is the figure that carries over.
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

from bonaface.cli.demo import portraits
from bonaface.faces.crop import prepare
from bonaface.faces.dlib_hog import DlibHogFinder
from bonaface.inference.gate import load


def median_ms(call, *, rounds):
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - started))
    return statistics.median(times)


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
    gate, finder = load(num_threads=1), DlibHogFinder()
    picture = portraits()["Grace Hopper"]
    face = finder.find(picture)[0]
    judge = lambda: gate.judge(prepare(picture, face.box, gate.card.contract))  # noqa: E731
    median_ms(judge, rounds=20)
    crop_and_model = median_ms(judge, rounds=200)
    finding = median_ms(lambda: finder.find(picture), rounds=30)
    import matplotlib

    cold = cold_s(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg", rounds=7)
    result = {
        "crop_and_model_ms": round(crop_and_model, 2),
        "finder_ms": round(finding, 2),
        "finder_by_crop_and_model": round(finding / crop_and_model, 2),
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
