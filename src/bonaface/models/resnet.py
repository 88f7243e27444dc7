"""ResNets of transformers as detectors: a pooled feature map, judged by a softmax over two classes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from huggingface_hub.errors import StrictDataclassError
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel, ResNetConfig, ResNetModel

from bonaface.errors import CheckpointError
from bonaface.models.anchors import Anchors
from bonaface.models.backbones import located, normalisation_of
from bonaface.models.checkpoint_folder import load_network, read_config
from bonaface.models.vision_kinds import IMAGENET_MEAN, IMAGENET_STD

LEFT = re.compile(r"^classifier\.")
"""Weights of a whole checkpoint that have no place here: ImageNet's classes."""

NOT_OF_THE_NETWORK = ("architectures", "dtype", "id2label", "label2id", "transformers_version")
"""Settings of a checkpoint that say nothing about its layers."""


@dataclass(frozen=True, slots=True)
class ResnetConfig:
    """Settings of a detector on a ResNet; plain values, ready for JSON. The defaults are ResNet-50.

    Attributes:
        kind: Tells the kinds of models apart.
        source: Folder of the weights or their name on the hub; empty = random weights, of the sizes below.
        is_fetched: Whether a name on the hub may be fetched.
        image_size: Side of the crop in pixels.
        stem_width: Channels after the first convolution. As the next three, for random weights only.
        widths: Channels after each stage; inside its bottlenecks a quarter of them.
        depths: Blocks of each stage.
        layer_type: `bottleneck` from 50 layers on, `basic` below.
        num_families: Softmaxes: one for each of `vocabulary.FAMILIES`, or 1 for an attack of any.
    """

    kind: Literal["resnet"] = "resnet"
    source: str = ""
    is_fetched: bool = False
    image_size: int = 224
    stem_width: int = 64
    widths: tuple[int, ...] = (256, 512, 1024, 2048)
    depths: tuple[int, ...] = (3, 4, 6, 3)
    layer_type: Literal["bottleneck", "basic"] = "bottleneck"
    num_families: int = 1


class ResnetEncoder(nn.Module):
    """A ResNet and what it wants to see: normalised pixels in, the mean of its last feature map out.

    Attributes:
        vision: The network.
        mean: Of the input, per channel RGB on values in [0, 1].
        std: As `mean`.
        width: Of the embedding.
    """

    def __init__(self, vision: PreTrainedModel, *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.vision = vision
        self.mean, self.std = tuple(mean), tuple(std)
        self.width: int = vision.config.hidden_sizes[-1]

    @property
    def description(self) -> dict[str, Any]:
        """What `empty_resnet` needs; plain values, ready for JSON."""
        config = self.vision.config.to_dict()
        kept = {name: value for name, value in config.items() if name not in NOT_OF_THE_NETWORK}
        return {"config": kept, "mean": list(self.mean), "std": list(self.std)}

    def forward(self, pixels: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch width"]:
        embedding: Tensor = self.vision(pixel_values=pixels).pooler_output.flatten(1)
        return embedding


class SoftmaxHead(Anchors):
    """Evidence by a softmax over two classes for each family: logit_f = z_attack - z_bonafide.

    With z = W x + b that is the softmax's log-odds of attack, and its cross-entropy is theirs. As anchors it has the
    rows of W; unlike theirs, their lengths count and the embedding's does.

    Attributes:
        classes: Embedding -> z, (families, 2) in one row; index 0 is bona fide, 1 is attack.
    """

    def __init__(self, num_families: int, width: int) -> None:
        nn.Module.__init__(self)  # the features of `Anchors` are the classes' weights here
        self.classes = nn.Linear(width, 2 * num_families)

    @property
    def features(self) -> Float[Tensor, "families 2 width"]:  # type: ignore[override]
        """Index 0 is bona fide, 1 is attack; their lengths count."""
        return self.classes.weight.reshape(-1, 2, self.classes.in_features)

    def forward(self, embedding: Float[Tensor, "batch width"]) -> Float[Tensor, "batch families"]:
        """The log-odds of attack for each family, float32."""
        bonafide, attack = self.classes(embedding).float().unflatten(1, (-1, 2)).unbind(dim=2)
        difference: Tensor = attack - bonafide
        return difference


def load_resnet(source: str | Path, *, is_fetched: bool = False) -> ResnetEncoder:
    """A pretrained ResNet in eval mode, float32; a classifier on top is left out.

    Args:
        source: A folder with config.json and model.safetensors, or a name on the hub.
        is_fetched: Whether a name on the hub may be fetched.

    Raises:
        CheckpointError: If there is no such source, or it is no whole ResNet.
        DownloadError: If the hub does not give it.
    """
    folder = located(source, is_fetched=is_fetched)
    config = _settings(read_config(folder), str(folder / "config.json"))
    vision = load_network(ResNetModel, folder, config, left=LEFT)
    mean, std = normalisation_of(folder, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    return ResnetEncoder(vision, mean=mean, std=std).eval()


def empty_resnet(description: Mapping[str, Any]) -> ResnetEncoder:
    """A ResNet with random weights, as `ResnetEncoder.description` tells it.

    Raises:
        CheckpointError: If the description is of another kind of network.
    """
    config = _settings(description.get("config", {}), "the description of a ResNet")
    mean, std = description.get("mean", IMAGENET_MEAN), description.get("std", IMAGENET_STD)
    return ResnetEncoder(ResNetModel(config), mean=mean, std=std)


def resnet_encoder(
    config: ResnetConfig,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    structure: Mapping[str, Any] | None = None,
) -> ResnetEncoder:
    """The encoder of a fresh detector; new weights come from torch's own generator.

    Args:
        config: Settings of the detector.
        mean: What random weights will learn to see; a source has its own.
        std: As `mean`.
        structure: Of a detector of the same settings, its encoder's description under `resnet`: the source is not
            opened then, and all weights are random.

    Raises:
        CheckpointError: If the source holds no whole ResNet.
        ValueError: If the sizes do not fit each other.
    """
    if structure:
        return empty_resnet(structure["resnet"])
    if config.source:
        return load_resnet(config.source, is_fetched=config.is_fetched)
    return ResnetEncoder(ResNetModel(_fresh(config)), mean=mean, std=std)


def _fresh(config: ResnetConfig) -> ResNetConfig:
    if len(config.widths) != len(config.depths):
        raise ValueError(
            f"model.widths and model.depths must have as many stages; got {len(config.widths)} and {len(config.depths)}"
        )
    return ResNetConfig(
        embedding_size=config.stem_width,
        hidden_sizes=list(config.widths),
        depths=list(config.depths),
        layer_type=config.layer_type,
    )


def _settings(plain: Mapping[str, Any], where: str) -> ResNetConfig:
    if plain.get("model_type") != "resnet":
        raise CheckpointError(
            f"{where} must have the model_type resnet; it says {plain.get('model_type')}; choose another source"
        )
    try:
        return ResNetConfig.from_dict(dict(plain))
    except (StrictDataclassError, ValueError, TypeError, KeyError) as error:
        said = " ".join(str(error).split())
        raise CheckpointError(f"{where} must hold settings that fit together; {said}") from None
