"""La-SoftMoE: a soft mixture of experts whose combine weights come from linear attention."""

# Dimensions: B batch, N tokens, D width, E experts, S slots per expert, M = E S slots, H hidden of an expert.

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from bonaface.models.combine import (
    CombineName,
    ElementwiseCombine,
    InAxis,
    InstanceNorm,
    KernelCombine,
    LinearCombine,
    PhiName,
    SoftmaxCombine,
)

ActivationName = Literal["quick_gelu", "identity"]


@dataclass(frozen=True, slots=True)
class ExpertsConfig:
    """Settings of one mixture of experts; plain values, ready for JSON.

    Attributes:
        num_experts: E.
        slots_per_expert: S; E S about the number of tokens is the usual choice.
        hidden: Width inside an expert. The paper does not state it; 64 keeps the branch adapter-sized.
        combine: How tokens read the slots, see `models.combine`.
        phi: Feature map of `la_elementwise` and `la_kernel`.
        in_enabled: Instance norm of the logits; None = as published: not for `softmax`, yes for the others.
        in_axis: Normalise each slot over the tokens, or each token over the slots.
        in_affine: Learn a gain and a bias for each slot.
        in_on_dispatch: Dispatch from the normalised logits too.
        normalise_logits: Cosine logits with one learned scale from sqrt(D), instead of plain products.
        activation: Between the two linear maps of an expert; `identity` makes experts linear.
        gate_init: Start of the branch's LayerScale. At 1 the last expert layer starts at 0 instead; never
            are both 0, for then no gradient would reach the experts.
    """

    num_experts: int = 4
    slots_per_expert: int = 49
    hidden: int = 64
    combine: CombineName = "la_elementwise"
    phi: PhiName = "elu1"
    in_enabled: bool | None = None
    in_axis: InAxis = "tokens"
    in_affine: bool = False
    in_on_dispatch: bool = False
    normalise_logits: bool = False
    activation: ActivationName = "quick_gelu"
    gate_init: float = 0.0

    @property
    def num_slots(self) -> int:
        """M, the slots of all experts together."""
        return self.num_experts * self.slots_per_expert

    @property
    def has_instance_norm(self) -> bool:
        """Whether logits are instance-normalised, with None resolved."""
        return self.combine != "softmax" if self.in_enabled is None else self.in_enabled


class Routing(NamedTuple):
    """Who goes where, float32.

    Attributes:
        dispatch: D_BNM; every column sums to 1 over the tokens.
        combine: C_BNM; every row sums to 1 over the slots, except with `la_linear`.
    """

    dispatch: Tensor
    combine: Tensor


class Experts(nn.Module):
    """E_k(x) = W2_k act(W1_k x + b1_k) + b2_k for all experts k at once; every expert has its own draw.

    Symbols: X~ -> slots_BESD, Y~ -> mixed_BESD.
    """

    def __init__(
        self, num_experts: int, width: int, hidden: int, *, activation: ActivationName, is_last_zero: bool
    ) -> None:
        super().__init__()
        self.activation: ActivationName = activation
        self.first_EDH = nn.Parameter(torch.empty(num_experts, width, hidden))
        self.first_bias_EH = nn.Parameter(torch.zeros(num_experts, hidden))
        self.last_EHD = nn.Parameter(torch.zeros(num_experts, hidden, width))
        self.last_bias_ED = nn.Parameter(torch.zeros(num_experts, width))
        for expert in range(num_experts):
            nn.init.xavier_uniform_(self.first_EDH[expert])
            if not is_last_zero:
                nn.init.xavier_uniform_(self.last_EHD[expert])

    def forward(
        self, slots_BESD: Float[Tensor, "batch experts slots width"]
    ) -> Float[Tensor, "batch experts slots width"]:
        hidden_BESH = torch.einsum("besd,edh->besh", slots_BESD, self.first_EDH)
        hidden_BESH = hidden_BESH + self.first_bias_EH[:, None, :]
        if self.activation == "quick_gelu":
            hidden_BESH = hidden_BESH * torch.sigmoid(1.702 * hidden_BESH)
        return torch.einsum("besh,ehd->besd", hidden_BESH, self.last_EHD) + self.last_bias_ED[:, None, :]


def combine_module(width: int, config: ExpertsConfig) -> nn.Module:
    """The module that turns logits into combine weights."""
    match config.combine:
        case "softmax":
            return SoftmaxCombine()
        case "la_elementwise":
            return ElementwiseCombine(config.phi)
        case "la_kernel":
            axis = config.in_axis if config.has_instance_norm else None
            return KernelCombine(width, config.phi, axis=axis, is_affine=config.in_affine)
        case "la_linear":
            return LinearCombine(config.num_slots)


class LaSoftMoE(nn.Module):
    """Routes tokens softly to experts through slots and combines them by linear attention.

    L = X Phi;  D = softmax over tokens of L;  X~ = D^T X;  Y~_k = E_k(X~_k);  C = combine(IN(L));  Y = C Y~.

    Symbols: X -> tokens_BND, Phi -> routes_DES, L -> logits_BNM, D -> dispatch_BNM, X~ -> slots_BESD,
    Y~ -> mixed_BESD, C -> combine_BNM. Phi starts as N(0, 1/D).

    Slots average the original tokens, also where the logits are cosines. Weights are formed in float32 under
    autocast.

    References: Zou et al. 2024 (arXiv 2408.12793), whose combine equation is not public: the readings are in
    `models.combine`; Puigcerver et al. 2023 (arXiv 2308.00951).
    """

    def __init__(self, width: int, config: ExpertsConfig) -> None:
        super().__init__()
        self.config = config
        routes_DES = torch.randn(width, config.num_experts, config.slots_per_expert) / math.sqrt(width)
        self.routes_DES = nn.Parameter(routes_DES)
        self.logit_scale = nn.Parameter(torch.tensor(math.sqrt(width))) if config.normalise_logits else None
        reads_logits = config.combine != "la_kernel" or config.in_on_dispatch
        self.logit_norm = (
            InstanceNorm(config.num_slots, axis=config.in_axis, is_affine=config.in_affine)
            if config.has_instance_norm and reads_logits
            else None
        )
        self.combine = combine_module(width, config)
        self.experts = Experts(
            config.num_experts,
            width,
            config.hidden,
            activation=config.activation,
            is_last_zero=config.gate_init == 1.0,
        )

    def forward(
        self,
        tokens_BND: Float[Tensor, "batch tokens width"],
        mask_BN: Bool[Tensor, "batch tokens"] | None = None,
        *,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch tokens width"] | tuple[Float[Tensor, "batch tokens width"], Routing]:
        """The mixture's answer for every token.

        Args:
            tokens_BND: X.
            mask_BN: True = a token, False = padding, which no slot reads. At least one True in a row.
            return_weights: Return the routing too.
        """
        routing = self.route(tokens_BND, mask_BN)
        config, dtype = self.config, tokens_BND.dtype
        slots_BMD = routing.dispatch.to(dtype).transpose(1, 2) @ tokens_BND
        slots_BESD = slots_BMD.reshape(-1, config.num_experts, config.slots_per_expert, slots_BMD.shape[-1])
        mixed_BESD = self.experts(slots_BESD)
        mixed_BMD = mixed_BESD.flatten(1, 2)
        output_BND = routing.combine.to(mixed_BMD.dtype) @ mixed_BMD
        return (output_BND, routing) if return_weights else output_BND

    def route(
        self,
        tokens_BND: Float[Tensor, "batch tokens width"],
        mask_BN: Bool[Tensor, "batch tokens"] | None = None,
    ) -> Routing:
        """Dispatch and combine weights, float32."""
        routes_DM = self.routes_DES.flatten(1)
        logits_BNM = self.logits(tokens_BND, routes_DM)
        normed_BNM = logits_BNM if self.logit_norm is None else self.logit_norm(logits_BNM, mask_BN)
        dispatch_BNM = normed_BNM if self.config.in_on_dispatch else logits_BNM
        if mask_BN is not None:
            dispatch_BNM = dispatch_BNM.masked_fill(~mask_BN.unsqueeze(-1), -torch.inf)
        combine_BNM = self.combine(normed_BNM, tokens_BND, routes_DM, mask_BN)
        return Routing(dispatch_BNM.softmax(dim=1), combine_BNM)

    def logits(
        self, tokens_BND: Float[Tensor, "batch tokens width"], routes_DM: Float[Tensor, "width slots"]
    ) -> Float[Tensor, "batch tokens slots"]:
        """L, float32: X Phi, or the scaled cosines of tokens and routes."""
        if self.logit_scale is None:
            return (tokens_BND @ routes_DM).float()
        cosines_BNM = unit(tokens_BND, dim=-1) @ (self.logit_scale * unit(routes_DM, dim=0))
        return cosines_BNM.float()


class SoftMoE(LaSoftMoE):
    """Soft MoE: the same layer with the softmax over slots as combine and no instance norm.

    Reference: Puigcerver et al. 2023 (arXiv 2308.00951).
    """

    def __init__(self, width: int, config: ExpertsConfig) -> None:
        super().__init__(width, replace(config, combine="softmax", in_enabled=False))


def unit(vectors: Float[Tensor, "*shape"], *, dim: int) -> Float[Tensor, "*shape"]:
    """Vectors along `dim` at length 1, in float32; the zero vector stays zero."""
    return F.normalize(vectors.float(), dim=dim, eps=1e-6)
