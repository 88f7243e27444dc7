"""`nano`: the embedded default, from scratch on two CPU cores, in four stages."""

from __future__ import annotations

from dataclasses import replace

from bonaface.data.augmentation import Augmentation
from bonaface.data.dataset import Mixture
from bonaface.data.simuad.variants import variants_of
from bonaface.models.nano import NanoConfig
from bonaface.training.recipe import Optimisation, Recipe
from bonaface.vocabulary import Split


def nano_spectrum() -> Recipe:
    """Fixed measurements of each cell's spectrum and four CLIP blocks with La-SoftMoE beside each MLP, from scratch.

    Attacks are made with the variants that SimUAD gives to training, so that its protocols can measure the result.

    Command: bonaface train nano_spectrum --data bonafide.csv --out runs/nano
    """
    shares = {
        "print": 0.11,
        "replay": 0.11,
        "cutout": 0.05,
        "paper_mask": 0.06,
        "mask_3d": 0.07,
        "spsc": 0.02,
        "faceswap": 0.12,
        "swap": 0.07,
        "sdsc": 0.02,
        "reenactment": 0.07,
        "attribute_edit": 0.08,
        "morph": 0.07,
        "generated": 0.08,
        "injection": 0.07,
    }
    return Recipe(
        name="nano_spectrum",
        model=NanoConfig(stem="spectrum"),
        mixture=Mixture(shares=shares, variants=variants_of(Split.TRAIN), strength=(0.55, 1.15)),
        augmentation=Augmentation(
            rendering=0.6, depth=0.3, backdrop=0.15, sharpening=0.3, background=0.35, grey=0.08
        ),
        optimisation=Optimisation(lr_new=1e-3),
        epochs=28,
        samples_per_epoch=7200,
        num_workers=1,
        is_mirrored=False,
    )


def nano() -> Recipe:
    """A convolutional stem and four CLIP blocks with La-SoftMoE beside each MLP, learned anchors, two families.

    Expected: dev AUC 0.909, the mean over print, replay, SPSC, face swap, SDSC and diffusion. 36 epochs of 80 to 120 s on
    two CPU cores, 74 minutes beside other work when it was measured.

    Command: bonaface train nano --data faces/manifest.csv --out runs/nano
    """
    return Recipe(name="nano", epochs=36)


def nano_finish() -> Recipe:
    """The second stage: at a lower rate, with heads sharper, softer or cleaner than what is behind them in both classes.

    Fewer SDSC, too: most leave nothing to see at this size, and as positives that look bona fide they keep the digital
    score unsure of everything else.

    Expected: dev AUC 0.926. 12 epochs, 22 minutes.

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


def nano_last() -> Recipe:
    """The third stage: at a low rate, with pictures sharpened as scans and prints are, and backdrops of any colour.

    Expected: dev AUC 0.930; exported and calibrated, on test ACER pooled 9.5 % and AUC 0.968. 6 epochs, 10 minutes.

    Command: bonaface train nano_last --start-from runs/nano-finish --data faces/manifest.csv --out runs/nano-last
    """
    second = nano_finish()
    return replace(
        second,
        name="nano_last",
        augmentation=replace(second.augmentation, sharpening=0.5, backdrop=0.2),
        optimisation=replace(second.optimisation, lr_new=4e-4),
        epochs=6,
        seed=2,
    )


def nano_wide() -> Recipe:
    """The fourth stage: every simulated species, and a camera that errs more in exposure, haze, grain and sharpening.

    Expected: dev AUC 0.87, the mean over 16 kinds of attack. 20 epochs, 78 minutes beside much other work.

    Command: bonaface train nano_wide --start-from runs/nano-last --data faces/manifest.csv --out runs/nano-wide
    """
    third = nano_last()
    shares = {
        "print": 0.13,
        "replay": 0.14,
        "cutout": 0.04,
        "paper_mask": 0.05,
        "mask_3d": 0.05,
        "spsc": 0.03,
        "faceswap": 0.15,
        "swap": 0.07,
        "sdsc": 0.05,
        "reenactment": 0.05,
        "attribute_edit": 0.05,
        "morph": 0.05,
        "generated": 0.05,
        "injection": 0.04,
        "diffusion": 0.10,
        "faceswap+print": 0.02,
        "generated+replay": 0.01,
    }
    return replace(
        third,
        name="nano_wide",
        mixture=Mixture(shares=shares, strength=(0.55, 1.25)),
        augmentation=replace(
            third.augmentation,
            rendering=0.6,
            depth=0.3,
            backdrop=0.15,
            sharpening=0.3,
            background=0.35,
            grey=0.08,
        ),
        optimisation=replace(third.optimisation, lr_new=8e-4),
        epochs=20,
        samples_per_epoch=7200,
        num_workers=1,
        seed=3,
    )
