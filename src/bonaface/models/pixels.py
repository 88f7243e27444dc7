"""From crops to a model's pixels and back: the one place where mean and std are applied."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float, UInt8
from torch import Tensor


def normalise(
    crop: UInt8[Tensor, "batch height width 3"], *, mean: Sequence[float], std: Sequence[float]
) -> Float[Tensor, "batch 3 height width"]:
    """Crops as a model wants them: (value / 255 - mean) / std, channels first.

    Args:
        crop: RGB, HWC, 0..255.
        mean: Per channel RGB, on values in [0, 1].
        std: As `mean`.
    """
    values = crop.permute(0, 3, 1, 2).float() / 255.0
    return (values - values.new_tensor(mean).view(1, 3, 1, 1)) / values.new_tensor(std).view(1, 3, 1, 1)
