"""What a pair teaches about an attack's trace: with it, evidence must be higher than without, whatever the picture and its camera.

Most of what makes one genuine face more suspicious than another is the picture's own, and both of a pair have it: the
difference of their log-odds is the trace alone.

Reference: Burges et al. 2005, Learning to rank using gradient descent, with pairs of twins.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from bonaface.training.losses import weighted_mean


def twin_loss(
    family_logits: Float[Tensor, "batch families"],
    *,
    targets: Float[Tensor, "batch families"],
    known: Float[Tensor, "batch families"],
) -> Float[Tensor, ""]:
    """Logistic loss of an attack's log-odds above its twin's, in the families that it is known to be of and its twin not.

    Args:
        family_logits: Log-odds in pairs: 2k is the twin, 2k + 1 the attack.
        targets: 1 = attack of that family.
        known: 0 where a sample's target in a family is unknown, or does not hold even beside its twin's.

    Returns:
        A scalar, the mean over pairs and families; log(2) where twins can not be told apart, 0 where no pair says anything.
    """
    above = family_logits[1::2] - family_logits[0::2]
    steps = (targets[1::2] - targets[0::2]) * known[1::2] * known[0::2]
    says = (steps > 0).to(above.dtype)
    return weighted_mean(F.softplus(-above).flatten(), says.flatten())
