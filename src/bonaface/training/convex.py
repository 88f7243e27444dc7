"""Convex problems on embeddings that do not move: inputs brought to one scale, and L-BFGS to the end."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

SMALLEST_SPREAD = 1e-6
"""Directions in which embeddings differ less are left out: they hold rounding."""


def standardisation(
    inputs: Float[Tensor, "samples width"],
) -> tuple[Float[Tensor, " width"], Float[Tensor, " width"]]:
    """(mean, inverse): (inputs - mean) * inverse has mean 0 and deviation 1, or is 0 where nothing differs."""
    mean, spread = inputs.mean(dim=0), inputs.std(dim=0, correction=0)
    return mean, torch.where(spread > SMALLEST_SPREAD, 1 / spread.clamp(min=SMALLEST_SPREAD), 0.0)


def minimise(loss: Callable[[], Tensor], *unknowns: Tensor) -> None:
    """Move the unknowns, leaves that want gradients, to where the loss is least; in float64, if it shall be exact."""
    optimiser = torch.optim.LBFGS(
        unknowns,
        max_iter=1000,
        tolerance_grad=1e-8,
        tolerance_change=1e-14,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def value() -> Tensor:
        optimiser.zero_grad()
        found = loss()
        found.backward()  # type: ignore[no-untyped-call]
        return found

    with torch.enable_grad():
        optimiser.step(value)  # type: ignore[no-untyped-call]
