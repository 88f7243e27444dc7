import json
import math
from dataclasses import asdict

import pytest
import torch
from torch import nn

from bonaface.models.router_health import RouterHealth, RouterRecorder, recorded
from bonaface.models.shared_routed import RoutedExperts
from bonaface.models.soft_moe import ExpertsConfig, LaSoftMoE, Routing

WIDTH = 6


class Fixed(LaSoftMoE):
    """A mixture whose weights are given."""

    def __init__(self, dispatch: list, combine: list, *, num_experts: int = 2) -> None:
        self.given = Routing(torch.tensor(dispatch), torch.tensor(combine))
        slots = self.given.combine.shape[2] // num_experts
        super().__init__(WIDTH, ExpertsConfig(num_experts=num_experts, slots_per_expert=slots, hidden=2))

    def route(self, tokens_BND, mask_BN=None):
        return self.given


def health_of(router: nn.Module, *, species: list[int] | None = None, names=(), tokens=None) -> RouterHealth:
    model = nn.ModuleDict({"block": router})
    with recorded(model, names) as recorder:
        if species is not None:
            recorder.expect(torch.tensor(species))
        given = router.given.combine if isinstance(router, Fixed) else None
        router(torch.zeros(*given.shape[:2], WIDTH) if tokens is None else tokens)
    (found,) = recorder.health()
    return found


# Rows of three tokens read one slot, two slots, all four; columns average one token, one, three, two.
COMBINE = [[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]]
DISPATCH = [[1.0, 0, 1 / 3, 0.5], [0, 1.0, 1 / 3, 0.5], [0, 0, 1 / 3, 0]]


def test_three_tokens_by_hand():
    found = health_of(Fixed([DISPATCH], [COMBINE]))
    assert (found.name, found.num_tokens, found.num_slots) == ("block", 3, 4)
    assert found.slots_per_token == pytest.approx((1 + 2 + 4) / 3)
    assert found.tokens_per_slot == pytest.approx((1 + 1 + 3 + 2) / 4)
    assert found.combine_entropy == pytest.approx(math.log(2))
    assert found.dispatch_entropy == pytest.approx((math.log(3) + math.log(2)) / 4)
    # the mean row is (7, 3, 1, 1)/12: 1.0751 nats; the mean column (11, 11, 2)/24: 0.9222 nats
    assert found.combine_nats == pytest.approx(1.07514 - math.log(2), abs=1e-4)
    assert found.dispatch_nats == pytest.approx(0.92222 - 0.44794, abs=1e-4)
    assert found.load == pytest.approx((5 / 6, 1 / 6))
    assert found.slots_per_expert == pytest.approx((math.exp(0.610864), 2.0))
    assert found.species_load == {}
    assert found.findings == ()
    assert not found.is_dead


def test_loads_by_species():
    first, second, both = [[1.0, 0.0]] * 3, [[0.0, 1.0]] * 3, [[0.5, 0.5]] * 3
    columns = [[0.5, 0.25], [0.25, 0.25], [0.25, 0.5]]
    router = Fixed([columns] * 4, [first, second, both, first])
    found = health_of(router, species=[0, 1, 1, -1], names=("print", "replay", "mask"))
    assert found.species_load == {"print": (1.0, 0.0), "replay": (0.25, 0.75)}
    assert found.load == pytest.approx((2.5 / 4, 1.5 / 4))


def test_batches_add_up_as_one():
    torch.manual_seed(0)
    router = LaSoftMoE(WIDTH, ExpertsConfig(num_experts=2, slots_per_expert=3, hidden=2))
    tokens, species = torch.randn(6, 9, WIDTH), torch.tensor([0, 1, 0, 1, 1, 0])
    whole = health_of(router, species=species.tolist(), names=("a", "b"), tokens=tokens)
    model = nn.Sequential(router)
    batches = [{"tokens": tokens[:2], "species": species[:2]}, {"tokens": tokens[2:], "species": species[2:]}]
    with recorded(model, ("a", "b")) as recorder:
        for batch in recorder.following(batches):
            model(batch["tokens"])
    (parts,) = recorder.health()
    for name, value in asdict(whole).items():
        if name not in {"name", "species_load", "findings"}:
            assert getattr(parts, name) == pytest.approx(value, rel=1e-5), name
    assert parts.species_load["b"] == pytest.approx(whole.species_load["b"], rel=1e-5)


def slow_health(dispatch, combine):
    """Quantities of one sample by loops over the weights."""

    def entropy(weights):
        return -sum(w * math.log(w) for w in weights if w > 0)

    rows = [[abs(w) / sum(map(abs, row)) for w in row] for row in combine]
    columns = [list(column) for column in zip(*dispatch, strict=True)]
    mean_row = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    mean_column = [sum(row) / len(columns) for row in dispatch]
    return {
        "slots_per_token": sum(math.exp(entropy(row)) for row in rows) / len(rows),
        "tokens_per_slot": sum(math.exp(entropy(column)) for column in columns) / len(columns),
        "combine_nats": entropy(mean_row) - sum(map(entropy, rows)) / len(rows),
        "dispatch_nats": entropy(mean_column) - sum(map(entropy, columns)) / len(columns),
    }


@pytest.mark.parametrize("combine", ["softmax", "la_elementwise", "la_kernel", "la_linear"])
def test_a_recorded_layer_is_the_slow_definition(combine):
    torch.manual_seed(1)
    router = LaSoftMoE(WIDTH, ExpertsConfig(num_experts=2, slots_per_expert=3, hidden=2, combine=combine))
    tokens = torch.randn(1, 9, WIDTH)
    found, routing = health_of(router, tokens=tokens), router.route(tokens)
    expected = slow_health(routing.dispatch[0].double().tolist(), routing.combine[0].double().tolist())
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-5), name


def test_a_uniform_router_is_dead():
    uniform = health_of(Fixed([[[0.25] * 6] * 4], [[[1 / 6] * 6] * 4]))
    assert uniform.findings == ("combine_alike", "dispatch_alike")
    assert uniform.is_dead
    assert uniform.slots_per_token == pytest.approx(6)
    assert uniform.tokens_per_slot == pytest.approx(4)


def test_unit_logits_of_scale_one_are_dead_and_the_default_lives():
    """The trap: cosines times 1 are nearly equal, and a small rate never moves the scale."""
    torch.manual_seed(0)
    tokens = torch.randn(2, 50, 256)
    sizes = {"num_experts": 4, "slots_per_expert": 12, "hidden": 1}
    trap = LaSoftMoE(256, ExpertsConfig(**sizes, combine="softmax", normalise_logits=True))
    with torch.no_grad():
        trap.logit_scale.fill_(1.0)
    assert health_of(trap, tokens=tokens).findings == ("combine_alike", "dispatch_alike")
    kernel = LaSoftMoE(256, ExpertsConfig(**sizes, combine="la_kernel", in_enabled=False))
    assert health_of(kernel, tokens=tokens).findings == ("combine_alike",)
    assert not health_of(LaSoftMoE(256, ExpertsConfig(**sizes)), tokens=tokens).is_dead


def test_one_slot_for_all_is_collapsed_and_one_slot_each_lives():
    columns = [[1.0, 0.0], [0.0, 1.0]]
    collapsed = health_of(Fixed([columns], [[[1.0, 0.0]] * 2]))
    assert collapsed.findings == ("combine_alike", "collapsed")
    assert collapsed.slots_per_token == pytest.approx(1)
    own = health_of(Fixed([columns], [columns]))
    assert own.findings == ()
    assert own.slots_per_token == own.tokens_per_slot == pytest.approx(1)
    assert own.combine_nats == pytest.approx(math.log(2))
    assert own.dispatch_nats == pytest.approx(math.log(2))


def test_a_load_of_nine_tenths_is_the_limit():
    columns = [[1.0, 0.0], [0.0, 1.0]]

    def findings(share: float):
        return health_of(Fixed([columns], [[[1.0, 0.0], [2 * share - 1, 2 - 2 * share]]])).findings

    assert findings(0.89) == ()
    assert findings(0.91) == ("collapsed",)
    single = Fixed([columns], [columns], num_experts=1)
    assert health_of(single).findings == ()


def test_routed_experts_are_recorded_too():
    torch.manual_seed(0)
    router = RoutedExperts(WIDTH, ExpertsConfig(num_experts=4, hidden=2, routing="top_k", top_k=2))
    tokens = torch.randn(2, 30, WIDTH)
    found, choice = health_of(router, tokens=tokens), router.choose(tokens)
    assert found.num_slots == 4
    assert 1 <= found.slots_per_token <= 2
    assert found.slots_per_expert == pytest.approx((1.0,) * 4)
    gates = choice.gates / choice.gates.sum(dim=-1, keepdim=True)
    assert found.load == pytest.approx(tuple(gates.mean(dim=(0, 1)).tolist()), rel=1e-5)
    assert not found.is_dead
    with torch.no_grad():
        router.routes_DE.zero_()
        router.routes_DE[:, 0] = 100.0
    assert "collapsed" in health_of(router, tokens=tokens.abs()).findings


def test_recording_changes_nothing_and_ends():
    torch.manual_seed(0)
    router = LaSoftMoE(WIDTH, ExpertsConfig(num_experts=2, slots_per_expert=3, hidden=2))
    model, tokens = nn.Sequential(router), torch.randn(2, 5, WIDTH)
    plain = model(tokens)
    with recorded(model) as recorder:
        torch.testing.assert_close(model(tokens), plain, rtol=0, atol=0)
    once = recorder.health()
    model(2 * tokens)
    assert recorder.health() == once
    assert RouterRecorder(model).health() == ()


def test_health_is_plain():
    found = health_of(Fixed([DISPATCH], [COMBINE]), species=[0], names=("print",))
    plain = json.loads(json.dumps(asdict(found)))
    assert plain["species_load"] == {"print": [pytest.approx(5 / 6), pytest.approx(1 / 6)]}
