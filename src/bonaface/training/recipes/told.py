"""One training from scratch for both sizes: all that the earlier chains learned to draw, at once, and the names of attacks beside the evidence."""

from __future__ import annotations

from dataclasses import replace

from bonaface.data.simuad.variants import variants_of
from bonaface.training.recipe import Recipe
from bonaface.training.recipes.nano import NANO
from bonaface.training.recipes.nano_distances import nano_distances
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
