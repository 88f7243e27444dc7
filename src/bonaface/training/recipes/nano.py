"""`nano`: the embedded default, from scratch on two CPU cores, in three stages."""

from __future__ import annotations

from dataclasses import replace

from bonaface.data.augmentation import Augmentation
from bonaface.data.dataset import Mixture
from bonaface.training.recipe import Recipe


def nano() -> Recipe:
    """A convolutional stem and four CLIP blocks with La-SoftMoE beside each MLP, learned anchors, two families.

    Command: bonaface train nano --data faces/manifest.csv --out runs/nano
    """
    return Recipe(name="nano")


def nano_finish() -> Recipe:
    """The second stage: at a lower rate, with few SDSC, most of which leave nothing to see at this size.

    As positives that look bona fide they keep the digital score unsure of everything else.

    Command: bonaface train nano_finish --start-from runs/nano --data faces/manifest.csv --out runs/nano-finish
    """
    first = nano()
    shares = {"print": 0.20, "replay": 0.22, "spsc": 0.06, "faceswap": 0.30, "sdsc": 0.06, "diffusion": 0.16}
    return replace(
        first,
        name="nano_finish",
        mixture=Mixture(shares=shares, strength=(0.6, 1.2)),
        optimisation=replace(first.optimisation, lr_new=6e-4),
        epochs=12,
        seed=1,
    )


def nano_colour() -> Recipe:
    """The third stage: half of the pairs in another rendering, so that vivid colours are no sign of a swap.

    Command: bonaface train nano_colour --start-from runs/nano-finish --data faces/manifest.csv --out runs/nano-colour
    """
    second = nano_finish()
    return replace(
        second,
        name="nano_colour",
        augmentation=Augmentation(colour=0.5),
        optimisation=replace(second.optimisation, lr_new=4e-4),
        epochs=5,
        seed=2,
    )
