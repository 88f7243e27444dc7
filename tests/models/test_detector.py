import math
from decimal import Decimal, localcontext

import pytest
import torch

from bonaface.models.anchors import Anchors
from bonaface.models.detector import Detector, any_attack_logit
from bonaface.vocabulary import FAMILIES

EXTREMES = [-200.0, -80.0, -20.0, -3.0, -0.1, 0.0, 0.5, 7.0, 40.0, 200.0]


def exact(logits: list[float]) -> float:
    """log(P / (1 - P)) with P = 1 - prod(1 - sigmoid(l)), with four hundred digits."""
    with localcontext() as context:
        context.prec = 400
        none = Decimal(1)
        for logit in logits:
            none /= 1 + Decimal(logit).exp()
        return float(((1 - none) / none).ln())


@pytest.mark.parametrize("a", EXTREMES)
def test_the_union_of_two_families_is_exact(a):
    pairs = torch.tensor([[a, b] for b in EXTREMES])
    expected = [exact([a, b]) for b in EXTREMES]
    assert any_attack_logit(pairs).tolist() == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_in_the_middle_it_is_the_noisy_or_of_probabilities():
    logits = 3 * torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    union = 1 - (1 - torch.sigmoid(logits)).prod(dim=1)
    torch.testing.assert_close(torch.sigmoid(any_attack_logit(logits)), union)
    soft = torch.nn.functional.softplus(logits).sum(dim=1)
    torch.testing.assert_close(any_attack_logit(logits), torch.log(torch.expm1(soft)))


def test_one_family_is_itself_and_three_fold():
    logits = torch.tensor([[-1.0, 0.5, 2.0]])
    assert any_attack_logit(logits[:, :1]).item() == -1.0
    assert any_attack_logit(logits).item() == pytest.approx(exact([-1.0, 0.5, 2.0]), rel=1e-6)


def test_gradients_of_the_union_are_finite_everywhere():
    pairs = torch.tensor([[a, b] for a in EXTREMES for b in EXTREMES], requires_grad=True)
    any_attack_logit(pairs).sum().backward()
    assert torch.isfinite(pairs.grad).all()
    assert (pairs.grad >= 0).all()


def test_more_evidence_of_a_family_is_more_evidence_of_attack():
    pairs = torch.stack((torch.linspace(-9, 9, 50), torch.full((50,), -1.0)), dim=1)
    assert (any_attack_logit(pairs).diff() > 0).all()
    assert (any_attack_logit(pairs) >= pairs.amax(dim=1)).all()


def test_a_detector_gives_its_families_in_the_order_of_the_vocabulary():
    encoder = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    features = torch.tensor([[[-1.0, 0, 0], [1, 0, 0]], [[0, -1.0, 0], [0, 1, 0]]])
    detector = Detector(encoder, Anchors(len(FAMILIES), 3, features=features))
    red, green = torch.zeros(2, 3, 4, 4).unbind()
    red[0], green[1] = 1.0, 1.0
    evidence = detector(torch.stack((red, green)))
    assert evidence.family_logits.tolist() == [
        pytest.approx([2 / 0.07, 0.0]),
        pytest.approx([0.0, 2 / 0.07]),
    ]
    assert evidence.attack_logit.tolist() == pytest.approx([2 / 0.07 + math.log(2)] * 2, rel=1e-5)
