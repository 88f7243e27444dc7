"""What is minimised: each sample teaches the families that it can speak for, and the combined score."""

from __future__ import annotations

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
) -> Tensor:
    """Binary cross-entropy over the known family targets, plus that of the combined log-odds.

    Args:
        evidence: Log-odds of the families (batch, families) and combined (batch,).
        label: (batch,), 1 = attack.
        targets: (batch, families), 1 = attack of that family.
        known: (batch, families), 0 where a sample says nothing about a family.
        label_smoothing: e in [0, 0.5): targets become e and 1 - e.
        combined_weight: Weight of the combined term.

    Returns:
        A scalar; each family's term is the mean over its known samples, and the families are averaged.
    """
    families = binary_cross_entropy_with_logits(
        evidence.family_logits, _smoothed(targets, label_smoothing), reduction="none"
    )
    per_family = (families * known).sum(dim=0) / known.sum(dim=0).clamp(min=1)
    combined = binary_cross_entropy_with_logits(evidence.attack_logit, _smoothed(label, label_smoothing))
    return per_family.mean() + combined_weight * combined


def _smoothed(targets: Tensor, amount: float) -> Tensor:
    return targets * (1 - 2 * amount) + amount
