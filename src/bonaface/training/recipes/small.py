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
