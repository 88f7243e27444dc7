"""The averaged weights, which are the ones judged and saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn


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


def leaning_back(
    model: nn.Module, start: Mapping[str, Tensor], *, share: float, pixels: Iterable[Tensor]
) -> nn.Module:
    """A copy of the model whose weights are, for this share, those that its training started from.

    What a last stage has learned is mostly kept, and of what it has forgotten much comes back. Statistics of batch norms are those
    of neither: they are taken anew from the batches that are given.

    Args:
        model: It stays as it is.
        start: Every weight and buffer of it by name, on any device. Of batch norms neither one's statistics are read.
        share: In [0, 1].
        pixels: (B, 3, S, S) each, as the model is shown them in training, on its device.

    Reference: Wortsman et al. 2022, Robust fine-tuning of zero-shot models, arXiv 2109.01903.
    """
    mixed = deepcopy(model)
    mixed.load_state_dict(
        {
            name: torch.lerp(value, start[name].to(value), share) if value.is_floating_point() else value
            for name, value in model.state_dict().items()
        }
    )
    update_bn(pixels, mixed)
    return mixed
