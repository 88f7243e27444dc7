"""How tokens read the slots back: the four readings of the combine weights, feature maps, instance norm.

Symbols: L -> logits_BNM, the instance-normalised L^ -> normed_BNM, X -> tokens_BND, Phi -> routes_DM,
C -> combine_BNM, phi -> `FeatureMap`, W_c -> `LinearCombine.weight_MM`, W_q -> `KernelCombine.query_DD`.

References: Zou et al. 2024 (arXiv 2408.12793); Puigcerver et al. 2023 (arXiv 2308.00951);
Katharopoulos et al. 2020 (arXiv 2006.16236).
"""

# Dimensions: B batch, N tokens, D width, M slots of all experts together, C channels.

from __future__ import annotations

import math
from typing import Literal, assert_never

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

CombineName = Literal["softmax", "la_elementwise", "la_kernel", "la_linear"]
PhiName = Literal["elu1", "relu", "softplus", "exp", "learnable"]
InAxis = Literal["tokens", "slots"]

ROW_EPSILON = 1e-6
EXP_LIMIT = 40.0  # exp(40)^2 times a thousand features is still a finite float32


class FeatureMap(nn.Module):
    """The non-negative phi of linear attention.

    `learnable` is ELU(a t + b) + 1 with two learned scalars, a from 1 and b from 0.
    """

    def __init__(self, name: PhiName) -> None:
        super().__init__()
        self.name: PhiName = name
        if name == "learnable":
            self.slope = nn.Parameter(torch.ones(()))
            self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        match self.name:
            case "elu1":
                return F.elu(values) + 1
            case "relu":
                return F.relu(values)
            case "softplus":
                return F.softplus(values)
            case "exp":
                return values.clamp(max=EXP_LIMIT).exp()
            case "learnable":
                return F.elu(self.slope * values + self.shift) + 1
            case _:
                assert_never(self.name)


class InstanceNorm(nn.Module):
    """Zero mean and unit variance over one axis of each sample, in float32.

    Over `tokens` every slot has zero-mean logits, so that no slot can win everywhere: an implicit balance.
    The variance is the biased one. The optional gain and bias belong to the channels (the last axis).
    """

    def __init__(self, channels: int, *, axis: InAxis, is_affine: bool, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.dim = -2 if axis == "tokens" else -1
        self.epsilon = epsilon
        self.gain = nn.Parameter(torch.ones(channels)) if is_affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if is_affine else None

    def forward(
        self,
        values_BNC: Float[Tensor, "batch tokens channels"],
        mask_BN: Bool[Tensor, "batch tokens"] | None = None,
    ) -> Float[Tensor, "batch tokens channels"]:
        """Tokens outside `mask_BN` (True = a token, False = padding) do not count in the statistics."""
        values = values_BNC.float()
        if mask_BN is None or self.dim == -1:
            moved = values.transpose(self.dim, -1)  # one fused operator, along the last axis
            normed = F.layer_norm(moved, moved.shape[-1:], eps=self.epsilon).transpose(self.dim, -1)
        else:
            share = mask_BN.unsqueeze(-1) / mask_BN.sum(dim=-1).clamp(min=1)[:, None, None]
            centred = values - (values * share).sum(dim=-2, keepdim=True)
            variance = (centred.square() * share).sum(dim=-2, keepdim=True)
            normed = centred * torch.rsqrt(variance + self.epsilon)
        if self.gain is not None and self.bias is not None:
            normed = normed * self.gain + self.bias
        return normed


def rows_normalised(scores_BNM: Float[Tensor, "batch tokens slots"]) -> Float[Tensor, "batch tokens slots"]:
    """Non-negative scores with every token's row divided by its sum."""
    return scores_BNM / (scores_BNM.sum(dim=-1, keepdim=True) + ROW_EPSILON)


class SoftmaxCombine(nn.Module):
    """C_ij = exp(L_ij) / sum_j' exp(L_ij'): Soft MoE."""

    def forward(
        self,
        normed_BNM: Float[Tensor, "batch tokens slots"],
        tokens_BND: Float[Tensor, "batch tokens width"],  # noqa: ARG002
        routes_DM: Float[Tensor, "width slots"],  # noqa: ARG002
        mask_BN: Bool[Tensor, "batch tokens"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch tokens slots"]:
        return normed_BNM.float().softmax(dim=-1)


class ElementwiseCombine(nn.Module):
    """A = phi(L^), C_ij = A_ij / (sum_j' A_ij' + eps): linear attention whose q.k are the logits themselves."""

    def __init__(self, phi: PhiName) -> None:
        super().__init__()
        self.phi = FeatureMap(phi)

    def forward(
        self,
        normed_BNM: Float[Tensor, "batch tokens slots"],
        tokens_BND: Float[Tensor, "batch tokens width"],  # noqa: ARG002
        routes_DM: Float[Tensor, "width slots"],  # noqa: ARG002
        mask_BN: Bool[Tensor, "batch tokens"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch tokens slots"]:
        return rows_normalised(self.phi(normed_BNM.float()))


class KernelCombine(nn.Module):
    """C_ij = phi(q_i).phi(k_j) / sum_j' phi(q_i).phi(k_j'), with q_i = x_i W_q and k_j = Phi_j.

    The weights are formed explicitly: with fewer slots than channels (196 against 768 in ViT-B/16) that costs
    a quarter of the associative order, and they can be looked at. Instance norm acts on the features: over
    `tokens` on the queries, over `slots` on the keys. W_q starts as the identity.
    """

    def __init__(self, width: int, phi: PhiName, *, axis: InAxis | None, is_affine: bool) -> None:
        super().__init__()
        self.phi = FeatureMap(phi)
        self.query_DD = nn.Parameter(torch.eye(width))
        self.axis = axis
        self.norm = None if axis is None else InstanceNorm(width, axis="tokens", is_affine=is_affine)

    def forward(
        self,
        normed_BNM: Float[Tensor, "batch tokens slots"],  # noqa: ARG002
        tokens_BND: Float[Tensor, "batch tokens width"],
        routes_DM: Float[Tensor, "width slots"],
        mask_BN: Bool[Tensor, "batch tokens"] | None = None,
    ) -> Float[Tensor, "batch tokens slots"]:
        queries_BND = (tokens_BND @ self.query_DD).float()
        keys_1MD = routes_DM.float().T.unsqueeze(0)
        if self.norm is not None:
            if self.axis == "tokens":
                queries_BND = self.norm(queries_BND, mask_BN)
            else:
                keys_1MD = self.norm(keys_1MD)
        return rows_normalised((self.phi(queries_BND) @ self.phi(keys_1MD).transpose(1, 2)).float())


class LinearCombine(nn.Module):
    """C = L^ W_c, W_c from I / sqrt(M): signed weights whose rows do not sum to 1."""

    def __init__(self, num_slots: int) -> None:
        super().__init__()
        self.weight_MM = nn.Parameter(torch.eye(num_slots) / math.sqrt(num_slots))

    def forward(
        self,
        normed_BNM: Float[Tensor, "batch tokens slots"],
        tokens_BND: Float[Tensor, "batch tokens width"],  # noqa: ARG002
        routes_DM: Float[Tensor, "width slots"],  # noqa: ARG002
        mask_BN: Bool[Tensor, "batch tokens"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch tokens slots"]:
        return (normed_BNM @ self.weight_MM).float()


def effective_slots(combine_BNM: Float[Tensor, "batch tokens slots"]) -> Float[Tensor, "batch tokens"]:
    """Slots that a token really reads: exp(entropy of its row), from 1 (one-hot) to M (a dead, uniform router).

    Args:
        combine_BNM: Rows that sum to 1, none negative.
    """
    entropy_BN: Tensor = torch.special.entr(combine_BNM.float()).sum(dim=-1)
    return entropy_BN.exp()
