"""How many attacks a second one core makes at 256 x 256, whether two processes make twice as many, and whether memory stays.

    python benchmarks/attack_speed.py --out benchmarks/results/attack_speed.json

Each image is drawn and applied anew, at strength 1. Rates are images for each second that the process itself spent, so
that other work on the machine counts less; the median of several batches. All work is done in fresh processes of one
thread each, in OpenCV and in numpy's matrix products alike. Two processes make the same images each as one does alone.
The ratio by the wall clock, the best of several rounds, means something only where the machine gave each process a core
of its own (`share_of_a_core` near 1); the ratio by own time leaves waiting for a core out. Where even two processes of pure
arithmetic are not twice as fast (`arithmetic_by_wall_clock`), it is the machine's cores that share something.
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import os
import platform
import resource
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from bonaface.attacks.codec import CODECS, has_codec
from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import SIMULATIONS
from bonaface.cli.demo import portraits
from bonaface.data.randomness import generator
from bonaface.data.scenes import cut_scene
from bonaface.faces.dlib_hog import DlibHogFinder

SIDE_PX = 256
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
QUICK = {"batches": 3, "batch": 4, "rounds": 1, "shared": 60, "images": 500}
FULL = {"batches": 7, "batch": 10, "rounds": 3, "shared": 300, "images": 10_000}


@functools.cache
def scenes():
    """Both portraits at 256 x 256, a face of 116 px; shrunk or enlarged, which changes no speed."""
    cv2.setNumThreads(1)
    finder, found = DlibHogFinder(), []
    for picture in portraits().values():
        scene = cut_scene(picture, finder.find(picture)[0].box)
        pixels = cv2.resize(scene.pixels, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
        found.append(Scene(pixels, scene.face.scaled(SIDE_PX / scene.size[1])))
    return found


def make(name, variant, rng, pair):
    simulation = SIMULATIONS[name]
    return simulation.applied(pair[0], simulation.drawn(rng, variant=variant), pair[1])


def rate(name, variant, *, batches, batch):
    """Images a second of the process's own time: the median batch; None where OpenCV's build lacks a codec."""
    if variant == "stream_codec" and not all(map(has_codec, CODECS)):
        return None
    pair, rng, found = scenes(), generator("speed", name, str(variant)), []
    make(name, variant, rng, pair)
    for _ in range(batches):
        started = time.process_time()
        for _ in range(batch):
            make(name, variant, rng, pair)
        found.append(batch / (time.process_time() - started))
    return round(statistics.median(found), 1)


def rates(name, *, batches, batch):
    """As variants are drawn, and each by itself."""
    drawn, *each = (
        rate(name, variant, batches=batches, batch=batch) for variant in (None, *SIMULATIONS[name].variants)
    )
    found = dict(zip(SIMULATIONS[name].variants, each, strict=True))
    known = {variant: value for variant, value in found.items() if value is not None} or {"": drawn}
    worst = min(known, key=known.get)
    return {
        "images_per_s": drawn,
        "worst_variant": worst,
        "worst_images_per_s": known[worst],
        "variants": found,
    }


def mixed(start, count, pair):
    """Images of all simulations in turn, each from its own seed."""
    names = list(SIMULATIONS)
    for number in range(start, start + count):
        make(names[number % len(names)], None, generator("mixed", number), pair)


def arithmetic(count):
    """What shares nothing but the machine."""
    return sum(number * number % 7 for number in range(50_000 * count))


def shared_work(count, barrier, queue, is_control):
    pair = scenes()
    mixed(0, len(SIMULATIONS), pair)
    barrier.wait()
    started = time.perf_counter(), time.process_time()
    arithmetic(count) if is_control else mixed(0, count, pair)
    queue.put((time.perf_counter() - started[0], time.process_time() - started[1]))


def side_by_side(context, processes, count, *, is_control=False):
    """(wall, own time) of each of some processes that make the same `count` images at the same time."""
    barrier, queue = context.Barrier(processes), context.Queue()
    workers = [
        context.Process(target=shared_work, args=(count, barrier, queue, is_control))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    taken = [queue.get() for _ in workers]
    for worker in workers:
        worker.join()
    return np.array(taken)


def scaling(context, *, rounds, shared):
    pairs = [(side_by_side(context, 1, shared), side_by_side(context, 2, shared)) for _ in range(rounds)]
    ratios = np.array([2 * one[0] / two.max(axis=0) for one, two in pairs])
    control = [
        2 * side_by_side(context, 1, shared, is_control=True)[0, 0]
        / side_by_side(context, 2, shared, is_control=True)[:, 0].max()
        for _ in range(rounds)
    ]  # fmt: skip
    return {
        "arithmetic_by_wall_clock": round(float(max(control)), 2),
        "by_wall_clock": round(float(ratios[:, 0].max()), 2),
        "by_own_time": round(float(np.median(ratios[:, 1])), 2),
        "share_of_a_core": round(min(float((two[:, 1] / two[:, 0]).min()) for _, two in pairs), 2),
        "images_each": shared,
    }


def memory(images):
    """Growth of the peak after the first tenth of some images of mixed species, in MB."""
    pair, first = scenes(), images // 10
    mixed(0, first, pair)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mixed(first, images - first, pair)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "images": images,
        "peak_mb": round(after / 1024),
        "peak_growth_mb": round((after - before) / 1024, 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few images, in about a minute")
    parser.add_argument("--images", type=int, help="images of the memory test")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    much = QUICK if given.quick else FULL
    os.environ.update(dict.fromkeys(THREADS, "1"))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as alone:
        species = {
            name: alone.submit(rates, name, batches=much["batches"], batch=much["batch"]).result()
            for name in SIMULATIONS
        }
    two = scaling(context, rounds=much["rounds"], shared=much["shared"])
    with ProcessPoolExecutor(1, mp_context=context) as alone:
        kept = alone.submit(memory, given.images or much["images"]).result()
    print(f"{'images a second':16} {'drawn':>7} {'worst':>7}")
    for name, one in species.items():
        print(
            f"{name:16} {one['images_per_s']:7.1f} {one['worst_images_per_s']:7.1f}  {one['worst_variant']}"
        )
    slowest = min(species, key=lambda name: species[name]["worst_images_per_s"])
    results = {
        "median_images_per_s": statistics.median(one["images_per_s"] for one in species.values()),
        "slowest": " ".join(filter(None, (slowest, species[slowest]["worst_variant"]))),
        "slowest_images_per_s": species[slowest]["worst_images_per_s"],
        "two_processes_over_one": two,
        "memory": kept,
        "side_px": SIDE_PX,
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }
    print(json.dumps(results, indent=2))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps({**results, "species": species}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
