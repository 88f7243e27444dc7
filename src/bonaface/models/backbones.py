"""Pretrained vision encoders, each as one module: normalised pixels in, one embedding out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from bonaface.errors import CheckpointError
from bonaface.models.checkpoint_folder import load_network, read_config, read_json
from bonaface.models.hub import fetched_folder, is_hub_name
from bonaface.models.openai_layout import renamed, vision_settings
from bonaface.models.position_grid import resized_positions
from bonaface.models.vision_kinds import KindName, kind_of, settings_of, side
from bonaface.models.weight_file import read_weights


class Backbone(nn.Module):
    """A vision encoder of transformers and what it wants to see.

    CLIP gives its projected embedding, SigLIP its attention-pooled one, DINO its class token after the last norm.

    Attributes:
        vision: The network.
        config: Its settings.
        kind: What reads the embedding.
        mean: Of the input, per channel RGB on values in [0, 1].
        std: As `mean`.
        image_size: Side of the crop in pixels.
        width: Of the embedding.
        num_blocks: Transformer blocks.
    """

    def __init__(self, vision: PreTrainedModel, *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.vision = vision
        self.config: PreTrainedConfig = vision.config
        self.kind: KindName = kind_of(self.config).kind
        self.mean, self.std = tuple(mean), tuple(std)
        self.image_size = side(self.config.image_size)
        self.width: int = self.config.projection_dim if self.kind == "clip" else self.config.hidden_size
        self.num_blocks: int = self.config.num_hidden_layers
        for name, parameter in vision.named_parameters():
            # DINO's token of masked patches has no part in the embedding.
            if name.endswith("mask_token"):
                parameter.requires_grad_(False)

    @property
    def description(self) -> dict[str, Any]:
        """What `empty_backbone` needs; plain values, ready for JSON."""
        config = self.config.to_dict()
        config.pop("transformers_version", None)
        return {"kind": self.kind, "config": config, "mean": list(self.mean), "std": list(self.std)}

    def forward(self, pixels: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch width"]:
        """The embedding; of any length, only its direction counts.

        Raises:
            ValueError: If the pictures have another size: some encoders would take them with positions of their own making.
        """
        if pixels.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError(
                f"pixels must be {self.image_size} by {self.image_size}; got {tuple(pixels.shape)}; "
                "for another size load the backbone with image_size"
            )
        output = self.vision(pixel_values=pixels)
        embedding: Tensor = output.image_embeds if self.kind == "clip" else output.pooler_output
        return embedding if self.kind != "dino" else output.last_hidden_state[:, 0]


def load_backbone(source: str | Path, *, is_fetched: bool = False, image_size: int | None = None) -> Backbone:
    """A pretrained encoder in eval mode, float32.

    Args:
        source: A folder with config.json and model.safetensors, whole or in shards; a file in OpenAI's CLIP layout,
            safetensors or written by `torch.save`; or a name on the hub.
        is_fetched: Whether a name on the hub may be fetched.
        image_size: Side of the pictures; positions are interpolated where the checkpoint's is another. None = its own.

    Raises:
        CheckpointError: If there is no such source, or it is no checkpoint of a known kind, or not a whole one.
        DownloadError: If the hub does not give it.
        ValueError: If `image_size` is no multiple of the patch size.
    """
    place = located(source, is_fetched=is_fetched)
    backbone = _from_folder(place) if place.is_dir() else _from_openai(place)
    if image_size is not None and image_size != backbone.image_size:
        return resized(backbone, image_size).eval()
    return backbone.eval()


def empty_backbone(description: Mapping[str, Any]) -> Backbone:
    """An encoder with random weights, as `Backbone.description` tells it; for a state dict of its own.

    Raises:
        CheckpointError: If the description is of no known kind of encoder.
    """
    config = settings_of(description.get("config", {}), "the description of a backbone")
    kind = kind_of(config)
    mean, std = description.get("mean", kind.mean), description.get("std", kind.std)
    return Backbone(kind.empty(config), mean=mean, std=std)


def resized(backbone: Backbone, image_size: int) -> Backbone:
    """The same encoder for another size of pictures, its learned positions interpolated bicubically.

    Raises:
        ValueError: If `image_size` is no multiple of the patch size.
    """
    kind, patch = kind_of(backbone.config), side(backbone.config.patch_size)
    if image_size % patch or image_size <= 0:
        raise ValueError(f"image_size must be a multiple of the patch size {patch}; got {image_size}")
    description = backbone.description
    description["config"]["image_size"] = image_size
    other = empty_backbone(description)
    weights = backbone.vision.state_dict()
    if kind.positions is not None:
        table = weights[kind.positions]
        weights[kind.positions] = resized_positions(
            table.flatten(0, -2),
            grid=image_size // patch,
            num_leading=kind.num_leading,
            is_antialiased=kind.is_antialiased,
        ).reshape(*table.shape[:-2], -1, table.shape[-1])
    other.vision.load_state_dict(weights)
    return other


def located(source: str | Path, *, is_fetched: bool) -> Path:
    """Where the checkpoint lies on this machine, fetched where that is needed and allowed.

    Raises:
        CheckpointError: If it is nowhere.
        DownloadError: If the hub does not give it.
    """
    place = Path(source)
    if place.exists():
        return place
    if not is_hub_name(str(source)):
        raise CheckpointError(
            f"a backbone must be a folder, a file or a name on the hub; {source} is none; check the path"
        )
    if not is_fetched:
        raise CheckpointError(
            f"{source} must be a folder or a file here; there is none; where it is a name on the hub, allow fetching"
        )
    return fetched_folder(str(source))


def normalisation_of(
    folder: Path, *, mean: Sequence[float], std: Sequence[float]
) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and std of the pixels that a folder's checkpoint wants; those given where it does not say.

    Raises:
        CheckpointError: If it says something else than three numbers.
    """
    path = folder / "preprocessor_config.json"
    found = read_json(path) if path.is_file() else {}
    return (
        _three_numbers(found.get("image_mean", mean), "image_mean", path),
        _three_numbers(found.get("image_std", std), "image_std", path),
    )


def _from_folder(folder: Path) -> Backbone:
    config = settings_of(read_config(folder), str(folder / "config.json"))
    kind = kind_of(config)
    vision = load_network(kind.model, folder, config, left=kind.left, keywords=kind.keywords)
    mean, std = normalisation_of(folder, mean=kind.mean, std=kind.std)
    return Backbone(vision, mean=mean, std=std)


def _from_openai(path: Path) -> Backbone:
    state = read_weights(path)
    backbone = empty_backbone({"config": vision_settings(state, str(path))})
    backbone.vision.load_state_dict(renamed(state, is_text=False))
    return backbone


def _three_numbers(values: Any, name: str, path: Path) -> Sequence[float]:
    is_fit = isinstance(values, (list, tuple)) and len(values) == 3
    if not is_fit or not all(isinstance(one, (int, float)) for one in values):
        raise CheckpointError(f"{path} must give {name} as three numbers; got {values}; mend it")
    return tuple(values)
