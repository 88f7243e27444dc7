"""Experts beside the MLP of a vision encoder's blocks: y = u + MLP(z) + g * experts(z), z = LN2(u)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bonaface.models.experts import Mixture, experts_module
from bonaface.models.soft_moe import ExpertsConfig

NEW_NAME = re.compile(r"(^|\.)(mlp\.(experts\.|gate$)|anchors\.(?!tower\.))")
WRAPPERS = ("vision", "vision_model")
BLOCKS = ("encoder.layers", "encoder.layer", "model.layer", "layers")
"""Where CLIP and SigLIP, DINOv2, DINOv3 and the first DINO keep their blocks."""


class ParallelExperts(nn.Module):
    """A block's MLP with the gated experts beside it.

    Both read the same normalised tokens; the block's own residual connection adds their sum, in DINOv2 and DINOv3
    times the block's LayerScale. `gate` is the LayerScale vector g: where it starts at 0 the block starts as it was.
    """

    def __init__(self, dense: nn.Module, width: int, config: ExpertsConfig) -> None:
        super().__init__()
        self.dense = dense
        self.experts = experts_module(width, config, dense)
        self.gate = nn.Parameter(torch.full((width,), float(config.gate_init)))

    def forward(self, tokens_BND: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        sum_BND: Tensor = self.dense(tokens_BND) + self.gate * self.experts(tokens_BND)
        return sum_BND


def insert_experts(
    model: nn.Module, config: ExpertsConfig, *, blocks: Sequence[int] | None = None
) -> list[nn.Parameter]:
    """Put experts beside the MLP of the given blocks, in place.

    Args:
        model: A vision encoder of transformers (CLIP, SigLIP, DINO, DINOv2, DINOv3), or what holds one as `vision` or
            `vision_model`, e.g. a `Backbone`.
        config: The same for every block; each block has its own experts.
        blocks: Indices of blocks, from 0; None = all.

    Returns:
        The new parameters.

    Raises:
        ValueError: If a block does not exist or has experts already, or the encoder is of another kind. Then no block
            is changed.
        RecipeError: If the experts must copy an MLP that they can not copy; likewise.
    """
    encoder = encoder_of(model)
    layers = blocks_of(encoder)
    chosen = range(len(layers)) if blocks is None else blocks
    for index in chosen:
        if not 0 <= index < len(layers):
            raise ValueError(f"blocks must be within 0..{len(layers) - 1}; got {index}")
        if isinstance(layers[index].mlp, ParallelExperts):
            raise ValueError(f"each block can have experts once; block {index} has them already")
    if len(set(chosen)) != len(chosen):
        raise ValueError(f"each block can have experts once; got {list(chosen)}")
    width: int = encoder.config.hidden_size  # type: ignore[union-attr, assignment]
    made = {index: _parallel(layers[index].mlp, width, config) for index in chosen}  # type: ignore[arg-type]
    for index, mlp in made.items():
        layers[index].mlp = mlp
    return new_parameters(model)


def _parallel(dense: nn.Module, width: int, config: ExpertsConfig) -> ParallelExperts:
    return ParallelExperts(dense, width, config).to(next(dense.parameters()))


def encoder_of(model: nn.Module) -> nn.Module:
    """The vision encoder itself, from whatever is wrapped around it."""
    for name in WRAPPERS:
        inner = getattr(model, name, None)
        model = inner if isinstance(inner, nn.Module) else model
    return model


def blocks_of(model: nn.Module) -> nn.ModuleList:
    """The transformer blocks of a vision encoder, each with its MLP as `mlp`.

    Raises:
        ValueError: If it is of no kind that experts are known to fit.
    """
    encoder = encoder_of(model)
    for path in BLOCKS:
        found: object = encoder
        for name in path.split("."):
            found = getattr(found, name, None)
        if isinstance(found, nn.ModuleList) and all(hasattr(block, "mlp") for block in found):
            return found
    raise ValueError(f"experts must go into blocks with an MLP; {type(encoder).__name__} has no such blocks")


def is_new(name: str) -> bool:
    """Whether a parameter of that name was added to the pretrained network: experts, gates and anchors.

    A text encoder inside the anchors is pretrained too.
    """
    return NEW_NAME.search(name) is not None


def new_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that `is_new` names, for a learning rate of their own."""
    return [parameter for name, parameter in model.named_parameters() if is_new(name)]


def experts_of(model: nn.Module) -> Iterator[tuple[str, Mixture]]:
    """Every mixture of experts inside a model, with its name, from the first block to the last."""
    for name, module in model.named_modules():
        if isinstance(module, Mixture):
            yield name, module
