"""Experts beside the MLP of CLIP's vision blocks: y = u + MLP(z) + g * LaSoftMoE(z), z = LN2(u)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import CLIPVisionModel

from bonaface.models.soft_moe import ExpertsConfig, LaSoftMoE

NEW_NAME = re.compile(r"(^|\.)(mlp\.(experts\.|gate$)|anchors\.)")


class ParallelExperts(nn.Module):
    """A block's MLP with the gated experts beside it.

    Both read the same normalised tokens; the block's own residual connection adds their sum. `gate` is the
    LayerScale vector g: where it starts at 0 the block starts as it was.
    """

    def __init__(self, dense: nn.Module, width: int, config: ExpertsConfig) -> None:
        super().__init__()
        self.dense = dense
        self.experts = LaSoftMoE(width, config)
        self.gate = nn.Parameter(torch.full((width,), float(config.gate_init)))

    def forward(self, tokens_BND: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        sum_BND: Tensor = self.dense(tokens_BND) + self.gate * self.experts(tokens_BND)
        return sum_BND


def insert_experts(
    vision: CLIPVisionModel, config: ExpertsConfig, *, blocks: Sequence[int] | None = None
) -> list[nn.Parameter]:
    """Put experts beside the MLP of the given blocks, in place.

    Args:
        vision: CLIP's image encoder, alone or as the `vision_model` of a larger one.
        config: The same for every block; each block has its own experts.
        blocks: Indices of blocks, from 0; None = all.

    Returns:
        The new parameters.

    Raises:
        ValueError: If a block does not exist or has experts already.
    """
    layers = vision.encoder.layers
    chosen = range(len(layers)) if blocks is None else blocks
    for index in chosen:
        if not 0 <= index < len(layers):
            raise ValueError(f"blocks must be within 0..{len(layers) - 1}; got {index}")
        if isinstance(layers[index].mlp, ParallelExperts):
            raise ValueError(f"each block can have experts once; block {index} has them already")
    for index in chosen:
        dense: nn.Module = layers[index].mlp  # type: ignore[assignment]
        reference = next(dense.parameters())
        layers[index].mlp = ParallelExperts(dense, vision.config.hidden_size, config).to(reference)
    return new_parameters(vision)


def is_new(name: str) -> bool:
    """Whether a parameter of that name was added to the pretrained network: experts, gates and anchors."""
    return NEW_NAME.search(name) is not None


def new_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that `is_new` names, for a learning rate of their own."""
    return [parameter for name, parameter in model.named_parameters() if is_new(name)]


def experts_of(model: nn.Module) -> Iterator[tuple[str, LaSoftMoE]]:
    """Every mixture of experts inside a model, with its name, from the first block to the last."""
    for name, module in model.named_modules():
        if isinstance(module, LaSoftMoE):
            yield name, module
