"""Pretrained text encoders with their tokenizers, from where their image encoders come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import safe_open
from torch import Tensor
from transformers import (
    AutoTokenizer,
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    PreTrainedModel,
    SiglipTextModel,
)

from bonaface.errors import CheckpointError, first_line
from bonaface.models.backbones import located
from bonaface.models.checkpoint_folder import load_network, quiet, read_config, weight_files
from bonaface.models.openai_layout import renamed, text_settings
from bonaface.models.vision_kinds import PAIRS
from bonaface.models.weight_file import read_weights

LEFT_BY_TEXT = re.compile(
    r"^(vision_model\.|visual_projection\.|logit_scale$|logit_bias$)|(^|\.)position_ids$"
)
TOKENIZER_FILES = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("spiece.model",), ("tokenizer.model",))
"""Any one of these sets is a tokenizer."""


@dataclass(frozen=True, slots=True, eq=False)
class TextSide:
    """What a checkpoint has for texts.

    Attributes:
        tower: CLIP's text encoder with its projection, or SigLIP's; in eval mode, float32.
        tokenizer: Of the same checkpoint.
        logit_scale: The logarithm of the scale of its cosines.
    """

    tower: PreTrainedModel
    tokenizer: Any
    logit_scale: float


def load_text(
    source: str | Path, *, is_fetched: bool = False, tokenizer: str | Path | None = None
) -> TextSide:
    """The text encoder of a CLIP or SigLIP.

    Args:
        source: As for `backbones.load_backbone`.
        is_fetched: Whether a name on the hub may be fetched.
        tokenizer: A folder with tokenizer.json, or with vocab.json and merges.txt; None = beside the weights.

    Raises:
        CheckpointError: If the source has no text encoder or no tokenizer, or not a whole one.
        DownloadError: If the hub does not give it.
    """
    place = located(source, is_fetched=is_fetched)
    beside = place if place.is_dir() else place.parent
    folder = _tokenizer_folder(Path(tokenizer) if tokenizer is not None else beside)
    if place.is_dir():
        tower, logit_scale, is_clip = _from_folder(place)
    else:
        tower, logit_scale = _from_openai(place)
        is_clip = True
    return TextSide(tower, _tokenizer(folder, is_clip=is_clip), logit_scale)


def _from_folder(folder: Path) -> tuple[PreTrainedModel, float, bool]:
    plain = read_config(folder)
    model_type = str(plain.get("model_type"))
    if model_type not in PAIRS:
        raise CheckpointError(
            f"{folder} must have a text encoder for anchors of texts; {model_type} has none; "
            "use a whole CLIP or SigLIP, or learned anchors"
        )
    try:
        with quiet():
            whole: Any = PAIRS[model_type].from_dict(plain)
    except (StrictDataclassError, ValueError, TypeError, KeyError) as error:
        said = " ".join(str(error).split())
        raise CheckpointError(f"{folder} must hold settings that fit together; {said}") from None
    config = whole.text_config
    is_clip = model_type == "clip"
    if is_clip:
        config.projection_dim = whole.projection_dim or config.projection_dim
    network = CLIPTextModelWithProjection if is_clip else SiglipTextModel
    tower = load_network(network, folder, config, left=LEFT_BY_TEXT)
    return tower, _logit_scale(folder), is_clip


def _from_openai(path: Path) -> tuple[PreTrainedModel, float]:
    state = read_weights(path)
    tower = CLIPTextModelWithProjection(CLIPTextConfig.from_dict(text_settings(state, str(path))))
    tower.eval()  # type: ignore[no-untyped-call]
    tower.load_state_dict(renamed(state, is_text=True))
    return tower, float(state["logit_scale"])


def _logit_scale(folder: Path) -> float:
    for path in weight_files(folder):
        with safe_open(path, framework="pt") as weights:
            if "logit_scale" in weights.keys():  # noqa: SIM118
                scale: Tensor = weights.get_tensor("logit_scale")
                return float(scale)
    raise CheckpointError(
        f"{folder} must hold every weight of the network; logit_scale is missing; fetch it whole"
    )


def _tokenizer_folder(folder: Path) -> Path:
    if not any(all((folder / name).is_file() for name in names) for names in TOKENIZER_FILES):
        raise CheckpointError(
            f"a text encoder must come with its tokenizer; {folder} has neither tokenizer.json nor vocab.json with "
            "merges.txt; put them beside the weights or name their folder as tokenizer"
        )
    return folder


def _tokenizer(folder: Path, *, is_clip: bool) -> Any:
    reader: Any = CLIPTokenizer if is_clip else AutoTokenizer
    try:
        with quiet():
            return reader.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the tokenizers' own errors have no type of their own
        said = first_line(error)
        raise CheckpointError(f"{folder} must hold a tokenizer that loads; it failed: {said}") from error
