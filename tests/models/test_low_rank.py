from __future__ import annotations

import pytest
import torch

from bonaface.models.backbones import Backbone
from bonaface.models.low_rank import insert_low_rank, merge_low_rank

from .tiny_checkpoints import pixels, tiny_encoder


def backbone(name):
    return Backbone(tiny_encoder(name), mean=(0.5,) * 3, std=(0.5,) * 3).eval()


@pytest.mark.parametrize("name", ["clip_vision", "siglip_vision", "dinov2", "dinov3", "dino"])
@torch.no_grad()
def test_it_starts_as_no_change_and_merges_into_the_weights(name):
    plain, changed = backbone(name), backbone(name)
    insert_low_rank(changed.vision, rank=2)
    before = plain(pixels())
    torch.testing.assert_close(changed(pixels()), before, atol=1e-6, rtol=0)
    low_rank = {n: one for n, one in changed.named_parameters() if "lora_" in n}
    assert len(low_rank) == 2 * 2 * 2  # two matrices beside queries and values of two blocks
    assert {min(one.shape) for one in low_rank.values()} == {2}
    for one in low_rank.values():
        one.copy_(0.3 * torch.randn(one.shape, generator=torch.Generator().manual_seed(one.shape[0])))
    moved = changed(pixels())
    assert (moved - before).abs().max() > 1e-3
    merge_low_rank(changed)
    torch.testing.assert_close(changed(pixels()), moved, atol=1e-5, rtol=0)
    assert changed.state_dict().keys() == plain.state_dict().keys()


@torch.no_grad()
def test_the_merged_weight_is_w_plus_b_a():
    changed = backbone("clip_vision")
    before = {name: one.clone() for name, one in changed.named_parameters()}
    insert_low_rank(changed.vision, rank=3)
    factors = {
        name: torch.nn.init.normal_(one).clone()
        for name, one in changed.named_parameters()
        if "lora_" in name
    }
    merge_low_rank(changed)
    for name, one in changed.named_parameters():
        stem, _, kind = name.rpartition(".")
        a, b = (factors.get(f"{stem}.lora_{letter}.default.weight") for letter in "AB")
        expected = before[name] if a is None or kind == "bias" else before[name] + b @ a
        torch.testing.assert_close(one, expected, atol=1e-5, rtol=0)
    assert len(factors) == 8


def test_nothing_to_change():
    with pytest.raises(ValueError, match="LoRA must have queries and values to change; Sequential has none"):
        insert_low_rank(torch.nn.Sequential(torch.nn.Linear(2, 2)), rank=2)
