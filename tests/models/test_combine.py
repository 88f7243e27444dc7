import math

import pytest
import torch

from bonaface.models.combine import FeatureMap, InstanceNorm, KernelCombine, effective_slots
from bonaface.models.soft_moe import ExpertsConfig, LaSoftMoE


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("elu1", lambda t: t + 1 if t > 0 else math.exp(t)),
        ("learnable", lambda t: t + 1 if t > 0 else math.exp(t)),
        ("relu", lambda t: max(t, 0.0)),
        ("softplus", lambda t: math.log(1 + math.exp(t))),
        ("exp", math.exp),
    ],
)
def test_feature_maps_are_their_formula(name, formula):
    values = [-3.0, -0.5, 0.0, 0.25, 4.0]
    found = FeatureMap(name)(torch.tensor(values))
    assert found.tolist() == pytest.approx([formula(t) for t in values], rel=1e-5)


def test_the_exponential_stays_finite():
    assert torch.isfinite(FeatureMap("exp")(torch.tensor([1e4])).square() * 1000).all()


@pytest.mark.parametrize(("axis", "dim"), [("tokens", 1), ("slots", 2)])
def test_instance_norm_has_zero_mean_and_unit_variance(axis, dim):
    values = 3 + 2 * torch.randn(2, 50, 40, generator=generator())
    normed = InstanceNorm(40, axis=axis, is_affine=False)(values)
    assert normed.mean(dim=dim).abs().max() < 1e-5
    assert (normed.var(dim=dim, unbiased=False) - 1).abs().max() < 1e-4


def test_instance_norm_over_tokens_is_the_library_one():
    values = torch.randn(2, 7, 5, generator=generator())
    witness = torch.nn.InstanceNorm1d(5)(values.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(InstanceNorm(5, axis="tokens", is_affine=False)(values), witness)


def test_padding_does_not_count_in_the_statistics():
    values = torch.randn(1, 6, 4, generator=generator())
    mask = torch.tensor([[True, True, True, True, False, False]])
    norm = InstanceNorm(4, axis="tokens", is_affine=False)
    torch.testing.assert_close(norm(values, mask)[:, :4], norm(values[:, :4]))


def test_the_affine_form_starts_as_the_plain_one_and_learns():
    values = torch.randn(2, 7, 5, generator=generator())
    norm = InstanceNorm(5, axis="slots", is_affine=True)
    torch.testing.assert_close(norm(values), InstanceNorm(5, axis="slots", is_affine=False)(values))
    norm(values).square().sum().backward()
    assert norm.gain.grad.abs().sum() > 0


@pytest.mark.parametrize("axis", [None, "tokens", "slots"])
def test_kernel_weights_equal_the_associative_order(axis):
    tokens = torch.randn(2, 9, 6, generator=generator(1))
    routes = torch.randn(6, 4, generator=generator(2))
    values = torch.randn(2, 4, 3, generator=generator(3))
    combine = KernelCombine(6, "elu1", axis=axis, is_affine=False)
    weights = combine(torch.empty(2, 9, 4), tokens, routes)

    def phi(t):
        return torch.where(t > 0, t + 1, t.exp())

    def standard(t):
        return (t - t.mean(-2, keepdim=True)) / torch.sqrt(t.var(-2, unbiased=False, keepdim=True) + 1e-5)

    queries = phi(standard(tokens) if axis == "tokens" else tokens)
    keys = phi(standard(routes.T) if axis == "slots" else routes.T)
    associative = (queries @ (keys.T @ values)) / (queries @ keys.sum(0)).unsqueeze(-1)
    torch.testing.assert_close(weights @ values, associative, rtol=1e-4, atol=1e-5)


def test_effective_slots_of_known_rows():
    rows = torch.tensor([[[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0.0, 0.0]]])
    assert effective_slots(rows)[0].tolist() == pytest.approx([1.0, 4.0, 2.0])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"combine": "softmax", "in_enabled": True}, 121.5),
        ({"combine": "la_elementwise", "phi": "elu1"}, 156.1),
        ({"combine": "la_elementwise", "phi": "relu"}, 74.2),
        ({"combine": "la_kernel", "in_enabled": False}, 195.9),
        ({"combine": "softmax", "normalise_logits": True}, 119.6),
    ],
)
def test_effective_slots_at_the_start(settings, expected):
    """A router that starts uniform or one-hot hardly learns: random Gaussian tokens, ViT-B/16 sizes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = LaSoftMoE(768, ExpertsConfig(num_experts=4, slots_per_expert=49, hidden=1, **settings))
    tokens = torch.randn(4, 197, 768, generator=generator())
    with torch.no_grad():
        found = effective_slots(layer.route(tokens).combine).mean().item()
    assert found == pytest.approx(expected, rel=0.02)
