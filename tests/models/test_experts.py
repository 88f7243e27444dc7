"""The factory, and the settings that only it can carry out."""

import json
from dataclasses import asdict

import pydantic
import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModel
from transformers.models.clip.modeling_clip import CLIPMLP

from bonaface.errors import RecipeError
from bonaface.models.experts import experts_module
from bonaface.models.insertion import experts_of, insert_experts
from bonaface.models.shared_routed import RoutedExperts
from bonaface.models.soft_moe import ExpertsConfig, LaSoftMoE

SMALL = {"num_experts": 3, "slots_per_expert": 2}


def mlp(seed: int = 0) -> CLIPMLP:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sizes = {"hidden_size": 6, "intermediate_size": 10, "num_attention_heads": 2}
        return CLIPMLP(CLIPVisionConfig(**sizes, hidden_act="gelu")).eval()


def mixture(**settings):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return experts_module(6, ExpertsConfig(**SMALL | settings), mlp())


def tokens(batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, 7, 6, generator=torch.Generator().manual_seed(2))


def test_one_switch_chooses_the_mixture():
    assert type(mixture()) is LaSoftMoE
    assert type(mixture(routing="top_k")) is RoutedExperts
    assert mixture(combine="softmax").logit_norm is None  # Soft MoE


def test_experts_are_narrow_or_as_wide_as_the_mlp():
    assert mixture(hidden=4).experts.first_EDH.shape == (3, 6, 4)
    wide = mixture(hidden="mlp")
    assert wide.experts.first_EDH.shape == (3, 6, 10)
    assert wide.experts.activation == "quick_gelu"  # as the settings say: only copies take the MLP's
    assert (wide.experts.first_EDH[0] - wide.experts.first_EDH[1]).abs().max() > 0.1


@pytest.mark.parametrize("routing", ["soft", "top_k"])
@torch.no_grad()
def test_upcycled_experts_without_noise_are_the_mlp(routing):
    dense = mlp()
    layer = mixture(hidden="mlp", start="upcycled", upcycle_noise=0.0, routing=routing)
    for expert in range(3):
        one_hot = torch.nn.functional.one_hot(torch.full((2, 7), expert), 3).float()
        torch.testing.assert_close(layer.experts.gated(tokens(), one_hot), dense(tokens()))
    torch.testing.assert_close(layer.experts(tokens()[:, :6]), dense(tokens()[:, :6]))


@torch.no_grad()
def test_upcycled_experts_differ_a_little():
    dense = mlp()
    layer = mixture(hidden="mlp", start="upcycled")
    outputs = [layer.experts.gated(tokens(), torch.eye(3)[k].expand(2, 7, 3)) for k in range(3)]
    size = dense(tokens()).std()
    for output in outputs:
        difference = (output - dense(tokens())).std() / size
        assert 1e-3 < difference < 0.05
    assert (outputs[0] - outputs[1]).abs().max() > 1e-4
    change = layer.experts.first_EDH - dense.fc1.weight.T
    assert (change.std() / dense.fc1.weight.std()).item() == pytest.approx(0.01, rel=0.2)


def test_equal_experts_part_by_what_they_are_given():
    layer = mixture(hidden="mlp", start="upcycled", upcycle_noise=0.0)
    layer(tokens()).square().sum().backward()
    first, second, _ = layer.experts.first_EDH.grad
    assert (first - second).abs().max() > 1e-3 * first.abs().max()


def test_the_mlp_itself_is_left_alone():
    dense = mlp()
    before = {name: value.clone() for name, value in dense.state_dict().items()}
    layer = experts_module(6, ExpertsConfig(**SMALL, hidden="mlp", start="upcycled"), dense)
    layer(tokens()).sum().backward()
    with torch.no_grad():
        layer.experts.first_bias_EH.add_(1)
    assert all(torch.equal(value, before[name]) for name, value in dense.state_dict().items())
    assert dense.fc1.weight.grad is None


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": "mlp"},
        {"hidden": "mlp", "start": "upcycled"},
        {"combine": "softmax"},
        {"routing": "top_k"},
        {"routing": "top_k", "hidden": "mlp", "start": "upcycled"},
        {"frozen_router": True, "shuffled_experts": True},
        {"gate_init": 1.0},
    ],
)
@torch.no_grad()
def test_the_network_starts_as_it_was_with_every_kind_of_experts(settings):
    sizes = {"hidden_size": 6, "intermediate_size": 10, "num_attention_heads": 2, "num_hidden_layers": 2}
    torch.manual_seed(0)
    vision = CLIPVisionModel(CLIPVisionConfig(**sizes, image_size=16, patch_size=4))
    pixels = torch.randn(2, 3, 16, 16)
    before = vision(pixel_values=pixels).pooler_output
    insert_experts(vision, ExpertsConfig(**SMALL | settings))
    assert (vision(pixel_values=pixels).pooler_output - before).abs().max() < 1e-6
    assert len(list(experts_of(vision))) == 2


def test_an_mlp_in_bfloat16_is_copied():
    layer = experts_module(6, ExpertsConfig(**SMALL, hidden="mlp", start="upcycled"), mlp().bfloat16())
    assert layer.experts.first_EDH.dtype == torch.float32


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"num_experts": 0}, "num_experts must be at least 1; got 0"),
        ({"slots_per_expert": -1}, "slots_per_expert must be at least 1; got -1"),
        ({"hidden": 0}, "hidden must be at least 1; got 0"),
        (
            {"routing": "top_k", "num_experts": 4, "top_k": 5},
            r"top_k must be within 1\.\.4, the experts; got 5",
        ),
        ({"routing": "top_k", "top_k": 0}, r"top_k must be within 1\.\.4, the experts; got 0"),
        ({"upcycle_noise": -0.1}, "upcycle_noise must be a number from 0; got -0.1"),
        ({"balance_weight": float("nan")}, "balance_weight must be a number from 0; got nan"),
        ({"start": "upcycled"}, "hidden must be 'mlp' where experts start as copies of the MLP; got 64"),
        (
            {"start": "upcycled", "hidden": "mlp", "gate_init": 1.0},
            "gate_init must not be 1 where experts start as",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings, sentence):
    with pytest.raises(RecipeError, match=sentence):
        ExpertsConfig(**settings)


def test_the_width_of_an_mlp_needs_one():
    with pytest.raises(
        RecipeError, match="hidden must be a number where experts stand beside no MLP; got 'mlp'"
    ):
        LaSoftMoE(6, ExpertsConfig(hidden="mlp"))


def test_settings_go_through_strict_json():
    config = ExpertsConfig(hidden="mlp", start="upcycled", routing="top_k", top_k=1, frozen_router=True)
    adapter = pydantic.TypeAdapter(ExpertsConfig)
    assert adapter.validate_json(json.dumps(asdict(config)), strict=True) == config
    # a run from before there were these settings
    assert adapter.validate_json('{"num_experts": 4, "hidden": 32}', strict=True) == ExpertsConfig(hidden=32)
    with pytest.raises(pydantic.ValidationError):
        adapter.validate_json('{"hidden": "wide"}', strict=True)


@pytest.mark.parametrize(
    "settings", [{}, {"combine": "la_kernel"}, {"combine": "la_linear"}, {"routing": "top_k"}]
)
def test_a_frozen_router_is_out_of_reach_and_keeps_its_names(settings):
    settings = settings | {"phi": "learnable", "in_affine": True, "normalise_logits": True}
    free, frozen = mixture(**settings), mixture(**settings, frozen_router=True)
    assert free.state_dict().keys() == frozen.state_dict().keys()
    frozen.load_state_dict(free.state_dict())
    torch.testing.assert_close(frozen(tokens()), free(tokens()))
    assert {name.partition(".")[0] for name, _ in frozen.named_parameters()} == {"experts"}
    before = {name: value.clone() for name, value in frozen.named_buffers()}
    frozen.requires_grad_(True)
    given = tokens().requires_grad_()
    frozen(given).square().sum().backward()
    torch.optim.SGD(frozen.parameters(), lr=0.1, weight_decay=0.1).step()
    assert all(torch.equal(value, before[name]) for name, value in frozen.named_buffers())
    assert given.grad.abs().sum() > 0


@pytest.mark.parametrize("routing", ["soft", "top_k"])
@torch.no_grad()
def test_shuffled_experts_are_dealt_anew_in_training_alone(routing):
    plain, shuffled = mixture(routing=routing), mixture(routing=routing, shuffled_experts=True)
    for layer in (plain, shuffled):
        layer.eval()
    torch.testing.assert_close(shuffled(tokens()), plain(tokens()))
    shuffled.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        first, second = shuffled(tokens()), shuffled(tokens())
        torch.manual_seed(5)
        again = shuffled(tokens())
    assert (first - second).abs().max() > 1e-4
    torch.testing.assert_close(first, again, rtol=0, atol=0)


@torch.no_grad()
def test_a_shuffle_deals_slots_to_experts_and_brings_them_back():
    """Worked slot by slot with the order that the generator gives."""
    layer = mixture(shuffled_experts=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        order = torch.randperm(6).tolist()
        torch.manual_seed(7)
        output = layer.train()(tokens(1))
    routing = layer.route(tokens(1))
    expected = torch.zeros(7, 6)
    for place, slot in enumerate(order):
        expert = place // 2
        given = routing.dispatch[0, :, slot] @ tokens(1)[0]
        inner = given @ layer.experts.first_EDH[expert]
        answer = (inner * torch.sigmoid(1.702 * inner)) @ layer.experts.last_EHD[expert]
        expected += routing.combine[0, :, slot, None] * answer
    torch.testing.assert_close(output[0], expected)


def test_every_expert_learns_behind_shuffled_slots():
    layer = mixture(shuffled_experts=True).train()
    layer(tokens()).square().sum().backward()
    assert (layer.experts.first_EDH.grad.abs().amax(dim=(1, 2)) > 0).all()
    assert layer.routes_DES.grad.abs().sum() > 0
