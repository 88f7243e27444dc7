"""La-SoftMoE CLIP: CLIP's image encoder with experts in its blocks, judged by class anchors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPVisionConfig, CLIPVisionModelWithProjection
from transformers.utils import logging

from bonaface.errors import CheckpointError
from bonaface.models.anchors import Anchors
from bonaface.models.detector import Detector
from bonaface.models.insertion import insert_experts
from bonaface.models.soft_moe import ExpertsConfig
from bonaface.vocabulary import FAMILIES


class ClipEncoder(nn.Module):
    """CLIP's projected image embedding."""

    def __init__(self, vision: CLIPVisionModelWithProjection) -> None:
        super().__init__()
        self.vision = vision

    def forward(self, pixels: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch width"]:
        embedding: Tensor = self.vision(pixel_values=pixels).image_embeds
        return embedding


def vision_config(folder: Path) -> CLIPVisionConfig:
    """The image encoder's settings, also from the folder of a whole CLIP, which keeps the joint width itself."""
    config, _ = CLIPConfig.get_config_dict(folder, local_files_only=True)
    if config.get("model_type") != "clip":
        return CLIPVisionConfig.from_pretrained(folder, local_files_only=True)
    whole = CLIPConfig.from_pretrained(folder, local_files_only=True)
    vision: CLIPVisionConfig = whole.vision_config  # type: ignore[assignment]
    vision.projection_dim = whole.projection_dim or vision.projection_dim
    return vision


@contextmanager
def only_errors_logged() -> Iterator[None]:
    """Without the report of the text weights that an image encoder leaves aside."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(before)


def load_vision(folder: Path) -> CLIPVisionModelWithProjection:
    """CLIP's image encoder from a local folder with `config.json` and `model.safetensors`; nothing is fetched.

    Raises:
        CheckpointError: If the folder has no such files, or they are not a CLIP.
    """
    for name in ("config.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise CheckpointError(
                f"a CLIP folder must hold config.json and model.safetensors; {folder} has no {name}"
            )
    try:
        with only_errors_logged():
            loaded: Any = CLIPVisionModelWithProjection.from_pretrained(
                folder,
                config=vision_config(folder),
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder} must hold a CLIP with an image encoder; loading failed: {error}"
        ) from error
    vision: CLIPVisionModelWithProjection = loaded[0]
    missing = sorted(loaded[1]["missing_keys"])
    if missing:
        raise CheckpointError(
            f"{folder} must hold every weight of the image encoder; {missing[0]} is missing"
        )
    return vision


def build_clip_detector(
    source: CLIPVisionModelWithProjection | Path,
    *,
    experts: ExpertsConfig | None,
    blocks: Sequence[int] | None = None,
    features: Float[Tensor, "families 2 width"] | None = None,
    learn_anchors: bool = True,
    num_families: int = len(FAMILIES),
    seed: int,
) -> Detector:
    """A detector on CLIP's image encoder.

    Args:
        source: The encoder, changed in place, or the local folder that holds it.
        experts: The mixture beside each MLP; None = plain CLIP, the baseline.
        blocks: Which blocks get experts; None = all.
        features: Where the anchors start, e.g. at text features; None = random directions.
        learn_anchors: Whether training moves the anchors.
        num_families: Pairs of anchors.
        seed: Of the new weights; torch's own generator is left as it was.

    Raises:
        CheckpointError: If the folder holds no CLIP.
    """
    vision = load_vision(source) if isinstance(source, Path) else source
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if experts is not None:
            insert_experts(vision.vision_model, experts, blocks=blocks)
        anchors = Anchors(
            num_families, vision.config.projection_dim, features=features, is_learned=learn_anchors
        )
    return Detector(ClipEncoder(vision), anchors)
