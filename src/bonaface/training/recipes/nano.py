"""`nano`: the embedded default, from scratch on two CPU cores, in two stages."""

from __future__ import annotations

from dataclasses import replace

from bonaface.data.dataset import Mixture
from bonaface.training.recipe import Recipe


def nano() -> Recipe:
    """A convolutional stem and four CLIP blocks with La-SoftMoE beside each MLP, learned anchors, two families.

    Expected: dev AUC 0.925, the mean over print, replay, SPSC, face swap, SDSC and diffusion. 30 epochs of 75 to 120 s on
    two CPU cores, 59 minutes when it was measured.

    Command: bonaface train nano --data faces/manifest.csv --out runs/nano
    """
    return Recipe(name="nano", epochs=36)


def nano_finish() -> Recipe:
    """The second stage: at a lower rate, with heads sharper, softer or cleaner than what is behind them in both classes.

    Fewer SDSC, too: most leave nothing to see at this size, and as positives that look bona fide they keep the digital
    score unsure of everything else.

    Expected: dev AUC 0.930; exported and calibrated, on test ACER pooled 7.0 % and AUC 0.978. 12 epochs, 21 minutes.

    Command: bonaface train nano_finish --start-from runs/nano --data faces/manifest.csv --out runs/nano-finish
    """
    first = nano()
    shares = {"print": 0.20, "replay": 0.22, "spsc": 0.06, "faceswap": 0.30, "sdsc": 0.06, "diffusion": 0.16}
    return replace(
        first,
        name="nano_finish",
        mixture=Mixture(shares=shares, strength=(0.6, 1.2)),
        augmentation=replace(first.augmentation, depth=0.4),
        optimisation=replace(first.optimisation, lr_new=6e-4),
        epochs=12,
        seed=1,
    )
