import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from bonaface.models.nano import build_nano
from bonaface.training.muon import MuonBesideAdamW, is_inner
from bonaface.training.recipe import Optimisation
from bonaface.training.schedule import optimiser, schedule

from .tiny import TINY

HOW = Optimisation(kind="muon", lr_new=1e-2, weight_decay=0.1, betas=(0.9, 0.99))


class Small(nn.Module):
    """One matrix inside a layer, and what is not one."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(6, 4)])
        self.head = nn.Linear(4, 2)


def small() -> Small:
    torch.manual_seed(3)
    return Small()


def moved(model: nn.Module, optimizer: torch.optim.Optimizer, *, seed: int) -> None:
    """One step by gradients of the seed."""
    draw = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=draw)
    optimizer.step()


def same(first: nn.Module, second: nn.Module) -> bool:
    theirs = second.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in first.state_dict().items())


def test_matrices_of_blocks_are_inner_and_nothing_else():
    model = build_nano(TINY.model, mean=(0.5,) * 3, std=(0.25,) * 3, seed=0)
    inner = {name for name, parameter in model.named_parameters() if is_inner(name, parameter)}
    projections = ("k_proj", "v_proj", "q_proj", "out_proj")
    layers = [f"encoder.vision.encoder.layers.{one}" for one in range(TINY.model.num_layers)]
    assert inner == {
        f"{layer}.{name}.weight"
        for layer in layers
        for name in (*(f"self_attn.{one}" for one in projections), "mlp.dense.fc1", "mlp.dense.fc2")
    }


@pytest.mark.parametrize(
    "name", ["encoder.vision.encoder.layer.0.mlp.fc1.weight", "encoder.vision.model.layer.3.attention.q_proj.weight"]
)  # fmt: skip
def test_blocks_of_dino_are_blocks_too(name):
    assert is_inner(name, nn.Parameter(torch.zeros(2, 2)))


def test_a_matrix_inside_moves_alike_in_every_direction_and_by_what_adamw_would():
    model = small()
    before = model.layers[0].weight.detach().clone()
    moved(model, optimiser(model, HOW), seed=0)
    step = before * (1 - HOW.lr_new * HOW.weight_decay) - model.layers[0].weight.detach()
    sizes = torch.linalg.svdvals(step) / (HOW.lr_new * 0.2 * 6**0.5)
    assert sizes.min() > 0.6
    assert sizes.max() < 1.3


def test_everything_else_moves_by_adamw():
    model = small()
    theirs = copy.deepcopy(model)
    optimizer = optimiser(model, HOW)
    witness = torch.optim.AdamW(
        [
            {"params": [theirs.head.weight], "weight_decay": 0.1},
            {"params": [theirs.layers[0].bias, theirs.head.bias], "weight_decay": 0.0},
        ],
        lr=1e-2,
        betas=(0.9, 0.99),
    )
    for seed in range(3):
        moved(model, optimizer, seed=seed)
        moved(theirs, witness, seed=seed)
    for name in ("head.weight", "head.bias", "layers.0.bias"):
        torch.testing.assert_close(model.get_parameter(name), theirs.get_parameter(name))
    assert not torch.allclose(model.layers[0].weight, theirs.layers[0].weight)


def test_the_rate_falls_for_both():
    model = small()
    optimizer = optimiser(model, HOW)
    scheduler = schedule(optimizer, num_steps=3, warmup_share=0.0)
    for seed in range(3):
        moved(model, optimizer, seed=seed)
        scheduler.step()
    assert {group["lr"] for group in optimizer.param_groups} == {0.0}
    before = copy.deepcopy(model)
    moved(model, optimizer, seed=9)
    assert same(model, before)


def test_taken_back_it_goes_on_as_if_nothing_had_happened():
    model = small()
    optimizer = optimiser(model, HOW)
    moved(model, optimizer, seed=0)
    again, saved = copy.deepcopy(model), copy.deepcopy(optimizer.state_dict())
    fresh = optimiser(again, HOW)
    fresh.load_state_dict(saved)
    scheduler = schedule(fresh, num_steps=10, warmup_share=0.0)
    scheduler.base_lrs = [0.0 for _ in scheduler.base_lrs]
    moved(model, optimizer, seed=1)
    moved(again, fresh, seed=1)
    assert same(model, again)
    scheduler.step()
    moved(again, fresh, seed=2)
    moved(model, optimizer, seed=2)
    assert not same(model, again)  # the rate of what was taken back is still this optimiser's to set


def test_a_model_without_blocks_is_adamws_alone():
    model = nn.Linear(3, 2)
    optimizer = optimiser(model, HOW)
    moved(model, optimizer, seed=0)
    assert [group["is_inner"] for group in optimizer.param_groups] == [False, False]


def test_states_of_another_number_of_rules_are_refused():
    state = optimiser(nn.Linear(3, 2), HOW).state_dict()
    with pytest.raises(ValueError):
        optimiser(small(), HOW).load_state_dict(state)


def test_other_kinds_know_nothing_of_it():
    assert isinstance(optimiser(small(), HOW), MuonBesideAdamW)
    assert isinstance(optimiser(small(), replace(HOW, kind="adamw")), torch.optim.AdamW)
