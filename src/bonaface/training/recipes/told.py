"""One training from scratch for both sizes: all that the earlier chains learned to draw, at once, and the names of attacks beside the evidence."""

from __future__ import annotations

from dataclasses import replace

from bonaface.data.simuad.variants import variants_of
from bonaface.training.recipe import Recipe
from bonaface.training.recipes.nano import NANO, finished
from bonaface.training.recipes.nano_distances import nano_distances
from bonaface.training.recipes.small import CLUES, SIZE
from bonaface.vocabulary import Split


def told_start() -> Recipe:
    """From scratch on crops of 160 pixels, by the variants of training alone: what `nano_distances` ended with, in one schedule.

    Beside the evidence of a crop and of its cells training asks which species they are of (`training.species_loss`).

    Command: torchrun --nproc-per-node 2 --no-python bonaface train told_start --data manifest.csv --out runs/told-start
    """
    earlier = nano_distances()
    return replace(
        earlier,
        name="told_start",
        model=replace(NANO, judges_cells=True, window_width=64, tells_species=True),
        mixture=replace(earlier.mixture, variants=variants_of(Split.TRAIN)),
        optimisation=replace(earlier.optimisation, lr_new=3e-3),
        epochs=18,
        samples_per_epoch=14_400,
        seed=61,
    )


def told_last(earlier: Recipe, *, name: str, seed: int) -> Recipe:
    """The last stage after one of these: every variant that the lab has, and chains, at a lower rate."""
    last = finished(earlier, name=name, variants={})
    mixture = replace(
        last.mixture,
        shares={**last.mixture.shares, **CLUES},
        compared_digital=earlier.mixture.compared_digital,
    )
    optimisation = replace(last.optimisation, lr_new=8e-4)
    return replace(last, mixture=mixture, optimisation=optimisation, epochs=4, seed=seed)


def nano_told_finish() -> Recipe:
    """The last stage of `nano` after `told_start`.

    Command: torchrun --nproc-per-node 2 --no-python bonaface train nano_told_finish --start-from runs/told-start --data manifest.csv
    --out runs/nano-told-finish
    """
    return told_last(told_start(), name="nano_told_finish", seed=62)


def small_told() -> Recipe:
    """`told_start` goes on at 224 pixels, by the variants of training alone.

    Digital attacks are made over generated portraits too, and compared with these alone (`Mixture.compared_digital`).

    Command: torchrun --nproc-per-node 2 --no-python bonaface train small_told --start-from runs/told-start --data manifest.csv
    --out runs/small-told
    """
    start = told_start()
    return replace(
        start,
        name="small_told",
        model=replace(start.model, image_size=SIZE),
        contract=replace(start.contract, size=SIZE),
        mixture=replace(start.mixture, compared_digital=0.3),
        optimisation=replace(start.optimisation, lr_new=1.5e-3, twin_weight=1.0),
        epochs=7,
        samples_per_epoch=9600,
        seed=63,
    )


def small_told_finish() -> Recipe:
    """The last stage of `small` after `small_told`.

    Command: torchrun --nproc-per-node 2 --no-python bonaface train small_told_finish --start-from runs/small-told --data manifest.csv
    --out runs/small-told-finish
    """
    return told_last(small_told(), name="small_told_finish", seed=64)
