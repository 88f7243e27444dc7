"""`small`: what `nano` is at a larger crop, where finer traces are left to see."""

from __future__ import annotations

from dataclasses import replace

from bonaface.training.recipe import Recipe
from bonaface.training.recipes.nano import NANO, finished, nano_cells

SIZE = 224
"""Side of the crop in pixels: most faces of the pool span about as many, and keep what shrinking them would blur."""


def small() -> Recipe:
    """`nano`'s network on crops of 224 pixels, from the weights that it has at 160; by the variants of training alone.

    Expected: dev AUC 0.913, the mean over 15 kinds; on SimUAD's S1 ACER pooled 24 %, AUC 0.843. 7 epochs, an hour on two CPU cores beside
    another training.

    Command: bonaface train small --start-from runs/nano-broad --data manifest.csv --out runs/small
    """
    at_160 = nano_cells()
    return replace(
        at_160,
        name="small",
        model=replace(NANO, judges_cells=True, image_size=SIZE),
        contract=replace(at_160.contract, size=SIZE),
        samples_per_epoch=9600,
        epochs=7,
        seed=8,
    )


def small_finish() -> Recipe:
    """The second stage of `small`, the embedded default: every variant and chains, at a lower rate.

    Expected: dev AUC 0.920, the mean over 17 kinds; exported and calibrated, on the simulated test ACER pooled 9.8 % and AUC
    0.962, both portraits of the demo bona fide. 4 epochs, 25 minutes beside three other trainings.

    Command: bonaface train small_finish --start-from runs/small --data manifest.csv --out runs/small-finish
    """
    return replace(finished(small(), name="small_finish"), epochs=4, samples_per_epoch=4800)


def small_windows() -> Recipe:
    """`small` goes on with a learned look at every window of the cosine transform beside the means over cells.

    Expected: dev AUC 0.918, the mean over 15 kinds, in its fourth epoch. The run that `small_clues` started from was stopped in its ninth, 57 minutes
    on two CPU cores beside tests, with no better one.

    Command: torchrun --nproc-per-node 2 --no-python bonaface train small_windows --start-from runs/small --data manifest.csv --out
    runs/small-windows
    """
    return replace(
        small(),
        name="small_windows",
        model=replace(NANO, judges_cells=True, image_size=SIZE, window_width=64),
        epochs=14,
        samples_per_epoch=12_000,
        batch_size=16,
        seed=9,
    )


def small_clues() -> Recipe:
    """After `small_windows`: a seventh of the attacks is a clue without a mechanism, see `attacks.patchwork`.

    Expected: dev AUC 0.907, the mean over the 14 kinds that are not the clue (0.902 without it, same draws); on SimUAD's dev, whose variants
    it has not learned, 0.883 (0.876). 5 epochs, 36 minutes beside another training.

    Command: bonaface train small_clues --start-from runs/small-windows --data manifest.csv --out runs/small-clues
    """
    first = small_windows()
    return replace(
        first,
        name="small_clues",
        mixture=replace(first.mixture, shares={**first.mixture.shares, "patchwork": 0.15}),
        optimisation=replace(first.optimisation, lr_new=6e-4),
        epochs=5,
        samples_per_epoch=6000,
        batch_size=32,
        seed=12,
    )


def small_clues_finish() -> Recipe:
    """The last stage after `small_clues`, not exported yet: every variant and chains, at a lower rate.

    Expected: dev AUC 0.910, the mean over 17 kinds, the clue among them. 4 epochs, 11 minutes on two CPU cores.

    Command: torchrun --nproc-per-node 2 --no-python bonaface train small_clues_finish --start-from runs/small-clues --data manifest.csv
    --out runs/small-clues-finish
    """
    last = finished(small_clues(), name="small_clues_finish")
    mixture = replace(last.mixture, shares={**last.mixture.shares, "patchwork": 0.1})
    return replace(last, mixture=mixture, epochs=4, samples_per_epoch=4800, batch_size=16)
