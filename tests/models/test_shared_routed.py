import math

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from bonaface.models.graph import quiet
from bonaface.models.shared_routed import Choice, RoutedExperts, balance, balance_loss
from bonaface.models.soft_moe import ExpertsConfig


def layer_of(width: int = 6, *, seed: int = 0, **settings) -> RoutedExperts:
    config = ExpertsConfig(**{"num_experts": 4, "hidden": 5, "routing": "top_k", "top_k": 2} | settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return RoutedExperts(width, config)


def tokens(batch: int = 2, count: int = 7, width: int = 6, *, seed: int = 1) -> torch.Tensor:
    return torch.randn(batch, count, width, generator=torch.Generator().manual_seed(seed))


def test_two_tokens_by_hand():
    """p = (1, 2, 5)/8 and (6, 3, 1)/10; experts x, 2x and 3x + (1, -1); the two largest of three."""
    layer = layer_of(2, num_experts=3, hidden=2, activation="identity")
    with torch.no_grad():
        layer.routes_DE.copy_(torch.tensor([[1.0, 2.0, 5.0], [6.0, 3.0, 1.0]]).log())
        layer.experts.first_EDH.copy_(torch.eye(2).expand(3, 2, 2))
        layer.experts.last_EHD.copy_(torch.eye(2) * torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1))
        layer.experts.last_bias_ED[2].copy_(torch.tensor([1.0, -1.0]))
    two = torch.eye(2).unsqueeze(0)
    torch.testing.assert_close(layer(two)[0], torch.tensor([[3.0, -0.625], [0.0, 1.2]]))
    choice = layer.choose(two)
    torch.testing.assert_close(choice.gates[0], torch.tensor([[0.0, 0.25, 0.625], [0.6, 0.3, 0.0]]))
    # f = (1, 2, 1)/4, P = (0.3625, 0.275, 0.3625)
    assert balance(choice).item() == pytest.approx(0.95625)
    routing = layer.route(two)
    torch.testing.assert_close(routing.combine[0], torch.tensor([[0.0, 2 / 7, 5 / 7], [2 / 3, 1 / 3, 0.0]]))
    torch.testing.assert_close(routing.dispatch[0], torch.tensor([[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]]))


def slow_definition(layer: RoutedExperts, x: list[float]) -> list[float]:
    """One token, number by number."""
    E, H, k, D = layer.config.num_experts, layer.config.hidden, layer.config.top_k, len(x)
    routes = layer.routes_DE.tolist()
    scores = [math.exp(sum(x[c] * routes[c][e] for c in range(D))) for e in range(E)]
    chosen = sorted(range(E), key=lambda e: -scores[e])[:k]
    total = [0.0] * D
    for e in chosen:
        first, last = layer.experts.first_EDH[e].tolist(), layer.experts.last_EHD[e].tolist()
        bias, last_bias = layer.experts.first_bias_EH[e].tolist(), layer.experts.last_bias_ED[e].tolist()
        inner = [sum(x[c] * first[c][h] for c in range(D)) + bias[h] for h in range(H)]
        inner = [t / (1 + math.exp(-1.702 * t)) for t in inner]
        for c in range(D):
            answer = sum(inner[h] * last[h][c] for h in range(H)) + last_bias[c]
            total[c] += scores[e] / sum(scores) * answer
    return total


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_the_layer_is_the_slow_definition(top_k):
    layer = layer_of(top_k=top_k)
    with torch.no_grad():
        for parameter in layer.experts.parameters():  # biases too
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)))
    output = layer(tokens()).detach()
    expected = [[slow_definition(layer, one) for one in sample] for sample in tokens().double().tolist()]
    torch.testing.assert_close(output, torch.tensor(expected), atol=1e-5, rtol=0)


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_each_token_goes_to_as_many_experts_as_asked(top_k):
    choice = layer_of(top_k=top_k).choose(tokens())
    assert (choice.chosen.sum(dim=-1) == top_k).all()
    assert ((choice.gates > 0).sum(dim=-1) == top_k).all()
    torch.testing.assert_close(choice.probabilities.sum(dim=-1), torch.ones(2, 7))


@pytest.mark.parametrize("top_k", [1, 2])
def test_a_gradient_reaches_every_parameter(top_k):
    layer = layer_of(top_k=top_k)
    layer(tokens(4, 40)).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad.abs().sum() > 0, name
    assert (layer.experts.first_EDH.grad.abs().amax(dim=(1, 2)) > 0).all()


def test_tokens_do_not_see_each_other():
    layer = layer_of()
    torch.testing.assert_close(layer(tokens())[:, 2:4], layer(tokens()[:, 2:4]))


def test_the_router_stays_float32_under_autocast():
    layer = layer_of()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        choice, output = layer.choose(tokens()), layer(tokens())
    assert choice.probabilities.dtype == torch.float32
    torch.testing.assert_close(choice.probabilities.sum(dim=-1), torch.ones(2, 7))
    assert torch.isfinite(output).all()


def spread(probabilities: list[list[float]], top_k: int) -> Choice:
    values = torch.tensor([probabilities])
    chosen = torch.zeros_like(values).scatter(-1, values.topk(top_k, dim=-1).indices, 1.0)
    return Choice(values, chosen)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (spread([[1.0, 0.0], [0.0, 1.0]], 1), 1.0),
        (spread([[1.0, 0.0], [1.0, 0.0]], 1), 2.0),
        (spread([[0.5, 0.5, 0.0, 0.0]] * 3, 2), 2.0),
        (spread([[0.25, 0.25, 0.25, 0.25]], 4), 1.0),
    ],
)
def test_the_balance_of_known_routers(choice, expected):
    assert balance(choice).item() == pytest.approx(expected)


def test_the_balance_is_kept_in_training_and_given_once():
    model = nn.Sequential(layer_of(balance_weight=0.5), layer_of(seed=1, balance_weight=2.0))
    model.eval()(tokens())
    assert balance_loss(model).item() == 0
    first, second = model.train()
    inner = first(tokens())
    expected = 0.5 * balance(first.choose(tokens())) + 2.0 * balance(second.choose(inner))
    model(tokens())
    loss = balance_loss(model)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert first.routes_DE.grad.abs().sum() > 0
    assert balance_loss(model).item() == 0


def test_without_weight_nothing_is_kept():
    layer = layer_of(balance_weight=0.0).train()
    layer(tokens())
    assert layer.balance is None


def test_the_balance_loss_brings_tokens_back_to_idle_experts():
    layer = layer_of(top_k=1, balance_weight=1.0).train()
    given = tokens(4, 50) + 1.0
    with torch.no_grad():
        layer.routes_DE[:, 0] += 1.0
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.05)
    shares = []
    for _ in range(60):
        optimiser.zero_grad()
        layer(given)
        balance_loss(layer).backward()
        optimiser.step()
        shares.append(layer.choose(given).chosen.mean(dim=(0, 1)).max().item())
    assert shares[0] > 0.8
    assert shares[-1] < 0.5


def test_it_exports_with_a_free_batch(tmp_path):
    layer, path = layer_of().eval(), tmp_path / "routed.onnx"
    with quiet(), torch.no_grad():
        torch.onnx.export(
            layer, (tokens(),), path, dynamo=True, input_names=["tokens"], output_names=["mixed"],
            dynamic_shapes={"tokens_BND": {0: torch.export.Dim("batch")}}, external_data=False, verbose=False,
        )  # fmt: skip
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for batch in (1, 5):
        given = tokens(batch, seed=batch)
        (found,) = session.run(["mixed"], {"tokens": given.numpy()})
        np.testing.assert_allclose(found, layer(given).detach().numpy(), atol=1e-5)
