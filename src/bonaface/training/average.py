"""The averaged weights, which are the ones judged and saved."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel


def averaged(model: nn.Module, *, decay: float) -> AveragedModel:
    """An exponential average of weights and buffers whose decay rises from 0 to `decay` in the first steps.

    At a decay of 0 it is the model as it stands.
    """

    def mix(average: torch.Tensor, value: torch.Tensor, num: torch.Tensor | int) -> torch.Tensor:
        if not average.is_floating_point():
            return value
        now = min(decay, (1 + float(num)) / (10 + float(num)))
        return torch.lerp(average, value, 1 - now)

    return AveragedModel(model, avg_fn=mix, use_buffers=True)
