"""What moves the parameters: the optimiser, its learning rate over a run, and which parameters decay."""

from __future__ import annotations

import math
from typing import Any

from torch import nn
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from bonaface.training.muon import MuonBesideAdamW, is_inner
from bonaface.training.recipe import Optimisation

_TOKENS = {
    "position_embeddings", "positions", "cls_token", "register_tokens", "mask_token", "class_embedding", "probe",
}  # fmt: skip


def optimiser(model: nn.Module, how: Optimisation, *, pretrained: frozenset[str] = frozenset()) -> Optimizer:
    """The rule of the recipe over groups: new or pre-trained, with or without weight decay, and with Muon the matrices of blocks.

    Args:
        model: Whose trainable parameters move.
        how: Rates and decay.
        pretrained: Names of parameters that come trained; all others are new.
    """
    groups: dict[tuple[bool, bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decays = how.kind == "adam_l2" or _decays(name, parameter)
            turned = how.kind == "muon" and is_inner(name, parameter)
            groups.setdefault((name in pretrained, decays, turned), []).append(parameter)
    settings: list[dict[str, Any]] = [
        {
            "params": parameters,
            "lr": how.lr_pretrained if is_old else how.lr_new,
            "weight_decay": how.weight_decay if decays else 0.0,
            "is_inner": turned,
        }
        for (is_old, decays, turned), parameters in sorted(groups.items(), key=lambda group: group[0])
    ]
    if how.kind == "muon":
        return MuonBesideAdamW(settings, betas=how.betas)
    return (AdamW if how.kind == "adamw" else Adam)(settings, betas=how.betas)


def _decays(name: str, parameter: nn.Parameter) -> bool:
    """Whether it is a matrix or a kernel. Biases of experts have a dimension more than others and stay biases; so do tokens and
    tables of positions, which transformers gives dimensions of 1.
    """
    *_, module, own = ("", *name.split("."))
    return parameter.ndim >= 2 and module != "position_embedding" and own not in _TOKENS and "bias" not in own


def schedule(optimizer: Optimizer, *, num_steps: int, warmup_share: float, stride: int = 1) -> LambdaLR:
    """Linear rise over `warmup_share` of `num_steps`, then a cosine to 0; the rate changes every `stride` steps."""

    def rate(step: int) -> float:
        return rate_at(step - step % stride, num_steps=num_steps, warmup_share=warmup_share, stride=stride)

    return LambdaLR(optimizer, rate)


def last_rate(scheduler: LambdaLR) -> float:
    """The learning rate, of the first group, that the last step was taken with; the scheduler itself is at the next one."""
    step = max(scheduler.last_epoch - 1, 0)
    return float(scheduler.base_lrs[0] * scheduler.lr_lambdas[0](step))


def rate_at(step: int, *, num_steps: int, warmup_share: float, stride: int = 1) -> float:
    """The share of the peak rate at `step` (from 0), in [0, 1]; while it rises, what it reaches within `stride` steps.

    >>> [round(rate_at(s, num_steps=100, warmup_share=0.1), 2) for s in (0, 9, 10, 55, 100)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    warmup = round(num_steps * warmup_share)
    if step < warmup:
        return min(1.0, (step + stride) / warmup)
    done = min(1.0, (step - warmup) / max(1, num_steps - warmup))
    return 0.5 * (1 + math.cos(math.pi * done))


def batches_of_step(batch: int, num_batches: int, accumulation: int) -> range:
    """The batches of an epoch that make one step together with `batch`; the last step may have fewer.

    >>> [list(batches_of_step(batch, 5, 2)) for batch in (0, 3, 4)]
    [[0, 1], [2, 3], [4]]
    """
    first = batch - batch % accumulation
    return range(first, min(first + accumulation, num_batches))
