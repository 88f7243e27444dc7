"""Routed experts beside a shared one: each token goes to the few experts that its gates choose.

The shared expert is the block's own MLP, which every token passes: see `models.insertion`.

References: SUEDE (arXiv 2504.04818), whose router is not public; Fedus et al. 2021 (arXiv 2101.03961).
"""

# Dimensions: B batch, N tokens, D width, E experts.

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bonaface.models.soft_moe import ExpertsConfig, Routing, freeze_router, own_experts
from bonaface.models.upcycling import DenseMlp


class Choice(NamedTuple):
    """What a router says of every token, float32.

    Attributes:
        probabilities: P_BNE; rows sum to 1.
        chosen: 1 for the k experts of a token, 0 for the others, (B, N, E).
    """

    probabilities: Tensor
    chosen: Tensor

    @property
    def gates(self) -> Float[Tensor, "batch tokens experts"]:
        """What the chosen experts count; the others count nothing."""
        return self.probabilities * self.chosen


class RoutedExperts(nn.Module):
    """Y = sum over the k experts with the largest p of p_e E_e(x), p = softmax(x R).

    Symbols: x -> tokens_BND, R -> routes_DE, p -> `Choice.probabilities`.

    The gates are not scaled to sum to 1 over the chosen: with k = 1 the router would get no gradient. Every expert is
    computed for every token and those not chosen are multiplied by 0: shapes do not depend on the data, so that the
    layer exports, and at a handful of narrow experts gathering the tokens would cost more than it saves.
    """

    def __init__(self, width: int, config: ExpertsConfig, mlp: DenseMlp | None = None) -> None:
        """A fresh layer; arguments and errors as of `LaSoftMoE`."""
        super().__init__()
        self.config = config
        self.routes_DE = nn.Parameter(torch.randn(width, config.num_experts) / math.sqrt(width))
        self.experts = own_experts(width, config, mlp)
        self.balance: Tensor | None = None
        if config.frozen_router:
            freeze_router(self)

    def forward(self, tokens_BND: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        """The experts' answer for every token. In training the balance is kept for `balance_loss`."""
        choice = self.choose(tokens_BND)
        gates_BNE = choice.gates.to(tokens_BND.dtype)
        if self.training:
            if self.config.balance_weight:
                self.balance = balance(choice)
            if self.config.shuffled_experts:
                gates_BNE = gates_BNE[..., torch.randperm(gates_BNE.shape[-1], device=gates_BNE.device)]
        return self.experts.gated(tokens_BND, gates_BNE)

    def choose(self, tokens_BND: Float[Tensor, "batch tokens width"]) -> Choice:
        """The router's word, float32 under autocast too."""
        probabilities_BNE = (tokens_BND @ self.routes_DE).float().softmax(dim=-1)
        largest_BNK = probabilities_BNE.topk(self.config.top_k, dim=-1).indices
        return Choice(probabilities_BNE, torch.zeros_like(probabilities_BNE).scatter(-1, largest_BNK, 1.0))

    def route(self, tokens_BND: Float[Tensor, "batch tokens width"]) -> Routing:
        """Who goes where, in the terms of soft routing: each expert is one slot, the mean of the tokens it is given.

        `combine` rows are the gates at a sum of 1; an expert that no token chose has a column of zeros in `dispatch`.
        """
        choice = self.choose(tokens_BND)
        dispatch_BNE = choice.chosen / choice.chosen.sum(dim=1, keepdim=True).clamp(min=1)
        return Routing(dispatch_BNE, choice.gates / choice.gates.sum(dim=-1, keepdim=True))


def balance(choice: Choice) -> Float[Tensor, ""]:
    """E sum_e f_e P_e: 1 where all experts are used alike, up to E / k where all tokens choose the same.

    f_e is the share of choices that fall on e, P_e its mean probability; the gradient flows through P.
    """
    share_E = choice.chosen.mean(dim=(0, 1))
    share_E = share_E / share_E.sum()
    probability_E = choice.probabilities.mean(dim=(0, 1))
    return len(share_E) * (share_E * probability_E).sum()


def balance_loss(model: nn.Module) -> Float[Tensor, ""]:
    """The weighted balance of every routed mixture in the last forward pass, to be added to the loss; 0 of none.

    Each balance is given once.
    """
    total = torch.zeros(())
    for module in model.modules():
        if isinstance(module, RoutedExperts) and module.balance is not None:
            total = total.to(module.balance.device) + module.config.balance_weight * module.balance
            module.balance = None
    return total
