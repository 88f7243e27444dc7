"""Weights of one detector, for another of the same make: of another size of crop or of tokens, with more blocks, or with other parts
beside the encoder.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bonaface.errors import CheckpointError
from bonaface.models.backbones import Backbone
from bonaface.models.position_grid import resized_positions
from bonaface.models.vision_kinds import kind_of

POSITIONS = ("position_embedding.weight", "position_embeddings")
"""What encoders call their table of positions; a text encoder's is no grid."""

MIX = "patch_embedding.mix.weight"
OPTIONAL = ("anchors.", "cells.", "telling.", "encoder.vision.embeddings.patch_embedding.windows.", "heads.")
"""Parts that a detector, or what has learned before one, may have or not."""

BLOCK = re.compile(r"(.*\blayers)\.(\d+)\.(.+)")
SPEAKING = re.compile(r"self_attn\.out_proj\..*|mlp\.(dense\.)?fc2\..*|mlp\.gate")
"""What a block adds to what it is given passes through these last."""


def carried_over(weights: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """The weights as `model` takes them.

    Positions are brought to its grid; what was made of a cell is made of the mean over a token's cells; blocks that it has beyond
    the last one given start silent, so that it says what the shallower one said; and a part that only one of both has, see
    `OPTIONAL`, is left out or stays the model's own.

    Reference for silent blocks: Chen, Goodfellow and Shlens, Net2Net, arXiv 1511.05641.

    Args:
        weights: Of another detector, by name.
        model: It stays as it is.

    Raises:
        CheckpointError: If anything else differs.
    """
    own = model.state_dict()
    is_antialiased = _is_antialiased(model)
    carried = {name: _fitted(name, tensor, own, is_antialiased) for name, tensor in weights.items()}
    carried |= _silent_blocks(beyond=carried, own=own)
    for part in OPTIONAL:
        given, wanted = ({name for name in names if name.startswith(part)} for names in (carried, own))
        if not given or not wanted:  # a part that both have must fit like any other
            carried = {name: tensor for name, tensor in carried.items() if name not in given}
            carried |= {name: own[name] for name in wanted}
    if carried.keys() != own.keys() or any(carried[name].shape != own[name].shape for name in own):
        raise CheckpointError(
            "the weights to start from must fit the recipe's model; they do not; start from a run of the same model"
        )
    return carried


def _is_antialiased(model: nn.Module) -> bool:
    """Whether a table of positions is smoothed before it shrinks: a pretrained encoder's as it is where the encoder is loaded."""
    encoder = getattr(model, "encoder", None)
    return kind_of(encoder.config).is_antialiased if isinstance(encoder, Backbone) else True


def _fitted(name: str, tensor: Tensor, own: Mapping[str, Tensor], is_antialiased: bool) -> Tensor:
    wanted = own[name].shape if name in own else tensor.shape
    if wanted == tensor.shape:
        return tensor
    if name.startswith("encoder.") and name.endswith(POSITIONS) and wanted[-1] == tensor.shape[-1]:
        length = math.prod(wanted[:-1])
        num_leading = 0 if math.isqrt(length) ** 2 == length else 1
        grid = math.isqrt(length - num_leading)
        table = tensor.flatten(0, -2)
        fitted = resized_positions(table, grid=grid, num_leading=num_leading, is_antialiased=is_antialiased)
        return fitted.reshape(wanted)
    if name.endswith(MIX) and wanted[:2] == tensor.shape[:2] and tensor.shape[2:] == (1, 1):
        return (tensor / math.prod(wanted[2:])).expand(wanted).clone()
    return tensor


def _silent_blocks(*, beyond: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A model's own blocks after the last of those given, such that they add nothing to what they are given."""
    blocks = {name: match for name in own if (match := BLOCK.fullmatch(name))}
    given = [int(match[2]) for name, match in blocks.items() if name in beyond]
    last = max(given, default=-1)
    new = {name: match[3] for name, match in blocks.items() if given and int(match[2]) > last}
    return {
        name: torch.zeros_like(own[name]) if SPEAKING.fullmatch(part) else own[name]
        for name, part in new.items()
    }
