import pytest
import torch

from bonaface.models.anchors import Anchors
from bonaface.models.detector import Detector
from bonaface.models.linear_head import LinearHead


def filled() -> LinearHead:
    head = LinearHead(2, 3)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 2.0, 0.0], [0.0, -3.0, 4.0]]))
        head.offset.copy_(torch.tensor([0.5, -1.0]))
    return head


def test_a_logit_is_the_weights_with_the_direction_and_the_offset():
    """By hand: (3, 0, 4) has the direction (0.6, 0, 0.8)."""
    logits = filled()(torch.tensor([[3.0, 0.0, 4.0]]))
    assert logits.tolist() == [pytest.approx([0.6 + 0.5, 3.2 - 1.0])]
    torch.testing.assert_close(filled()(torch.tensor([[30.0, 0.0, 40.0]])), logits)


def test_fresh_it_says_nothing():
    assert LinearHead(2, 3)(torch.randn(4, 3)).tolist() == [[0.0, 0.0]] * 4


def test_as_anchors_it_gives_the_same_but_for_the_offset():
    """The difference of products with both anchors."""
    head, unit = filled(), torch.nn.functional.normalize(torch.randn(5, 3), dim=-1)
    bonafide, attack = head.features.unbind(dim=1)
    torch.testing.assert_close(unit @ attack.T - unit @ bonafide.T + head.offset, head(unit))
    assert isinstance(head, Anchors)


def test_it_stands_in_a_detector_and_learns():
    detector = Detector(torch.nn.Flatten(), LinearHead(2, 12))
    detector(torch.randn(4, 3, 2, 2)).attack_logit.sum().backward()
    assert all(parameter.grad is not None for parameter in detector.parameters())
    assert sorted(detector.state_dict()) == ["anchors.offset", "anchors.weight"]


def test_evidence_is_float32_under_autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert filled()(torch.randn(2, 3)).dtype == torch.float32
