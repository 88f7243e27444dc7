"""Every kind of detector that a recipe can name: its settings, and how it is built from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pydantic
import torch
from torch import nn

from bonaface.errors import RecipeError
from bonaface.models.anchors import Anchors
from bonaface.models.backbones import Backbone, empty_backbone, load_backbone
from bonaface.models.detector import Detector
from bonaface.models.insertion import insert_experts
from bonaface.models.linear_head import LinearHead
from bonaface.models.low_rank import insert_low_rank
from bonaface.models.nano import NanoConfig, build_nano
from bonaface.models.prompts import PromptsConfig, anchor_texts, are_families_alike
from bonaface.models.resnet import ResnetConfig, ResnetEncoder, SoftmaxHead, resnet_encoder
from bonaface.models.soft_moe import ExpertsConfig
from bonaface.models.text_anchors import TextAnchors, empty_text_anchors, text_anchors
from bonaface.models.text_features import text_features
from bonaface.models.text_towers import load_text
from bonaface.vocabulary import FAMILIES

Tuned = Literal["nothing", "probe", "head", "experts", "experts_norm", "lora", "all"]


@dataclass(frozen=True, slots=True)
class BackboneConfig:
    """Settings of a detector on a pretrained vision encoder; plain values, ready for JSON.

    Attributes:
        kind: Tells the kinds of models apart.
        source: Where the weights are: a folder, a file, or a name on the hub; see `models.backbones.load_backbone`.
        is_fetched: Whether a name on the hub may be fetched.
        tokenizer: Folder of the text encoder's tokenizer; empty = beside the weights.
        image_size: Side of the crop in pixels; the encoder's positions are interpolated where its own is another.
        experts: The mixture beside each MLP; None = the plain encoder.
        blocks: Which blocks get experts, from 0; None = all.
        prompts: Texts whose features the anchors are; None = learned anchors from random directions.
        is_text_frozen: Whether text features stay as they are; otherwise the text encoder learns too, whatever else is
            tuned, and they are computed anew in every step.
        num_families: Pairs of anchors: one for each of `vocabulary.FAMILIES`, or 1 for an attack of any.
        tuned: What training moves. `nothing`: zero-shot, by the texts; `probe`: a linear classifier in the place of the
            anchors, solved for on embeddings that stay as they are; `head`: the anchors alone; `experts`: and the experts
            with their gates; `experts_norm`: and the encoder's norms; `lora`: as `experts`, and a low-rank change of the
            attention, which export adds to the weights; `all`: everything.
        lora_rank: Of that change.
    """

    kind: Literal["backbone"] = "backbone"
    source: str = ""
    is_fetched: bool = False
    tokenizer: str = ""
    image_size: int = 224
    experts: ExpertsConfig | None = field(default_factory=ExpertsConfig)
    blocks: tuple[int, ...] | None = None
    prompts: PromptsConfig | None = field(default_factory=lambda: PromptsConfig(level="family"))
    is_text_frozen: bool = True
    num_families: int = len(FAMILIES)
    tuned: Tuned = "all"
    lora_rank: int = 8


KINDS: Mapping[str, type] = {"nano": NanoConfig, "backbone": BackboneConfig, "resnet": ResnetConfig}
"""The settings of each kind of model; runs from before there were several kinds are of the first."""


def kind_of(settings: Any) -> str | None:
    """The kind that settings, plain or not, are of; None of what are no settings."""
    if isinstance(settings, Mapping):
        return str(settings.get("kind", "nano"))
    return getattr(settings, "kind", None)


Architecture = Annotated[
    Annotated[NanoConfig, pydantic.Tag("nano")]
    | Annotated[BackboneConfig, pydantic.Tag("backbone")]
    | Annotated[ResnetConfig, pydantic.Tag("resnet")],
    pydantic.Discriminator(kind_of),
]
"""Settings of any kind of model; `kind` tells them apart in JSON."""


def build_detector(
    config: Architecture,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    seed: int,
    structure: Mapping[str, Any] | None = None,
) -> Detector:
    """A fresh detector.

    Args:
        config: Settings of any kind.
        mean: Of the input contract, per channel RGB on values in [0, 1].
        std: As `mean`.
        seed: Of the new weights; torch's own generator is left as it was.
        structure: Of a detector of the same settings, from `structure_of`: the source is not opened then, and all
            weights are random, to be replaced by saved ones.

    Raises:
        RecipeError: If a setting does not fit another, or the source.
        CheckpointError: If the source holds no whole encoder, or no text encoder where texts are asked for.
    """
    try:
        if isinstance(config, NanoConfig):
            return build_nano(config, mean=mean, std=std, seed=seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if isinstance(config, ResnetConfig):
                resnet = resnet_encoder(config, mean=mean, std=std, structure=structure)
                _check_normalisation(resnet, mean=mean, std=std)
                return Detector(resnet, SoftmaxHead(config.num_families, resnet.width))
            return _on_backbone(config, mean=mean, std=std, structure=structure)
    except ValueError as error:
        raise RecipeError(f"the model's settings must fit each other: {error}") from None


def structure_of(detector: Detector) -> dict[str, Any]:
    """What a detector is built of beyond its settings, ready for JSON; empty for `nano`."""
    if isinstance(detector.encoder, ResnetEncoder):
        return {"resnet": detector.encoder.description}
    if not isinstance(detector.encoder, Backbone):
        return {}
    anchors = detector.anchors
    text = {"text": anchors.description} if isinstance(anchors, TextAnchors) else {}
    return {"backbone": detector.encoder.description, **text}


def _on_backbone(
    config: BackboneConfig,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    structure: Mapping[str, Any] | None,
) -> Detector:
    if structure:
        known = structure["backbone"]
        backbone = empty_backbone({**known, "config": {**known["config"], "image_size": config.image_size}})
    else:
        backbone = load_backbone(_source(config), is_fetched=config.is_fetched, image_size=config.image_size)
        _check_normalisation(backbone, mean=mean, std=std)
    if config.experts is not None:
        insert_experts(backbone, config.experts, blocks=config.blocks)
    if config.tuned == "lora":
        insert_low_rank(backbone.vision, rank=config.lora_rank)
    return Detector(backbone, _anchors(config, backbone.width, structure))


def _anchors(config: BackboneConfig, width: int, structure: Mapping[str, Any] | None) -> Anchors:
    if config.tuned == "probe":
        return LinearHead(config.num_families, width)
    if config.tuned == "nothing" and (config.prompts is None or not config.is_text_frozen):
        raise RecipeError(
            "where nothing learns, texts must say what an attack is; set model.prompts and model.is_text_frozen=true"
        )
    if structure:
        if "text" in structure:
            return empty_text_anchors(structure["text"])
        return Anchors(config.num_families, width, is_learned=config.prompts is None)
    if config.prompts is None:
        return Anchors(config.num_families, width)
    texts = anchor_texts(config.prompts, num_families=config.num_families)
    if are_families_alike(texts):
        raise RecipeError(
            "texts that are the same for every family can not tell families apart; set model.prompts.level to family or "
            "species, or model.num_families to 1"
        )
    side = load_text(config.source, is_fetched=config.is_fetched, tokenizer=config.tokenizer or None)
    if not config.is_text_frozen:
        return text_anchors(side.tower, side.tokenizer, texts, logit_scale=side.logit_scale)
    features = text_features(side.tower, side.tokenizer, texts)
    anchors = Anchors(config.num_families, width, features=features, is_learned=False)
    nn.init.constant_(anchors.logit_scale, side.logit_scale)
    return anchors


def _source(config: BackboneConfig) -> str:
    if not config.source:
        raise RecipeError(
            "model.source must say where the encoder's weights are: a folder, a file or a name on the hub; it is empty; "
            "give --weights"
        )
    return config.source


def _check_normalisation(
    encoder: Backbone | ResnetEncoder, *, mean: Sequence[float], std: Sequence[float]
) -> None:
    """Raise `RecipeError` unless colours come as the encoder was trained to see them."""
    for name, given, own in (("mean", mean, encoder.mean), ("std", std, encoder.std)):
        if any(not math.isclose(a, b, abs_tol=1e-3) for a, b in zip(given, own, strict=True)):
            raise RecipeError(
                f"contract.{name} must be the encoder's own, {list(own)}; got {list(given)}; "
                f"add --set contract.{name}='{list(own)}'"
            )
