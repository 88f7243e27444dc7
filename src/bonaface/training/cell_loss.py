"""What a pair teaches about places: where an attack and its bona fide twin differ, there the attack is.

Both of a pair have the same augmentation, frame, camera and noise, drawn from the same numbers, so that what no attack has
touched is the same to the last bit, but for what compression spreads.

Reference: George and Marcel 2019 (arXiv 1907.04047) supervise every cell with the label of the whole picture; here a cell's
label is its own.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from bonaface.training.losses import weighted_mean

UNTOUCHED, TOUCHED = 0.25, 1.0
"""Mean absolute differences from the twin, in steps of 0..255: below the first a cell is bona fide, from the second on
attacked, and between them nobody can say."""


def differences(crops: UInt8[Tensor, "batch size size 3"], *, num_cells: int) -> Float[Tensor, "pairs cells"]:
    """By how much each cell of an attack differs from its twin's, mean absolute steps of 0..255.

    Args:
        crops: In pairs: 2k is the twin, 2k + 1 the attack.
        num_cells: In a crop, a square number; row by row.
    """
    change = (crops[1::2].float() - crops[0::2].float()).abs().mean(dim=-1)
    cell = crops.shape[1] // round(num_cells**0.5)
    return F.avg_pool2d(change.unsqueeze(1), cell).flatten(1)


def cell_loss(
    cell_logits: Float[Tensor, "batch cells families"],
    *,
    crops: UInt8[Tensor, "batch size size 3"],
    targets: Float[Tensor, "batch families"],
    known: Float[Tensor, "batch families"],
    label_smoothing: float,
) -> Float[Tensor, ""]:
    """Binary cross-entropy over the cells of which something is known.

    A cell of an attack has the picture's family targets where the attack has changed it, and is bona fide where it has
    not; what the picture can not speak for, its cells can not either.

    Args:
        cell_logits: Log-odds.
        crops: In pairs, see `differences`.
        targets: Of the whole pictures, 1 = attack of that family.
        known: 0 where a picture says nothing about a family.
        label_smoothing: e in [0, 0.5): targets become e and 1 - e.

    Returns:
        A scalar; each family's term is the mean over its known cells, and the families are averaged.
    """
    change = differences(crops, num_cells=cell_logits.shape[1])
    is_attacked = _beside_twins(change >= TOUCHED, of_twins=False)
    is_clear = _beside_twins((change >= TOUCHED) | (change < UNTOUCHED), of_twins=True)
    wanted = targets[:, None] * is_attacked[..., None]
    weights = known[:, None] * is_clear[..., None]
    losses = F.binary_cross_entropy_with_logits(
        cell_logits, wanted * (1 - 2 * label_smoothing) + label_smoothing, reduction="none"
    )
    return weighted_mean(losses.flatten(0, 1), weights.flatten(0, 1)).mean()


def _beside_twins(of_attacks: Bool[Tensor, "pairs cells"], *, of_twins: bool) -> Bool[Tensor, "batch cells"]:
    """Of a batch in pairs, what holds of each attack's cells, and of all of a twin's alike."""
    twins = torch.full_like(of_attacks, of_twins)
    return torch.stack((twins, of_attacks), dim=1).flatten(0, 1)
