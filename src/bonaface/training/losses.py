"""What is minimised: each sample teaches the families that it can speak for, and the combined score."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from bonaface.models.detector import Evidence


def evidence_loss(
    evidence: Evidence,
    *,
    label: Tensor,
    targets: Tensor,
    known: Tensor,
    label_smoothing: float,
    combined_weight: float,
    class_weights: tuple[float, float] = (1.0, 1.0),
) -> Tensor:
    """Binary cross-entropy over the known family targets, plus that of the combined log-odds.

    Args:
        evidence: Log-odds of the families (batch, families) and combined (batch,).
        label: (batch,), 1 = attack, nan = unknown: such a sample teaches its known families alone.
        targets: (batch, families), 1 = attack of that family.
        known: (batch, families), 0 where a sample says nothing about a family.
        label_smoothing: e in [0, 0.5): targets become e and 1 - e.
        combined_weight: Weight of the combined term.
        class_weights: Of bona fide and attack samples in every mean, which is over the sum of weights.

    Returns:
        A scalar; each family's term is the mean over its known samples, and the families are averaged. Evidence of any
        attack, in one column, has the combined term alone.
    """
    is_known = ~torch.isnan(label)
    weights = torch.where(label > 0, class_weights[1], class_weights[0])
    combined = weighted_mean(
        binary_cross_entropy_with_logits(
            evidence.attack_logit, _smoothed(torch.nan_to_num(label), label_smoothing), reduction="none"
        ),
        weights * is_known,
    )
    if evidence.family_logits.shape[1] == 1:
        return combined
    families = binary_cross_entropy_with_logits(
        evidence.family_logits, _smoothed(targets, label_smoothing), reduction="none"
    )
    per_family = weighted_mean(families, known * weights[:, None])
    return per_family.mean() + combined_weight * combined


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Over samples, the first axis; 0 where no sample has a weight."""
    total = weights.sum(dim=0)
    return (losses * weights).sum(dim=0) / torch.where(total > 0, total, 1.0)


def _smoothed(targets: Tensor, amount: float) -> Tensor:
    return targets * (1 - 2 * amount) + amount
