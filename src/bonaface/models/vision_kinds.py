"""The kinds of pretrained vision encoders: how each is built, what it is called, and where its embedding is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from huggingface_hub.errors import StrictDataclassError
from transformers import (
    CLIPConfig,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    DINOv3ViTConfig,
    DINOv3ViTModel,
    PreTrainedConfig,
    PreTrainedModel,
    SiglipConfig,
    SiglipVisionConfig,
    SiglipVisionModel,
    ViTConfig,
    ViTModel,
)

from bonaface.errors import CheckpointError
from bonaface.models.checkpoint_folder import quiet

KindName = Literal["clip", "siglip", "dino"]

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)

LEFT_BY_PAIRS = re.compile(r"^(text_model\.|text_projection\.|logit_scale$|logit_bias$)|(^|\.)position_ids$")
LEFT_BY_DINO = re.compile(r"^(pooler|classifier)\.|(^|\.)mask_token$")


@dataclass(frozen=True, slots=True)
class VisionKind:
    """One kind of encoder, as transformers has it.

    Attributes:
        kind: What reads its embedding.
        config: Class of its settings.
        model: Class of its network.
        mean: Of the pixels it was trained on, where the checkpoint does not say.
        std: As `mean`.
        left: Weights of a whole checkpoint that the image encoder has no place for.
        positions: Name of its table of learned positions; None = it computes them.
        num_leading: Rows of that table before the grid of patches.
        is_antialiased: Whether a smaller grid is smoothed first, as its authors do.
        keywords: For the network's constructor.
    """

    kind: KindName
    config: type[PreTrainedConfig]
    model: type[PreTrainedModel]
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    left: re.Pattern[str] = LEFT_BY_DINO
    positions: str | None = "embeddings.position_embeddings"
    num_leading: int = 1
    is_antialiased: bool = False
    keywords: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def empty(self, config: PreTrainedConfig) -> PreTrainedModel:
        """A network with random weights, float32."""
        return self.model(config, **self.keywords)


VISION_KINDS: Mapping[str, VisionKind] = {
    "clip_vision_model": VisionKind(
        "clip",
        CLIPVisionConfig,
        CLIPVisionModelWithProjection,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        left=LEFT_BY_PAIRS,
        positions="vision_model.embeddings.position_embedding.weight",
    ),
    "siglip_vision_model": VisionKind(
        "siglip",
        SiglipVisionConfig,
        SiglipVisionModel,
        mean=HALF,
        std=HALF,
        left=LEFT_BY_PAIRS,
        positions="embeddings.position_embedding.weight",
        num_leading=0,
    ),
    "dinov2": VisionKind("dino", Dinov2Config, Dinov2Model),
    "dinov2_with_registers": VisionKind(
        "dino", Dinov2WithRegistersConfig, Dinov2WithRegistersModel, is_antialiased=True
    ),
    "dinov3_vit": VisionKind("dino", DINOv3ViTConfig, DINOv3ViTModel, positions=None),
    "vit": VisionKind("dino", ViTConfig, ViTModel, keywords=MappingProxyType({"add_pooling_layer": False})),
}
"""By the `model_type` of the image encoder's settings."""

PAIRS: Mapping[str, type[PreTrainedConfig]] = {"clip": CLIPConfig, "siglip": SiglipConfig}
"""Image and text encoders in one checkpoint."""


def settings_of(plain: Mapping[str, Any], where: str) -> PreTrainedConfig:
    """The image encoder's settings from those of a checkpoint, as config.json has them.

    Args:
        plain: Of an image encoder, or of an image and a text encoder.
        where: Named in errors.

    Raises:
        CheckpointError: If the kind is unknown, or the settings contradict each other.
    """
    model_type = str(plain.get("model_type"))
    if model_type == "siglip2":
        raise CheckpointError(
            f"{where} must have one size of pictures; siglip2 is the variant with many; "
            "use a SigLIP 2 checkpoint of fixed size, whose model_type is siglip"
        )
    if model_type not in VISION_KINDS and model_type not in PAIRS:
        known = ", ".join((*PAIRS, *VISION_KINDS))
        raise CheckpointError(
            f"{where} must have a model_type that bonaface knows ({known}); it says {model_type}"
        )
    try:
        with quiet():
            return checked(_vision_settings(model_type, plain))
    except (StrictDataclassError, ValueError, TypeError, KeyError, AttributeError) as error:
        said = " ".join(str(error).split())
        raise CheckpointError(f"{where} must hold settings that fit together; {said}") from None


def _vision_settings(model_type: str, plain: Mapping[str, Any]) -> PreTrainedConfig:
    if model_type not in PAIRS:
        return VISION_KINDS[model_type].config.from_dict(dict(plain))
    whole: Any = PAIRS[model_type].from_dict(dict(plain))
    vision: PreTrainedConfig = whole.vision_config
    if model_type == "clip":
        # The joint width is kept once, outside of the two encoders.
        vision.projection_dim = whole.projection_dim or vision.projection_dim
    return vision


def checked(config: PreTrainedConfig) -> PreTrainedConfig:
    """The settings themselves.

    Raises:
        ValueError: If they have no square pictures and patches, or no pooled embedding.
    """
    side(config.image_size), side(config.patch_size)
    if not getattr(config, "vision_use_head", True):
        raise ValueError(
            "vision_use_head must be true: without it there is no embedding of the whole picture"
        )
    return config


def side(size: Any) -> int:
    """The side of a square that settings give as one number or two.

    Raises:
        ValueError: If it is no square.
    """
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) != 1:
        raise ValueError(f"pictures and patches must be square; got {size}")
    return int(sides.pop())


def kind_of(config: PreTrainedConfig) -> VisionKind:
    """The kind that an image encoder's settings are of."""
    return VISION_KINDS[config.model_type]
