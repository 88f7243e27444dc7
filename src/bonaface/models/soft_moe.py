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

from bonaface.errors import RecipeError
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
from bonaface.models.expert_mlps import ExpertMlps
from bonaface.models.upcycling import ActivationName, DenseMlp


@dataclass(frozen=True, slots=True)
class ExpertsConfig:
    """Settings of one mixture of experts; plain values, ready for JSON.

    Attributes:
        num_experts: E.
        slots_per_expert: S; E S about the number of tokens is the usual choice.
        hidden: Width inside an expert; `mlp` = as wide as the block's MLP. The paper does not state it; 64 keeps the
            branch adapter-sized.
        start: `random`, each expert on its own, or `upcycled`, copies of the block's MLP with its activation. Equal
            experts part by what they are given, and `upcycle_noise` makes them unequal from the first step.
        upcycle_noise: Standard deviation of what is added to a copied matrix, as a share of the matrix's own.
        routing: `soft` through slots, or `top_k`: each token goes to few experts, see `models.shared_routed`.
            `top_k` reads no setting of slots, logits, combine weights and instance norm.
        top_k: Experts that a token goes to.
        balance_weight: Of the loss that keeps `top_k` from sending all tokens to few experts; 0 = none.
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
        frozen_router: A control: everything that forms the weights keeps its random start; experts learn.
        shuffled_experts: A control: in training the slots (with `top_k` the gates) are dealt to the experts anew in
            every forward pass, by torch's generator, so that none can specialise. At rest they stay in order.

    Raises:
        RecipeError: If the settings do not fit together.
    """

    num_experts: int = 4
    slots_per_expert: int = 49
    hidden: int | Literal["mlp"] = 64
    start: Literal["random", "upcycled"] = "random"
    upcycle_noise: float = 0.01
    routing: Literal["soft", "top_k"] = "soft"
    top_k: int = 2
    balance_weight: float = 0.01
    combine: CombineName = "la_elementwise"
    phi: PhiName = "elu1"
    in_enabled: bool | None = None
    in_axis: InAxis = "tokens"
    in_affine: bool = False
    in_on_dispatch: bool = False
    normalise_logits: bool = False
    activation: ActivationName = "quick_gelu"
    gate_init: float = 0.0
    frozen_router: bool = False
    shuffled_experts: bool = False

    def __post_init__(self) -> None:
        hidden = 1 if self.hidden == "mlp" else self.hidden
        for name, count in (
            ("num_experts", self.num_experts),
            ("slots_per_expert", self.slots_per_expert),
            ("hidden", hidden),
        ):
            if count < 1:
                raise RecipeError(f"{name} must be at least 1; got {count}")
        if self.routing == "top_k" and not 1 <= self.top_k <= self.num_experts:
            raise RecipeError(f"top_k must be within 1..{self.num_experts}, the experts; got {self.top_k}")
        for name, share in (("upcycle_noise", self.upcycle_noise), ("balance_weight", self.balance_weight)):
            if not 0 <= share < math.inf:
                raise RecipeError(f"{name} must be a number from 0; got {share}")
        if self.start == "upcycled" and self.hidden != "mlp":
            raise RecipeError(
                f"hidden must be 'mlp' where experts start as copies of the MLP; got {self.hidden}; set it so"
            )
        if self.start == "upcycled" and self.gate_init == 1.0:
            raise RecipeError(
                "gate_init must not be 1 where experts start as copies of the MLP, whose last layer is not 0; set it to 0"
            )

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


def own_experts(width: int, config: ExpertsConfig, mlp: DenseMlp | None) -> ExpertMlps:
    """The experts that a mixture starts with.

    Raises:
        RecipeError: If the settings speak of the block's MLP and there is none.
    """
    if config.hidden == "mlp" and mlp is None:
        raise RecipeError("hidden must be a number where experts stand beside no MLP; got 'mlp'")
    hidden = mlp.hidden if mlp is not None and config.hidden == "mlp" else int(config.hidden)
    is_copy = mlp is not None and config.start == "upcycled"
    experts = ExpertMlps(
        config.num_experts,
        width,
        hidden,
        activation=mlp.activation if mlp is not None and is_copy else config.activation,
        is_last_zero=config.gate_init == 1.0,
    )
    if mlp is not None and is_copy:
        experts.copy_mlp(mlp, noise=config.upcycle_noise)
    return experts


def freeze_router(mixture: nn.Module) -> None:
    """Turn every parameter outside `experts` into a buffer: of the same name, and out of any optimiser's reach."""
    for path, part in mixture.named_modules():
        if path.partition(".")[0] == "experts":
            continue
        for name, parameter in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, parameter.detach())


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

    def __init__(self, width: int, config: ExpertsConfig, mlp: DenseMlp | None = None) -> None:
        """A fresh layer.

        Args:
            width: D.
            config: Its settings.
            mlp: The block's, where the settings speak of it.

        Raises:
            RecipeError: If they do, and there is none.
        """
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
        self.experts = own_experts(width, config, mlp)
        if config.frozen_router:
            freeze_router(self)

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
        slots_BMD = routing.dispatch.to(tokens_BND.dtype).transpose(1, 2) @ tokens_BND
        if self.config.shuffled_experts and self.training:
            order_M = torch.randperm(slots_BMD.shape[1], device=slots_BMD.device)
            mixed_BMD = self.experts(slots_BMD[:, order_M])[:, order_M.argsort()]
        else:
            mixed_BMD = self.experts(slots_BMD)
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
        return Routing(dispatch_BNM.transpose(1, 2).softmax(dim=-1).transpose(1, 2), combine_BNM)

    def logits(
        self, tokens_BND: Float[Tensor, "batch tokens width"], routes_DM: Float[Tensor, "width slots"]
    ) -> Float[Tensor, "batch tokens slots"]:
        """L, float32: X Phi, or the scaled cosines of tokens and routes.

        In memory a slot's logits lie side by side, for what runs over the tokens.
        """
        if self.logit_scale is None:
            logits_BNM = tokens_BND @ routes_DM
        else:
            logits_BNM = unit(tokens_BND, dim=-1) @ (self.logit_scale * unit(routes_DM, dim=0))
        return logits_BNM.float().transpose(1, 2).contiguous().transpose(1, 2)


class SoftMoE(LaSoftMoE):
    """Soft MoE: the same layer with the softmax over slots as combine and no instance norm.

    Reference: Puigcerver et al. 2023 (arXiv 2308.00951).
    """

    def __init__(self, width: int, config: ExpertsConfig, mlp: DenseMlp | None = None) -> None:
        super().__init__(width, replace(config, combine="softmax", in_enabled=False), mlp)


def unit(vectors: Float[Tensor, "*shape"], *, dim: int) -> Float[Tensor, "*shape"]:
    """Vectors along `dim` at length 1, in float32; the zero vector stays zero."""
    return F.normalize(vectors.float(), dim=dim, eps=1e-6)
