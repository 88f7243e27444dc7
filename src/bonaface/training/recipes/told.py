"""A start for both sizes, and last stages after it: all that the earlier chains learned to draw, at once, and the names of attacks beside the evidence."""

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

    Beside the evidence of a crop and of its cells training asks which species they are of (`training.species_loss`), and an attack must
    have more evidence than its twin (`training.twin_loss`). Digital attacks are made over generated portraits too, and compared with
    these alone (`Mixture.compared_digital`).

    Expected: dev AUC 0.873, the mean over 16 kinds, the two clues and generated portraits among them, which it has not learned (0.913 over
    the others); on SimUAD's S1 ACER pooled 26 %, AUC 0.837. 18 epochs, 68 minutes on two CPU cores.

    Command: torchrun --nproc-per-node 2 --no-python bonaface train told_start --data manifest.csv --out runs/told-start
    """
    earlier = nano_distances()
    return replace(
        earlier,
        name="told_start",
        model=replace(NANO, judges_cells=True, window_width=64, tells_species=True),
        mixture=replace(earlier.mixture, variants=variants_of(Split.TRAIN), compared_digital=0.3),
        optimisation=replace(earlier.optimisation, lr_new=3e-3, twin_weight=1.0),
        epochs=18,
        samples_per_epoch=14_400,
        kept="last",
        seed=61,
    )


def told_further() -> Recipe:
    """A second schedule of the same at 160 pixels, from the end of the first: `told_start`'s loss still fell when its rate had gone.

    The weights of `small` 0.16.0 began with a `told_start` of 0.13.0, in which attacks that move the face box were cut a little beside
    their twins; both recipes cut them alike now.

    Expected: dev AUC 0.881, the mean over 16 kinds (0.922 without the clues and generated portraits). 12 epochs, 45 minutes on two CPU cores
    beside other work.

    Command: torchrun --nproc-per-node 2 --no-python bonaface train told_further --start-from runs/told-start --data manifest.csv
    --out runs/told-further
    """
    start = told_start()
    return replace(
        start,
        name="told_further",
        optimisation=replace(start.optimisation, lr_new=2e-3),
        epochs=12,
        seed=71,
    )


def told_last(
    *, name: str, epochs: int, samples_per_epoch: int, start_share: float = 0.0, seed: int
) -> Recipe:
    """The last stage after `told_start` or `told_further`: every variant that the lab has, and chains, at a lower rate.

    No portrait is shown as an attack: what that brings on portraits, genuine faces that are not of the pool pay for.
    """
    start = told_start()
    last = finished(start, name=name, variants={})
    mixture = replace(
        last.mixture,
        shares={**last.mixture.shares, **CLUES},
        compared_digital=start.mixture.compared_digital,
    )
    return replace(
        last,
        mixture=mixture,
        optimisation=replace(last.optimisation, lr_new=5e-4, start_share=start_share),
        epochs=epochs,
        samples_per_epoch=samples_per_epoch,
        seed=seed,
    )


def nano_told_finish() -> Recipe:
    """A last stage after `told_start` at the size of `nano`, not shipped: on the simulated test its ACER pooled is 11.9 %, 10 % at most asked.

    Beside `nano` 0.11.1, attacks on faces from elsewhere against these as they are: mean AUC 0.893 (0.869), 18 % turned away where a fifth
    of the attacks pass (22 %). Generated portraits are what it loses.

    Expected: dev AUC 0.885, the mean over 18 kinds. 4 epochs, 13 minutes on one of two CPU cores, the other busy.

    Command: bonaface train nano_told_finish --start-from runs/told-start --data manifest.csv --out runs/nano-told-finish
    """
    return told_last(name="nano_told_finish", epochs=4, samples_per_epoch=7200, seed=62)


def small_told_finish() -> Recipe:
    """The third and last stage of the embedded default: after `told_further` at 224 pixels, since positions and sizes of traces are others there.

    Half of the weights that are kept are those of the start: attacks on the pool, elsewhere, and generated portraits gain by it.

    Expected: dev AUC 0.875, the mean over 18 kinds; exported and calibrated, on the simulated test ACER pooled 9.3 % and AUC 0.951, both
    portraits of the demo bona fide. 6 epochs, 27 minutes on two CPU cores beside other work.

    Command: torchrun --nproc-per-node 2 --no-python bonaface train small_told_finish --start-from runs/told-further --data manifest.csv
    --out runs/small-told-finish
    """
    last = told_last(name="small_told_finish", epochs=6, samples_per_epoch=9600, start_share=0.5, seed=64)
    return last.of_size(SIZE)
