import math

import pytest
import torch

from bonaface.models.anchors import Anchors, limit_scales


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_logit_is_the_log_odds_of_the_two_way_softmax():
    features, embedding = random(2, 2, 5), random(3, 5, seed=1)
    logits = Anchors(2, 5, features=features)(embedding)
    for i in range(3):
        for f in range(2):
            cosines = torch.nn.functional.cosine_similarity(features[f], embedding[i].expand(2, 5))
            bonafide, attack = torch.softmax(cosines.double() / 0.07, dim=0).tolist()
            assert logits[i, f].item() == pytest.approx(math.log(attack / bonafide), rel=1e-4)


def test_an_embedding_at_the_attack_anchor_is_an_attack():
    anchors = Anchors(2, 8)
    assert (anchors(anchors.features[:, 1].detach()).diagonal() > 0).all()
    assert (anchors(anchors.features[:, 0].detach()).diagonal() < 0).all()


def test_only_directions_count():
    features, embedding = random(1, 2, 5), random(3, 5, seed=1)
    torch.testing.assert_close(
        Anchors(1, 5, features=7 * features)(0.1 * embedding), Anchors(1, 5, features=features)(embedding)
    )


def test_the_scale_starts_at_clips_and_is_limited():
    anchors = Anchors(1, 4)
    assert anchors.scale.item() == pytest.approx(1 / 0.07)
    with torch.no_grad():
        anchors.logit_scale.fill_(50.0)
    assert anchors.scale.item() == pytest.approx(100.0)


def test_given_anchors_can_stay_fixed():
    fixed = Anchors(2, 5, features=random(2, 2, 5), is_learned=False)
    assert [name for name, _ in fixed.named_parameters()] == ["logit_scale"]
    assert "features" in fixed.state_dict()
    learned = Anchors(2, 5)
    learned(random(3, 5)).sum().backward()
    assert (learned.features.grad.abs().sum(dim=-1) > 0).all()


def test_features_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 2, 5\); got \(1, 2, 5\)"):
        Anchors(2, 5, features=random(1, 2, 5))


def test_evidence_is_float32_under_autocast():
    anchors = Anchors(2, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert anchors(random(3, 5)).dtype == torch.float32


def test_a_scale_that_a_step_has_taken_too_far_comes_back_and_learns_on():
    """At CLIP's own limit, as its checkpoints hold it, there is a gradient; above it there is none."""
    anchors = Anchors(1, 4, features=random(1, 2, 4))
    with torch.no_grad():
        anchors.logit_scale.fill_(4.6052)
    limit_scales(torch.nn.Sequential(anchors))
    assert anchors.scale.item() == pytest.approx(100.0)
    anchors(random(3, 4, seed=1)).square().sum().backward()
    assert anchors.logit_scale.grad.item() > 0
