"""`small`, the embedded default: from scratch on two CPU cores, small crops first, then larger ones, where finer traces are left to see."""

from __future__ import annotations

from dataclasses import replace

from bonaface.training.recipe import Recipe
from bonaface.training.recipes.nano import NANO, finished, nano_broad

SIZE = 224
"""Side of the crop in pixels: most faces of the pool span about as many, and keep what shrinking them would blur."""

CLUES = {"rendition": 0.07, "patchwork": 0.12}
"""Shares of the clues without a mechanism, beside attacks that have one."""


def small_start() -> Recipe:
    """The first of three stages, on crops of 160 pixels: most of what there is to learn, at half the time for a sample.

    By the variants that SimUAD gives to training and clues without a mechanism; tone, detail, noise and expressions are drawn anew, cells are
    judged, every window of the spectrum is looked at. Generated portraits are shown as natural scenes: neither paper nor screen, and
    nothing else is said of them.

    Command: torchrun --nproc-per-node 2 --no-python bonaface train small_start --data manifest.csv --out runs/small-start
    """
    broad = nano_broad()
    return replace(
        broad,
        name="small_start",
        model=replace(NANO, judges_cells=True, window_width=64),
        mixture=replace(broad.mixture, shares={**broad.mixture.shares, **CLUES}),
        optimisation=replace(broad.optimisation, kind="muon", lr_new=3e-3),
        epochs=12,
        samples_per_epoch=14_400,
        batch_size=16,
        num_workers=0,
        seed=21,
    )


def small() -> Recipe:
    """The second stage: the same at 224 pixels.

    Command: torchrun --nproc-per-node 2 --no-python bonaface train small --start-from runs/small-start --data manifest.csv --out runs/small
    """
    start = small_start()
    return replace(
        start,
        name="small",
        model=replace(start.model, image_size=SIZE),
        contract=replace(start.contract, size=SIZE),
        optimisation=replace(start.optimisation, lr_new=1.5e-3),
        epochs=4,
        samples_per_epoch=12_800,
        seed=22,
    )


def small_finish() -> Recipe:
    """The last stage, which ships: every variant and chains, at a lower rate.

    Command: torchrun --nproc-per-node 2 --no-python bonaface train small_finish --start-from runs/small --data manifest.csv --out runs/small-finish
    """
    last = finished(small(), name="small_finish")
    mixture = replace(last.mixture, shares={**last.mixture.shares, **CLUES})
    return replace(
        last,
        mixture=mixture,
        optimisation=replace(last.optimisation, lr_new=8e-4),
        epochs=3,
        samples_per_epoch=4800,
    )
