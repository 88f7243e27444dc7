"""Losses beside the evidence: what keeps classes apart, and what keeps tokens spread over routed experts."""

from __future__ import annotations

from torch import Tensor, nn

from bonaface.models.class_regularisation import ClassRegularisation
from bonaface.models.detector import Detector, Evidence
from bonaface.models.shared_routed import balance_loss
from bonaface.training.recipe import Optimisation


class AuxiliaryLoss(nn.Module):
    """The sum of what the recipe asks for; its state belongs to the run, not to the detector."""

    def __init__(self, detector: Detector, how: Optimisation) -> None:
        super().__init__()
        width = detector.anchors.features.shape[2]
        weight = how.class_regularisation
        self.classes = ClassRegularisation(width, weight=weight) if weight else None

    def forward(self, evidence: Evidence, label: Tensor, model: nn.Module) -> Tensor:
        """A scalar, 0 where nothing is asked for.

        Args:
            evidence: Of a batch, with its embedding.
            label: (batch,), 1 = attack, nan = unknown.
            model: That has just given the evidence in training; its routers know how they shared the tokens out.
        """
        total = balance_loss(model)
        if self.classes is not None and evidence.embedding is not None:
            is_known = ~label.isnan()
            total = total + self.classes(evidence.embedding[is_known], label[is_known])
        return total
