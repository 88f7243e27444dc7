"""`nano` from the weights of `small`: the same network on crops of 160 pixels, half of the time for a crop."""

from __future__ import annotations

from dataclasses import replace

from bonaface.training.recipe import Recipe
from bonaface.training.recipes.small import small_direct_start, small_distances, small_distances_finish


def nano_distances() -> Recipe:
    """`small_distances` goes on at 160 pixels, by the variants of training alone.

    Expected: dev AUC 0.881, the mean over 16 kinds; on SimUAD's S1 ACER pooled 24 %, AUC 0.845. 5 epochs, 22 minutes on two
    CPU cores beside other work.

    Command: torchrun --nproc-per-node 2 --no-python bonaface train nano_distances --start-from runs/small-distances
    --data manifest.csv --out runs/nano-distances
    """
    at_224, at_160 = small_distances(), small_direct_start()
    return replace(
        at_224,
        name="nano_distances",
        model=at_160.model,
        contract=replace(at_224.contract, size=at_160.contract.size),
        epochs=5,
        seed=51,
    )


def nano_distances_finish() -> Recipe:
    """The last stage of `nano`: every variant and chains, at a lower rate.

    Expected: dev AUC 0.880, the mean over 18 kinds; exported and calibrated, on the simulated test ACER pooled 9.4 % and AUC
    0.966. 4 epochs, 13 minutes on two CPU cores beside other work.

    Command: torchrun --nproc-per-node 2 --no-python bonaface train nano_distances_finish --start-from runs/nano-distances
    --data manifest.csv --out runs/nano-distances-finish
    """
    earlier = nano_distances()
    return replace(
        small_distances_finish(),
        name="nano_distances_finish",
        model=earlier.model,
        contract=earlier.contract,
        seed=52,
    )
