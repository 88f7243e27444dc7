"""`resnet`, `resnet_spsc`: ResNet-50 as the winner of the CVPR 2024 challenge trained it, and without its clues."""

from __future__ import annotations

from dataclasses import replace

from bonaface.contract import InputContract
from bonaface.data.clue_schedule import Clues
from bonaface.models.resnet import ResnetConfig
from bonaface.models.vision_kinds import IMAGENET_MEAN, IMAGENET_STD
from bonaface.training.recipe import Optimisation, Recipe


def resnet_spsc() -> Recipe:
    """ResNet-50 that sees, in some bona fide pictures, simulated clues of the family that the protocol leaves out.

    From the paper and its code (arXiv 2404.08450): ResNet-50 with ImageNet's weights, two classes, crops of 224 (area 0.75
    to 1, aspect 3/4 to 4/3), flips, ImageNet's mean and std; the clues of each protocol; class weights of the loss as
    the paper states them (`--set data.loss_weights=scripts` for those of the released scripts); AdamW at 1e-3 with betas
    0.9 and 0.999 and weight decay 5e-4, a cosine over all steps without warm-up, batches of 512, 200 epochs, gradients
    clipped at 5, float32, seed 240, the last epoch kept. The paper reports about an hour on one A100.

    Defaults of this package: weight decay on matrices and kernels only; each picture resized whole for dev and test;
    SDSC in an ellipse about the found face. Without --weights the network starts at random, which the paper's does not.

    Expected: not measured here; UniAttackData and ImageNet's weights are not at hand. The authors report ACER 0.20 (P1),
    1.32 (P2.1) and 1.65 % (P2.2), after training on dev too: see `resnet_spsc_challenge`.

    Command: bonaface train resnet_spsc --weights RESNET_FOLDER --data p2.1.csv --out runs/resnet-p2.1
    """
    return Recipe(
        name="resnet_spsc",
        model=ResnetConfig(),
        contract=InputContract(
            finder="whole", margin_ratio=0.0, size=224, min_face_px=16, mean=IMAGENET_MEAN, std=IMAGENET_STD
        ),
        data=Clues(),
        optimisation=Optimisation(
            kind="adamw",
            lr_new=1e-3,
            lr_pretrained=1e-3,
            betas=(0.9, 0.999),
            weight_decay=5e-4,
            warmup_share=0.0,
            label_smoothing=0.0,
            combined_weight=1.0,
            clip_norm=5.0,
            ema_decay=0.0,
        ),
        epochs=200,
        batch_size=512,
        num_workers=8,
        seed=240,
        is_mirrored=False,
        kept="last",
    )


def resnet_spsc_challenge() -> Recipe:
    """`resnet_spsc` on train and dev together, as the challenge allowed. NOT comparable with any benchmark's number.

    P1 learns from all of dev, P2.1 and P2.2 from its bona fide pictures, without clues. The dev figures are of pictures
    that it has learned from, and so is a threshold chosen on dev. For repeating the challenge's entry, and nothing else.

    Command: bonaface train resnet_spsc_challenge --weights RESNET_FOLDER --data p1.csv --out runs/challenge-p1
    """
    first = resnet_spsc()
    return replace(first, name="resnet_spsc_challenge", data=Clues(is_dev_merged=True))


def resnet() -> Recipe:
    """`resnet_spsc` without clues and class weights: the plain baseline.

    Expected: not measured here. Reported for the challenge's entry without its clues: ACER 38.05 (P2.1) and 44.35 %
    (P2.2).

    Command: bonaface train resnet --weights RESNET_FOLDER --data p2.1.csv --out runs/plain-p2.1
    """
    return replace(resnet_spsc(), name="resnet", data=Clues(schedule="none"))
