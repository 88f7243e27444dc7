from __future__ import annotations

import pytest
import torch
from torch import nn

from bonaface.models.class_regularisation import ClassRegularisation
from bonaface.models.detector import Evidence
from bonaface.models.nano import build_nano
from bonaface.models.shared_routed import RoutedExperts
from bonaface.models.soft_moe import ExpertsConfig
from bonaface.training.auxiliary import AuxiliaryLoss
from bonaface.training.recipe import Optimisation

from .tiny import TINY

LABEL = torch.tensor([0.0, 1.0, 1.0])


def evidence(width=8):
    embedding = torch.randn(3, width, generator=torch.Generator().manual_seed(0), requires_grad=True)
    return Evidence(torch.zeros(3, 2), torch.zeros(3), embedding)


def detector():
    return build_nano(TINY.model, mean=(0.5,) * 3, std=(0.25,) * 3, seed=0)


def test_nothing_is_asked_for():
    auxiliary = AuxiliaryLoss(detector(), Optimisation())
    assert auxiliary(evidence(), LABEL, nn.Identity()).item() == 0.0
    assert auxiliary.state_dict() == {}


def test_classes_are_regularised_and_the_centres_are_its_state():
    auxiliary = AuxiliaryLoss(detector(), Optimisation(class_regularisation=0.3))
    alone = ClassRegularisation(8, weight=0.3)
    given = evidence()
    found = auxiliary(given, LABEL, nn.Identity())
    assert found.item() == pytest.approx(alone(given.embedding, LABEL).item())
    assert found.item() > 0
    found.backward()
    assert given.embedding.grad.abs().sum() > 0
    again = AuxiliaryLoss(detector(), Optimisation(class_regularisation=0.3))
    again.load_state_dict(auxiliary.state_dict())
    for name, value in alone.state_dict().items():
        assert torch.equal(again.classes.state_dict()[name], value)


def test_what_has_no_label_belongs_to_no_class():
    found, expected = (AuxiliaryLoss(detector(), Optimisation(class_regularisation=0.3)) for _ in range(2))
    given = evidence()
    two = Evidence(given.family_logits[:2], given.attack_logit[:2], given.embedding[:2])
    value = found(given, torch.tensor([0.0, 1.0, torch.nan]), nn.Identity())
    assert value.item() == pytest.approx(expected(two, LABEL[:2], nn.Identity()).item())


def test_the_balance_of_routed_experts_counts_once():
    config = ExpertsConfig(num_experts=3, hidden=4, routing="top_k", top_k=1, balance_weight=0.5)
    routed = RoutedExperts(6, config).train()
    routed(torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(1)))
    balance = routed.balance.item()
    auxiliary = AuxiliaryLoss(detector(), Optimisation())
    assert auxiliary(evidence(), LABEL, routed).item() == pytest.approx(0.5 * balance)
    assert auxiliary(evidence(), LABEL, routed).item() == 0.0
