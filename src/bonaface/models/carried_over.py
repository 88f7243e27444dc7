"""Weights of one detector, for another of the same make: of another size of crop or of tokens, or with other parts beside the encoder."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn

from bonaface.errors import CheckpointError
from bonaface.models.position_grid import resized_positions

POSITIONS, MIX = "position_embedding.weight", "patch_embedding.mix.weight"
OPTIONAL = ("anchors.", "cells.", "encoder.vision.embeddings.patch_embedding.windows.", "heads.")
"""Parts that a detector, or what has learned before one, may have or not."""


def carried_over(weights: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """The weights as `model` takes them.

    Positions are brought to its grid; what was made of a cell is made of the mean over a token's cells; and a part that only one
    of both has, see `OPTIONAL`, is left out or stays the model's own.

    Args:
        weights: Of another detector, by name.
        model: It stays as it is.

    Raises:
        CheckpointError: If anything else differs.
    """
    own = model.state_dict()
    carried = {name: _fitted(name, tensor, own) for name, tensor in weights.items()}
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


def _fitted(name: str, tensor: Tensor, own: Mapping[str, Tensor]) -> Tensor:
    wanted = own[name].shape if name in own else tensor.shape
    if name.endswith(POSITIONS) and wanted[1:] == tensor.shape[1:]:
        grid = math.isqrt(wanted[0] - 1)
        return resized_positions(tensor, grid=grid, num_leading=1, is_antialiased=True)
    if name.endswith(MIX) and wanted[:2] == tensor.shape[:2] and tensor.shape[2:] == (1, 1):
        return (tensor / math.prod(wanted[2:])).expand(wanted).clone()
    return tensor
