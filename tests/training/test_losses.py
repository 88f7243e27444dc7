from math import log

import pytest
import torch

from bonaface.models.detector import Evidence
from bonaface.training.losses import evidence_loss

# A bona fide sample knows both families, a physical attack only its own. sigmoid(log 3) = 3/4.
FAMILY_LOGITS = [[log(3), -log(3)], [-log(3), 5.0]]
ATTACK_LOGIT = [0.0, log(3)]
LABEL = torch.tensor([0.0, 1.0])
TARGETS = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
KNOWN = torch.tensor([[1.0, 1.0], [1.0, 0.0]])


def loss(evidence, *, label=LABEL, targets=TARGETS, known=KNOWN, smoothing=0.0, weight=0.5):
    return evidence_loss(
        evidence, label=label, targets=targets, known=known, label_smoothing=smoothing, combined_weight=weight
    )


def evidence(family=FAMILY_LOGITS, attack=ATTACK_LOGIT):
    return Evidence(torch.tensor(family, requires_grad=True), torch.tensor(attack, requires_grad=True))


def test_worked_by_hand():
    # physical: -log(1/4) of both samples, mean log 4; digital: -log(3/4) of the one that knows
    families = (log(4) + log(4 / 3)) / 2
    combined = (log(2) + log(4 / 3)) / 2
    assert loss(evidence()).item() == pytest.approx(families + 0.5 * combined, abs=1e-6)
    assert loss(evidence()).item() == pytest.approx(1.082196, abs=1e-5)
    assert loss(evidence(), weight=0.0).item() == pytest.approx(0.836988, abs=1e-5)
    assert loss(evidence(), weight=2.0).item() == pytest.approx(families + 2 * combined, abs=1e-6)


def test_an_unknown_family_has_no_value_and_no_gradient():
    other = [FAMILY_LOGITS[0], [FAMILY_LOGITS[1][0], -40.0]]
    assert loss(evidence(other)).item() == loss(evidence()).item()
    judged = evidence()
    loss(judged).backward()
    gradient = judged.family_logits.grad
    assert gradient[1, 1].item() == 0.0
    # d/dl of the mean over families of the mean over known samples: (sigmoid(l) - target) / known / families
    expected = torch.tensor([[0.75 / 4, 0.25 / 2], [-0.75 / 4, 0.0]])
    torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(
        judged.attack_logit.grad, torch.tensor([0.5 * 0.5 / 2, -0.5 * 0.25 / 2]), atol=1e-6, rtol=0
    )


def test_label_smoothing_worked_by_hand():
    both = Evidence(torch.full((1, 2), log(3)), torch.tensor([log(3)]))
    for target, expected in ((0.0, 0.1 * log(4 / 3) + 0.9 * log(4)), (1.0, 0.9 * log(4 / 3) + 0.1 * log(4))):
        told = torch.full((1, 2), target)
        settings = {"label": told[0, :1], "targets": told, "known": torch.ones(1, 2), "smoothing": 0.1}
        assert loss(both, **settings, weight=0.0).item() == pytest.approx(expected, abs=1e-6)
        assert loss(both, **settings, weight=1.0).item() == pytest.approx(2 * expected, abs=1e-6)


def test_smoothing_leaves_unknown_targets_unknown():
    judged = evidence()
    loss(judged, smoothing=0.1).backward()
    assert judged.family_logits.grad[1, 1].item() == 0.0


def test_a_family_that_no_sample_knows_adds_nothing():
    known = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    judged = evidence()
    value = loss(judged, known=known, weight=0.0)
    assert value.item() == pytest.approx(log(4) / 2, abs=1e-6)
    value.backward()
    assert judged.family_logits.grad[:, 1].tolist() == [0.0, 0.0]
    assert loss(evidence(), known=torch.zeros(2, 2), weight=0.0).item() == 0.0


def test_an_unknown_label_teaches_the_known_families_alone():
    third = [[log(3), 7.0]]
    judged = evidence([*FAMILY_LOGITS, *third], [*ATTACK_LOGIT, 9.0])
    how = {
        "label": torch.tensor([0.0, 1.0, torch.nan]),
        "targets": torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]),
        "known": torch.tensor([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0]]),
    }
    value = loss(judged, **how)
    # a third log 4 for physical leaves its mean as it is; the rest is that of the two others
    assert value.item() == pytest.approx(loss(evidence()).item(), abs=1e-6)
    value.backward()
    assert judged.attack_logit.grad[2].item() == 0.0
    assert judged.family_logits.grad[2].tolist() == [pytest.approx(0.75 / 3 / 2), 0.0]
    assert torch.isfinite(judged.family_logits.grad).all()


def test_sure_and_wrong_is_finite():
    judged = evidence([[80.0, -80.0], [-80.0, 80.0]], [300.0, -300.0])
    value = loss(judged)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(judged.family_logits.grad).all()


def test_one_pair_of_anchors_is_the_cross_entropy_of_clips_softmax():
    cosines = torch.tensor([[0.3, 0.1], [0.2, 0.25], [0.5, 0.1]]) * 14.3  # bona fide, attack
    label = torch.tensor([0.0, 1.0, 1.0])
    logit = cosines[:, 1] - cosines[:, 0]
    found = loss(Evidence(logit[:, None], logit), label=label, weight=0.0)
    assert found.item() == pytest.approx(
        torch.nn.functional.cross_entropy(cosines, label.long()).item(), abs=1e-6
    )
