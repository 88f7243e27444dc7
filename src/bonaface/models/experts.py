"""What stands beside a block's MLP: the one place where settings become a mixture of experts."""

from __future__ import annotations

from torch import nn

from bonaface.models.shared_routed import RoutedExperts
from bonaface.models.soft_moe import ExpertsConfig, LaSoftMoE
from bonaface.models.upcycling import dense_mlp

Mixture = LaSoftMoE | RoutedExperts
"""Every kind of mixture; each has its `config`, its `experts` and `route(tokens)`."""


def experts_module(width: int, config: ExpertsConfig, dense: nn.Module) -> Mixture:
    """The mixture that the settings name, (batch, tokens, width) -> the same.

    Args:
        width: D, of the tokens.
        config: Its settings.
        dense: The block's MLP; only read, and only where `config.hidden` is `mlp`.

    Raises:
        RecipeError: If it must be read and is no MLP of two linear maps.
    """
    mlp = dense_mlp(dense, width) if config.hidden == "mlp" else None
    kind = RoutedExperts if config.routing == "top_k" else LaSoftMoE
    return kind(width, config, mlp)
