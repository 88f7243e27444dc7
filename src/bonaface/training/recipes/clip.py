"""`paper` and `practical`: La-SoftMoE CLIP on a protocol's own pictures."""

from __future__ import annotations

from dataclasses import replace

from bonaface.contract import InputContract
from bonaface.data.pairs import Pairs
from bonaface.models.architecture import BackboneConfig
from bonaface.models.prompts import PromptsConfig
from bonaface.models.soft_moe import ExpertsConfig
from bonaface.models.vision_kinds import CLIP_MEAN, CLIP_STD
from bonaface.training.recipe import Optimisation, Recipe

CONTRACT = InputContract(
    finder="whole", margin_ratio=0.0, size=224, min_face_px=32, mean=CLIP_MEAN, std=CLIP_STD, through_size=300
)
"""Of data sets whose pictures are faces cut out already."""

PROMPTS = PromptsConfig(templates=("T-8",))
"""The published wording with the best error rate; two classes."""


def paper() -> Recipe:
    """La-SoftMoE CLIP as published (arXiv 2408.12793), and where it is silent as the same laboratory trains.

    Known: CLIP ViT-B/16, four experts of 49 slots in every block, T-8, Adam at 1e-6. The laboratory's: 18 pairs a step,
    weight decay of 5e-4 in the gradient, a cosine over 500 epochs that moves once an epoch, no warm-up, no clipping, the
    whole CLIP learning, its text encoder too. Ours: experts of width 64, a gate that starts at 0, the epoch chosen on
    dev. A gate that starts at 0 moves by about 1e-6 a step at first: see `practical`.

    Expected: not measured here. Published on UniAttackData's first protocol: ACER 0.32 %, probably of the epoch that was
    best on test.

    Command: bonaface train paper --weights CLIP_FOLDER --data p1.csv --out runs/paper
    """
    return Recipe(
        name="paper",
        model=BackboneConfig(prompts=PROMPTS, is_text_frozen=False, num_families=1),
        contract=CONTRACT,
        data=Pairs(),
        optimisation=Optimisation(
            kind="adam_l2",
            lr_new=1e-6,
            lr_pretrained=1e-6,
            betas=(0.9, 0.999),
            weight_decay=5e-4,
            warmup_share=0.0,
            scheduled_by="epoch",
            label_smoothing=0.0,
            clip_norm=0.0,
            ema_decay=0.0,
        ),
        epochs=500,
        batch_size=36,
        num_workers=4,
        seed=1,
        is_mirrored=False,
        mixed_precision="bf16",
    )


def practical() -> Recipe:
    """The same detector for few epochs: new modules at 1e-4, CLIP's norms at 1e-6, texts and the rest of CLIP fixed.

    32 slots an expert instead of the published 49: the mixtures then add less than 6 million parameters to ViT-B/16.

    One pair of anchors for attacks of any family: where the train split lacks a family, a head of its own would learn to
    deny it. Where both are there, --set model.num_families=2 --set model.prompts.level=family tells them apart.

    Expected: not measured here.

    Command: bonaface train practical --weights CLIP_FOLDER --data p1.csv --out runs/practical
    """
    return replace(
        paper(),
        name="practical",
        model=BackboneConfig(
            prompts=PROMPTS, num_families=1, tuned="experts_norm", experts=ExpertsConfig(slots_per_expert=32)
        ),
        optimisation=Optimisation(lr_new=1e-4, lr_pretrained=1e-6, betas=(0.9, 0.999)),
        epochs=20,
    )
