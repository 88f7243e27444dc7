import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from bonaface.models.nano import build_nano
from bonaface.training.recipe import Optimisation
from bonaface.training.schedule import batches_of_step, optimiser, rate_at, schedule

from .tiny import TINY

HOW = Optimisation(lr_new=2e-3, lr_pretrained=1e-5, weight_decay=0.05)


def rates(num_steps: int, warmup_share: float, peak: float = 2e-3) -> list[float]:
    """The rates that steps are taken with, as an optimiser really sees them."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=peak)
    scheduler = schedule(optimizer, num_steps=num_steps, warmup_share=warmup_share)
    seen = []
    for _ in range(num_steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return [*seen, optimizer.param_groups[0]["lr"]]


def test_literal_rates():
    seen = rates(100, 0.1)
    assert seen[0] == pytest.approx(0.0002)
    assert seen[4] == pytest.approx(0.001)
    assert seen[9] == pytest.approx(0.002)
    assert seen[10] == pytest.approx(0.002)
    assert seen[40] == pytest.approx(0.0015)
    assert seen[55] == pytest.approx(0.001)
    assert seen[99] == pytest.approx(6.09173e-07, rel=1e-4)
    assert seen[100] == 0.0


def test_it_rises_then_falls_and_is_never_constant():
    seen = rates(200, 0.05)
    assert all(a < b for a, b in pairwise(seen[:10]))
    assert all(a > b for a, b in pairwise(seen[10:]))
    assert seen[9] == seen[10] == 2e-3


def test_without_warm_up_it_starts_at_the_peak():
    assert rates(10, 0.0)[0] == 2e-3
    assert rate_at(5, num_steps=10, warmup_share=0.0) == pytest.approx(0.5)


def test_beyond_the_end_it_stays_at_zero():
    assert rate_at(1000, num_steps=100, warmup_share=0.1) == 0.0
    assert math.isfinite(rate_at(0, num_steps=1, warmup_share=1.0))


def test_every_group_follows():
    optimizer = torch.optim.SGD(
        [
            {"params": [nn.Parameter(torch.zeros(1))], "lr": 1.0},
            {"params": [nn.Parameter(torch.zeros(1))], "lr": 0.1},
        ]
    )
    schedule(optimizer, num_steps=10, warmup_share=0.2)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.05]


def settings_of(optimizer, model):
    """(rate, decay) of every parameter by name."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


def test_new_and_pretrained_parameters_have_their_own_rates():
    model = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.Linear(2, 1))
    found = settings_of(
        optimiser(model, HOW, pretrained=frozenset({"0.weight", "0.bias", "1.weight"})), model
    )
    assert found == {
        "0.weight": (1e-5, 0.05),
        "0.bias": (1e-5, 0.0),
        "1.weight": (1e-5, 0.0),
        "1.bias": (2e-3, 0.0),
        "2.weight": (2e-3, 0.05),
        "2.bias": (2e-3, 0.0),
    }


def test_what_does_not_require_a_gradient_is_left_out():
    model = nn.Linear(2, 1)
    model.bias.requires_grad_(False)
    assert list(settings_of(optimiser(model, HOW), model)) == ["weight"]


def test_matrices_and_kernels_of_nano_decay_and_nothing_else():
    model = build_nano(TINY.model, mean=(0.5,) * 3, std=(0.25,) * 3, seed=0)
    found = settings_of(optimiser(model, HOW), model)
    assert found.keys() == {name for name, _ in model.named_parameters()}
    decays = {name for name, (_, decay) in found.items() if decay}
    layer, stem = "encoder.vision.encoder.layers.0", "encoder.vision.embeddings.patch_embedding"
    for name in (
        f"{stem}.body.0.0.weight",
        f"{layer}.self_attn.q_proj.weight",
        f"{layer}.mlp.dense.fc1.weight",
        f"{layer}.mlp.experts.routes_DES",
        f"{layer}.mlp.experts.experts.first_EDH",
        "encoder.head.2.weight",
        "anchors.features",
    ):
        assert name in decays
    for name in (
        f"{stem}.body.0.1.weight",
        "encoder.vision.embeddings.class_embedding",
        "encoder.vision.embeddings.position_embedding.weight",
        f"{layer}.self_attn.q_proj.bias",
        f"{layer}.layer_norm1.weight",
        f"{layer}.mlp.gate",
        f"{layer}.mlp.experts.experts.first_bias_EH",
        f"{layer}.mlp.experts.experts.last_bias_ED",
        "anchors.logit_scale",
    ):
        assert name in found
        assert name not in decays


def test_once_an_epoch_the_rate_is_that_of_torchs_cosine_over_epochs():
    def peak():
        return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)

    ours, theirs = peak(), peak()
    scheduler = schedule(ours, num_steps=5 * 3, warmup_share=0.0, stride=3)
    witness = torch.optim.lr_scheduler.CosineAnnealingLR(theirs, T_max=5)
    for step in range(15):
        assert ours.param_groups[0]["lr"] == pytest.approx(theirs.param_groups[0]["lr"])
        for one in (ours, theirs):
            one.step()
        scheduler.step()
        if step % 3 == 2:
            witness.step()
    assert ours.param_groups[0]["lr"] == pytest.approx(0.0)


def test_adam_with_l2_decays_everything_through_the_gradient():
    """A bias without a gradient of its own moves by the decay alone; AdamW leaves it as it is."""
    for kind, moves in (("adam_l2", True), ("adamw", False)):
        layer = nn.Linear(2, 2)
        with torch.no_grad():
            layer.bias.fill_(0.5)
        how = Optimisation(kind=kind, lr_new=1e-3, weight_decay=5e-4, betas=(0.9, 0.999))
        optimizer = optimiser(layer, how)
        witness = nn.Parameter(torch.full((2,), 0.5))
        adam = torch.optim.Adam([witness], lr=1e-3, weight_decay=5e-4)
        for _ in range(3):
            layer.bias.grad, witness.grad = torch.zeros(2), torch.zeros(2)
            optimizer.step()
            adam.step()
        assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)
        assert torch.equal(layer.bias, witness if moves else torch.full((2,), 0.5))
        assert (layer.bias[0].item() != 0.5) is moves


def test_batches_of_a_step():
    groups = [batches_of_step(batch, 7, 3) for batch in range(7)]
    assert [list(group) for group in groups] == [[0, 1, 2]] * 3 + [[3, 4, 5]] * 3 + [[6]]
    assert [list(batches_of_step(batch, 2, 1)) for batch in range(2)] == [[0], [1]]


def test_the_first_epoch_of_a_rise_by_epochs_teaches():
    """20 epochs of 10 steps, the first two rising: half of the peak, then all of it."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = schedule(optimizer, num_steps=200, warmup_share=0.1, stride=10)
    seen = []
    for _ in range(200):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert seen[:30:10] == pytest.approx([0.5, 1.0, 1.0])
    assert all(len(set(seen[first : first + 10])) == 1 for first in range(0, 200, 10))


@pytest.mark.parametrize(
    "name", ["embeddings.cls_token", "embeddings.register_tokens", "embeddings.position_embeddings", "head.probe", "positions"]
)  # fmt: skip
def test_tokens_and_tables_of_positions_do_not_decay(name):
    model = nn.Module()
    place = model
    *above, own = name.split(".")
    for one in above:
        place.add_module(one, nn.Module())
        place = getattr(place, one)
    place.register_parameter(own, nn.Parameter(torch.zeros(1, 3, 4)))
    (group,) = optimiser(model, HOW).param_groups
    assert group["weight_decay"] == 0.0
