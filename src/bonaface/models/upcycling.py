"""A block's own MLP, read so that experts can be as wide as it, or start as copies of it.

Reference: Komatsuzaki et al. 2022, Sparse Upcycling (arXiv 2212.05055).
"""

# Dimensions: D width, H hidden of the MLP.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from bonaface.errors import RecipeError

ActivationName = Literal["quick_gelu", "gelu", "gelu_tanh", "identity"]


def quick_gelu(values: Tensor) -> Tensor:
    """CLIP's x sigmoid(1.702 x)."""
    return values * torch.sigmoid(1.702 * values)


ACTIVATIONS: dict[ActivationName, Callable[[Tensor], Tensor]] = {
    "quick_gelu": quick_gelu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "identity": torch.clone,
}


@dataclass(frozen=True, slots=True)
class DenseMlp:
    """x -> act(x W1 + b1) W2 + b2, as experts store it.

    Attributes:
        first: W1, (D, H).
        first_bias: b1, (H,); zeros where the MLP has none.
        last: W2, (H, D).
        last_bias: b2, (D,); likewise.
        activation: act.
    """

    first: Tensor
    first_bias: Tensor
    last: Tensor
    last_bias: Tensor
    activation: ActivationName

    @property
    def hidden(self) -> int:
        """H."""
        return self.first.shape[1]


def dense_mlp(dense: nn.Module, width: int) -> DenseMlp:
    """The weights of a block's MLP: two linear maps with one activation between them, dropout aside.

    Args:
        dense: The MLP, of any library: CLIP's, SigLIP's and DINO's are of this form, gated ones are not.
        width: D, of its input and output.

    Raises:
        RecipeError: If it is not of this form.
    """
    parts = [part for part in dense.modules() if part is not dense and not list(part.children())]
    linear = [part for part in parts if isinstance(part, nn.Linear)]
    others = [part for part in parts if not isinstance(part, nn.Linear | nn.Dropout)]
    if len(linear) != 2 or len(others) != 1:
        raise RecipeError(
            f"an MLP that experts copy must have two linear maps and one activation; got {type(dense).__name__} with "
            f"{len(linear)} and {len(others)}; give 'hidden' as a number and start the experts at random"
        )
    first, last = linear
    hidden = first.out_features
    if (first.in_features, last.in_features, last.out_features) != (width, hidden, width):
        raise RecipeError(
            f"an MLP that experts copy must lead from {width} to {width} through one width; got {first.in_features} to "
            f"{hidden}, {last.in_features} to {last.out_features}; start the experts at random"
        )
    return DenseMlp(
        first.weight.detach().T,
        torch.zeros(hidden) if first.bias is None else first.bias.detach(),
        last.weight.detach().T,
        torch.zeros(width) if last.bias is None else last.bias.detach(),
        activation_of(others[0]),
    )


def activation_of(module: nn.Module) -> ActivationName:
    """The activation that gives the same values; libraries have many names for each.

    Raises:
        RecipeError: If none does.
    """
    probe = torch.linspace(-4, 4, 65)
    values = module(probe)
    for name, function in ACTIVATIONS.items():
        if torch.allclose(function(probe), values, atol=1e-5, rtol=0):
            return name
    raise RecipeError(
        f"the activation of an MLP that experts copy must be {', '.join(ACTIVATIONS)}; got {type(module).__name__}; "
        "start the experts at random"
    )
