import json
from dataclasses import asdict, replace

import pytest
import torch

from bonaface.models.insertion import experts_of
from bonaface.models.nano import NanoConfig, build_nano
from bonaface.models.soft_moe import ExpertsConfig

NORM = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
TINY = NanoConfig(
    image_size=32,
    hidden_size=16,
    num_layers=2,
    num_heads=2,
    stem_widths=(4, 6, 8),
    embedding_size=8,
    experts=ExpertsConfig(num_experts=2, slots_per_expert=2, hidden=4, gate_init=0.1),
)


def pixels(batch: int = 2, size: int = 32) -> torch.Tensor:
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_the_default_keeps_its_budget():
    detector = build_nano(NanoConfig(), **NORM, seed=0)
    assert sum(parameter.numel() for parameter in detector.parameters()) <= 1_800_000
    with torch.no_grad():
        evidence = detector.eval()(pixels(2, 160))
    assert evidence.family_logits.shape == (2, 2)
    assert evidence.attack_logit.shape == (2,)
    assert torch.isfinite(evidence.attack_logit).all()


def test_experts_are_in_every_block():
    assert len(list(experts_of(build_nano(TINY, **NORM, seed=0)))) == 2


def test_the_same_seed_gives_the_same_weights_and_the_global_generator_rests():
    torch.manual_seed(5)
    untouched = torch.rand(3)
    torch.manual_seed(5)
    first = build_nano(TINY, **NORM, seed=1).state_dict()
    torch.testing.assert_close(torch.rand(3), untouched, rtol=0, atol=0)
    again, other = (build_nano(TINY, **NORM, seed=seed).state_dict() for seed in (1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_gradient_reaches_every_parameter():
    detector = build_nano(TINY, **NORM, seed=0)
    detector(pixels()).attack_logit.square().sum().backward()
    missing = [name for name, parameter in detector.named_parameters() if parameter.grad is None]
    assert not missing


def test_a_few_steps_separate_two_pictures():
    detector = build_nano(TINY, **NORM, seed=0)
    labels = torch.tensor([0.0, 1.0])
    optimiser = torch.optim.Adam(detector.parameters(), lr=3e-3)
    losses = []
    for _ in range(15):
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(detector(pixels()).attack_logit, labels)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_a_size_that_is_no_multiple_of_the_stride_is_refused():
    with pytest.raises(ValueError, match="image_size must be a multiple of 16; got 100"):
        build_nano(NanoConfig(image_size=100), **NORM, seed=0)


def test_the_config_is_plain():
    plain = json.loads(json.dumps(asdict(TINY)))
    assert plain["experts"]["num_experts"] == 2
    assert plain["stem_widths"] == [4, 6, 8]


def test_without_experts():
    plain = build_nano(replace(TINY, experts=None), **NORM, seed=0)
    assert list(experts_of(plain)) == []
    assert not [name for name, _ in plain.named_parameters() if ".gate" in name]
    assert plain(torch.zeros(1, 3, TINY.image_size, TINY.image_size)).family_logits.shape == (1, 2)


def test_a_token_may_be_a_square_of_cells():
    wide = replace(TINY, stem="spectrum", image_size=64, cells_per_side=2)
    tokens = build_nano(wide, **NORM, seed=0).eval().encoder.tokens_of(pixels(2, 64))
    assert tokens.shape == (2, 1 + 4, 16)
    with pytest.raises(ValueError, match="image_size must be a multiple of 32; got 48"):
        build_nano(replace(wide, image_size=48), **NORM, seed=0)
    with pytest.raises(ValueError, match="cells_per_side must be 1 with a convolution; got 2"):
        build_nano(replace(TINY, image_size=64, cells_per_side=2), **NORM, seed=0)
