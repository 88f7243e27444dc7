"""Weights of one detector, for another of the same make: of another size of crop or of tokens, or that judges cells."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn

from bonaface.errors import CheckpointError
from bonaface.models.position_grid import resized_positions

POSITIONS, MIX, CELLS = "position_embedding.weight", "patch_embedding.mix.weight", "cells."


def carried_over(weights: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """The weights as `model` takes them.

    Positions are brought to its grid; what was made of a cell is made of the mean over a token's cells; and the judge of
    cells stays its own where there was none.

    Args:
        weights: Of another detector, by name.
        model: It stays as it is.

    Raises:
        CheckpointError: If anything else differs.
    """
    own = model.state_dict()
    carried = {name: _fitted(name, tensor, own) for name, tensor in weights.items()}
    fresh = {name: own[name] for name in own.keys() - carried.keys() if name.startswith(CELLS)}
    unused = {name for name in carried.keys() - own.keys() if name.startswith(CELLS)}
    carried = {name: tensor for name, tensor in (carried | fresh).items() if name not in unused}
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
