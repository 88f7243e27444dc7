"""Class regularisation: the centres of the classes are pushed apart, and samples pulled to their own.

Reference: MoAE-CR (arXiv 2504.00458). How it obtains the centres, and its weights, could not be read: running means of
the normalised embeddings, hinges and a weight of 0.1 are this project's choice.
"""

# Dimensions: B batch, D width, K classes.

from __future__ import annotations

import torch
from jaxtyping import Float, Num
from torch import Tensor, distributed, nn
from torch.nn import functional as F  # noqa: N812


def _of_all_processes(own: Tensor) -> Tensor:
    """The sum over the processes that train together. Its gradient is of this one's part, times their number: gradients are
    averaged over the processes, and the mean of these is the sum's.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return own
    total = own.detach().clone()
    distributed.all_reduce(total)
    part = own * distributed.get_world_size()
    return total + (part - part.detach())  # to the bit the same in every process


class ClassRegularisation(nn.Module):
    """weight (DM + CDM), two terms on embeddings z at length 1.

    Centres: c_k <- momentum c_k + (1 - momentum) mean of the batch's z of class k, in training; a class's first batch
    sets its centre, a batch without it leaves it.

    DM, disentanglement: the mean over pairs of centres of max(0, margin - |c_a - c_b|). Its gradient flows through the
    batch's part of the centres.

    CDM, cluster distillation: the sum over samples of w_i (|z_i - c_own|^2 + mean over the others of
    max(0, margin - |z_i - c_other|)^2), w_i = |z_i - c_own| / sum_j |z_j - c_own|: far samples count more. Centres and
    weights are constants here.

    Where the embeddings are those of several processes, centres are of all of them, and alike in each; the mean of the processes'
    gradients of DM is that of one process with all of the batch.

    Attributes:
        centres: Running centres, (K, D).
        is_known: Whether a class was seen yet, (K,); terms with one that was not are left out.
    """

    centres: Tensor
    is_known: Tensor

    def __init__(
        self,
        width: int,
        num_classes: int = 2,
        *,
        momentum: float = 0.9,
        margin: float = 1.0,
        weight: float = 0.1,
    ) -> None:
        """Centres that know nothing yet.

        Args:
            width: D, of the embedding.
            num_classes: K.
            momentum: Share of a centre that stays, in [0, 1).
            margin: Distance on the unit sphere, in (0, 2]: 1.41 is a right angle, 2 the opposite.
            weight: Of both terms.

        Raises:
            ValueError: If `momentum` or `margin` is out of range, or there are fewer than two classes.
        """
        super().__init__()
        if not 0 <= momentum < 1 or not 0 < margin <= 2 or num_classes < 2:
            raise ValueError(
                "momentum must be in [0, 1), margin in (0, 2] and num_classes at least 2; "
                f"got {momentum}, {margin} and {num_classes}"
            )
        self.momentum, self.margin, self.weight = momentum, margin, weight
        self.register_buffer("centres", torch.zeros(num_classes, width))
        self.register_buffer("is_known", torch.zeros(num_classes, dtype=torch.bool))

    def forward(
        self, embedding: Float[Tensor, "batch width"], label: Num[Tensor, " batch"]
    ) -> Float[Tensor, ""]:
        """The loss, float32; the centres move first, in training alone.

        Args:
            embedding: Of any length, only its direction counts.
            label: Class of each sample, 0..K - 1.
        """
        z_BD = F.normalize(embedding.float(), dim=-1)
        own_BK = F.one_hot(label.long(), len(self.centres)).to(z_BD.dtype)
        centres_KD, is_known_K = self._moved(z_BD, own_BK) if self.training else (self.centres, self.is_known)
        loss: Tensor = self.weight * (
            self._between(centres_KD, is_known_K)
            + self._within(z_BD, own_BK, centres_KD.detach(), is_known_K)
        )
        return loss

    def _moved(self, z_BD: Tensor, own_BK: Tensor) -> tuple[Tensor, Tensor]:
        """The centres after this batch, with its gradient; they are kept without."""
        count_K1 = _of_all_processes(own_BK.sum(dim=0).unsqueeze(1))
        mean_KD = _of_all_processes(own_BK.T @ z_BD) / count_K1.clamp(min=1)
        moved_KD = self.momentum * self.centres + (1 - self.momentum) * mean_KD
        fresh_KD = torch.where(self.is_known.unsqueeze(1), moved_KD, mean_KD)
        centres_KD = torch.where(count_K1 > 0, fresh_KD, self.centres)
        is_known_K = self.is_known | (count_K1.squeeze(1) > 0)
        self.centres = centres_KD.detach()
        self.is_known = is_known_K
        return centres_KD, is_known_K

    def _between(self, centres_KD: Tensor, is_known_K: Tensor) -> Tensor:
        """DM; 0 while fewer than two classes are known."""
        first, second = torch.triu_indices(
            len(centres_KD), len(centres_KD), offset=1, device=centres_KD.device
        )
        distance = torch.linalg.vector_norm(centres_KD[first] - centres_KD[second], dim=-1)
        counts = (is_known_K[first] & is_known_K[second]).to(distance.dtype)
        between: Tensor = (F.relu(self.margin - distance) * counts).sum() / counts.sum().clamp(min=1)
        return between

    def _within(self, z_BD: Tensor, own_BK: Tensor, centres_KD: Tensor, is_known_K: Tensor) -> Tensor:
        """CDM; samples whose own class is not known yet count nothing."""
        distance_BK = torch.linalg.vector_norm(z_BD.unsqueeze(1) - centres_KD, dim=-1)
        known_BK = is_known_K.to(distance_BK.dtype).expand_as(own_BK)
        far_B = (distance_BK.detach() * own_BK * known_BK).sum(dim=1)
        weight_B = far_B / far_B.sum().clamp(min=1e-12)
        others_BK = (1 - own_BK) * known_BK
        pull_B = (distance_BK.square() * own_BK).sum(dim=1)
        push_BK = F.relu(self.margin - distance_BK).square() * others_BK
        push_B = push_BK.sum(dim=1) / others_BK.sum(dim=1).clamp(min=1)
        within: Tensor = (weight_B * (pull_B + push_B)).sum()
        return within
