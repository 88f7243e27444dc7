import json
import math
from dataclasses import asdict

import pytest
import torch

from bonaface.models.soft_moe import ExpertsConfig, LaSoftMoE, SoftMoE

COMBINES = ("softmax", "la_elementwise", "la_kernel", "la_linear")

# Worked once with NumPy: n=3, d=2, two experts of one slot, no biases, expert 1 = identity, expert 2 = times 2.
GOLDEN_DISPATCH = [[0.4223, 0.0634], [0.1554, 0.4683], [0.4223, 0.4683]]
GOLDEN = {
    "softmax": (
        [[0.7311, 0.2689], [0.1192, 0.8808], [0.2689, 0.7311]],
        [[0.9035, 0.9261], [1.0373, 1.7188], [1.0046, 1.5248]],
    ),
    "la_elementwise": (
        [[0.8753, 0.1247], [0.1247, 0.8753], [0.5000, 0.5000]],
        [[0.8719, 0.7392], [1.0361, 1.7117], [0.9540, 1.2255]],
    ),
    "la_kernel": (
        [[0.5000, 0.5000], [0.3636, 0.6364], [0.4286, 0.5714]],
        [[0.9540, 1.2255], [0.9838, 1.4021], [0.9696, 1.3180]],
    ),
}


def layer_of(width=6, *, seed=0, **settings) -> LaSoftMoE:
    config = ExpertsConfig(**{"num_experts": 2, "slots_per_expert": 3, "hidden": 5} | settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LaSoftMoE(width, config)


def tokens_of(batch=2, count=7, width=6, *, seed=1) -> torch.Tensor:
    return torch.randn(batch, count, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("combine", GOLDEN)
def test_golden_vectors(combine):
    layer = layer_of(
        2,
        slots_per_expert=1,
        hidden=2,
        activation="identity",
        combine=combine,
        in_enabled=combine == "la_elementwise",
    )
    with torch.no_grad():
        layer.routes_DES.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]).unsqueeze(-1))
        layer.experts.first_EDH.copy_(torch.eye(2).expand(2, 2, 2))
        layer.experts.last_EHD.copy_(torch.stack((torch.eye(2), 2 * torch.eye(2))))
        output, routing = layer(torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]]), return_weights=True)
    weights, expected = GOLDEN[combine]
    torch.testing.assert_close(routing.dispatch[0], torch.tensor(GOLDEN_DISPATCH), atol=1e-4, rtol=0)
    torch.testing.assert_close(routing.combine[0], torch.tensor(weights), atol=1e-4, rtol=0)
    torch.testing.assert_close(output[0], torch.tensor(expected), atol=1e-4, rtol=0)


def slow_definition(layer: LaSoftMoE, tokens: torch.Tensor) -> list[list[float]]:
    """One sample, number by number, in Python's float64."""
    E, S = layer.config.num_experts, layer.config.slots_per_expert
    N, D, H, M = tokens.shape[0], tokens.shape[1], layer.config.hidden, E * S
    X = tokens.double().tolist()
    Phi = layer.routes_DES.detach().double().reshape(D, M).tolist()
    first, last = layer.experts.first_EDH.tolist(), layer.experts.last_EHD.tolist()
    first_bias, last_bias = layer.experts.first_bias_EH.tolist(), layer.experts.last_bias_ED.tolist()

    def phi(t):
        return t + 1 if t > 0 else math.exp(t)

    L = [[sum(X[i][c] * Phi[c][j] for c in range(D)) for j in range(M)] for i in range(N)]
    normed = [[0.0] * M for _ in range(N)]
    for j in range(M):
        column = [L[i][j] for i in range(N)]
        mean = sum(column) / N
        variance = sum((t - mean) ** 2 for t in column) / N
        for i in range(N):
            normed[i][j] = (L[i][j] - mean) / math.sqrt(variance + 1e-5)

    mixed = []
    for j in range(M):
        total = sum(math.exp(L[i][j]) for i in range(N))
        slot = [sum(math.exp(L[i][j]) / total * X[i][c] for i in range(N)) for c in range(D)]
        k = j // S
        inner = [sum(slot[c] * first[k][c][h] for c in range(D)) + first_bias[k][h] for h in range(H)]
        inner = [t / (1 + math.exp(-1.702 * t)) for t in inner]
        mixed.append([sum(inner[h] * last[k][h][c] for h in range(H)) + last_bias[k][c] for c in range(D)])

    output = []
    for i in range(N):
        match layer.config.combine:
            case "softmax":
                row = [math.exp(L[i][j]) for j in range(M)]
            case "la_elementwise":
                row = [phi(normed[i][j]) for j in range(M)]
            case "la_kernel":
                row = [sum(phi(X[i][c]) * phi(Phi[c][j]) for c in range(D)) for j in range(M)]
            case "la_linear":
                W = layer.combine.weight_MM.tolist()
                row = [sum(normed[i][k] * W[k][j] for k in range(M)) for j in range(M)]
        total = 1.0 if layer.config.combine == "la_linear" else sum(row)
        output.append([sum(row[j] / total * mixed[j][c] for j in range(M)) for c in range(D)])
    return output


@pytest.mark.parametrize("combine", COMBINES)
def test_the_layer_is_the_slow_definition(combine):
    layer = layer_of(combine=combine, in_enabled=combine not in ("softmax", "la_kernel"))
    with torch.no_grad():
        for parameter in layer.experts.parameters():  # biases too
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)))
        if combine == "la_linear":
            layer.combine.weight_MM.add_(0.3 * torch.eye(6).roll(1, 0))
    tokens = tokens_of(batch=2)
    output = layer(tokens).detach()
    for sample in range(2):
        expected = torch.tensor(slow_definition(layer, tokens[sample]), dtype=torch.float64)
        torch.testing.assert_close(output[sample].double(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("in_on_dispatch", [False, True])
@pytest.mark.parametrize("in_axis", ["tokens", "slots"])
@pytest.mark.parametrize("combine", COMBINES)
def test_columns_and_rows_sum_to_one(combine, in_axis, in_on_dispatch):
    layer = layer_of(combine=combine, in_axis=in_axis, in_on_dispatch=in_on_dispatch, in_affine=True)
    routing = layer.route(tokens_of())
    torch.testing.assert_close(routing.dispatch.sum(dim=1), torch.ones(2, 6))
    if combine != "la_linear":
        torch.testing.assert_close(routing.combine.sum(dim=2), torch.ones(2, 7), atol=1e-5, rtol=0)
        assert routing.combine.min() >= 0


@pytest.mark.parametrize("combine", COMBINES)
def test_permuted_tokens_permute_the_output(combine):
    layer, tokens = layer_of(combine=combine), tokens_of()
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    torch.testing.assert_close(layer(tokens[:, order]), layer(tokens)[:, order], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("combine", COMBINES)
def test_samples_do_not_see_each_other(combine):
    layer, tokens = layer_of(combine=combine), tokens_of()
    torch.testing.assert_close(layer(tokens)[1:], layer(tokens[1:]))


@pytest.mark.parametrize("combine", COMBINES)
def test_identical_experts_are_one_function(combine):
    layer, tokens = layer_of(combine=combine), tokens_of()
    with torch.no_grad():
        layer.experts.first_EDH.copy_(layer.experts.first_EDH[:1].expand_as(layer.experts.first_EDH))
        layer.experts.last_EHD.copy_(layer.experts.last_EHD[:1].expand_as(layer.experts.last_EHD))
        output, routing = layer(tokens, return_weights=True)
        inner = routing.dispatch.transpose(1, 2) @ tokens @ layer.experts.first_EDH[0]
        expected = routing.combine @ (inner * torch.sigmoid(1.702 * inner) @ layer.experts.last_EHD[0])
    torch.testing.assert_close(output, expected)


@pytest.mark.parametrize("combine", ["softmax", "la_elementwise", "la_kernel"])
def test_a_single_slot_gives_every_token_the_same(combine):
    layer = layer_of(combine=combine, num_experts=1, slots_per_expert=1, activation="identity")
    tokens = tokens_of()
    output, routing = layer(tokens, return_weights=True)
    slot = (routing.dispatch * tokens).sum(dim=1, keepdim=True)
    expected = slot @ layer.experts.first_EDH[0] @ layer.experts.last_EHD[0]
    torch.testing.assert_close(output, expected.expand_as(output), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("gate_init", [0.0, 0.1])
@pytest.mark.parametrize("normalise_logits", [False, True])
@pytest.mark.parametrize("combine", COMBINES)
def test_a_gradient_reaches_every_parameter_and_every_expert(combine, normalise_logits, gate_init):
    layer = layer_of(
        combine=combine,
        normalise_logits=normalise_logits,
        gate_init=gate_init,
        phi="learnable",
        in_affine=True,
    )
    layer(tokens_of()).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert (layer.experts.first_EDH.grad.abs().sum(dim=(1, 2)) > 0).all()
    assert (layer.routes_DES.grad.abs().sum(dim=0) > 0).all()


def test_padding_changes_nothing():
    for combine in COMBINES:
        layer, tokens = layer_of(combine=combine), tokens_of()
        padded = torch.cat((tokens, 100 * tokens_of(count=2, seed=5)), dim=1)
        mask = torch.arange(9).expand(2, 9) < 7
        torch.testing.assert_close(layer(padded, mask)[:, :7], layer(tokens), atol=1e-5, rtol=1e-5)
        assert layer.route(padded, mask).dispatch[:, 7:].abs().max() == 0


def test_slots_average_the_original_tokens():
    """Also where the logits are cosines: scaled tokens have the same routing and scaled slots."""
    layer = layer_of(normalise_logits=True, activation="identity")
    tokens = tokens_of()
    torch.testing.assert_close(layer(10 * tokens), 10 * layer(tokens), atol=1e-4, rtol=1e-4)


def test_instance_norm_reaches_the_dispatch_only_when_asked():
    tokens = tokens_of()
    plain = layer_of().route(tokens).dispatch
    torch.testing.assert_close(layer_of(in_enabled=False).route(tokens).dispatch, plain)
    assert (layer_of(in_on_dispatch=True).route(tokens).dispatch - plain).abs().max() > 1e-3


def test_soft_moe_is_the_layer_with_softmax_and_no_instance_norm():
    config = ExpertsConfig(num_experts=2, slots_per_expert=3, hidden=5)
    layer, tokens = SoftMoE(6, config), tokens_of()
    logits = tokens @ layer.routes_DES.flatten(1)
    torch.testing.assert_close(layer.route(tokens).combine, torch.softmax(logits, dim=-1))
    torch.testing.assert_close(layer.route(tokens).dispatch, torch.softmax(logits, dim=1))


def test_experts_start_different_and_never_behind_two_zeros():
    layer = layer_of()
    assert (layer.experts.first_EDH[0] - layer.experts.first_EDH[1]).abs().min() > 0
    assert (layer.experts.last_EHD.abs().amax(dim=(1, 2)) > 0).all()
    assert layer_of(gate_init=1.0).experts.last_EHD.abs().max() == 0


def test_routes_start_with_logits_of_unit_variance():
    layer = layer_of(400, slots_per_expert=50)
    assert layer.routes_DES.std().item() == pytest.approx(1 / 20, rel=0.02)


@pytest.mark.parametrize("combine", COMBINES)
def test_routing_stays_float32_under_autocast(combine):
    layer, tokens = layer_of(combine=combine), tokens_of()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, routing = layer(tokens, return_weights=True)
    assert routing.dispatch.dtype == routing.combine.dtype == torch.float32
    assert torch.isfinite(output).all()
    torch.testing.assert_close(routing.dispatch.sum(dim=1), torch.ones(2, 6))
    torch.testing.assert_close(output.float(), layer(tokens), atol=0.1, rtol=0.1)


def test_the_config_goes_through_json_and_is_frozen():
    config = ExpertsConfig(combine="la_kernel", in_axis="slots", gate_init=0.1)
    assert ExpertsConfig(**json.loads(json.dumps(asdict(config)))) == config
    with pytest.raises(AttributeError):
        config.hidden = 3  # type: ignore[misc]
