"""The experts of a mixture: E small MLPs whose products are formed together."""

# Dimensions: B batch, N tokens, D width, E experts, S slots per expert, M = E S slots, H hidden of an expert.

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bonaface.models.upcycling import ACTIVATIONS, ActivationName, DenseMlp


class ExpertMlps(nn.Module):
    """E_k(x) = W2_k act(W1_k x + b1_k) + b2_k for all experts k at once; every expert has its own draw."""

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

    @torch.no_grad()
    def copy_mlp(self, mlp: DenseMlp, *, noise: float) -> None:
        """Make every expert the MLP, with noise on its matrices in proportion to their own deviation."""
        self.first_bias_EH.copy_(mlp.first_bias.expand_as(self.first_bias_EH))
        self.last_bias_ED.copy_(mlp.last_bias.expand_as(self.last_bias_ED))
        for stacked, matrix in ((self.first_EDH, mlp.first), (self.last_EHD, mlp.last)):
            stacked.copy_(matrix.expand_as(stacked))
            stacked.add_(torch.randn_like(stacked) * (noise * matrix.float().std()).to(stacked))

    def forward(self, slots_BMD: Float[Tensor, "batch slots width"]) -> Float[Tensor, "batch slots width"]:
        """Each slot through its expert; the first M / E slots are the first expert's, and so on."""
        num_experts, width, _ = self.first_EDH.shape
        slots_EBSD = slots_BMD.reshape(-1, num_experts, slots_BMD.shape[1] // num_experts, width).transpose(
            0, 1
        )
        hidden_EXH = torch.baddbmm(self.first_bias_EH.unsqueeze(1), slots_EBSD.flatten(1, 2), self.first_EDH)
        hidden_EXH = ACTIVATIONS[self.activation](hidden_EXH)
        mixed_EXD = torch.baddbmm(self.last_bias_ED.unsqueeze(1), hidden_EXH, self.last_EHD)
        return mixed_EXD.reshape(slots_EBSD.shape).transpose(0, 1).flatten(1, 2)

    def gated(
        self,
        tokens_BND: Float[Tensor, "batch tokens width"],
        gates_BNE: Float[Tensor, "batch tokens experts"],
    ) -> Float[Tensor, "batch tokens width"]:
        """sum_k g_k E_k(x) for every token x, by two plain products over all experts."""
        hidden = self.first_EDH.shape[2]
        first_DX = self.first_EDH.transpose(0, 1).flatten(1)
        hidden_BNX = tokens_BND @ first_DX + self.first_bias_EH.flatten()
        hidden_BNX = ACTIVATIONS[self.activation](hidden_BNX) * gates_BNE.repeat_interleave(hidden, dim=-1)
        mixed_BND: Tensor = hidden_BNX @ self.last_EHD.flatten(0, 1) + gates_BNE @ self.last_bias_ED
        return mixed_BND
