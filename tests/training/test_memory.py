from __future__ import annotations

import pytest
import torch
from torch import nn

from bonaface.errors import RecipeError
from bonaface.models.backbones import Backbone
from bonaface.models.detector import Detector
from bonaface.models.nano import build_nano
from bonaface.training.memory import keep_freed_memory, recompute_activations
from models.tiny_checkpoints import tiny_encoder

from .tiny import TINY


def nano():
    return build_nano(TINY.model, mean=(0.5,) * 3, std=(0.25,) * 3, seed=0)


def clip():
    return Backbone(tiny_encoder("clip_vision"), mean=(0.5,) * 3, std=(0.5,) * 3)


def dino():
    return Backbone(tiny_encoder("dinov2"), mean=(0.5,) * 3, std=(0.5,) * 3)


def kept_numbers(model, pixels):
    """Numbers that a forward pass keeps for the gradient, parameters aside."""
    own, held = {one.data_ptr() for one in model.parameters()}, []

    def keep(tensor):
        if tensor.data_ptr() not in own:
            held.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(pixels)
    return sum(held)


@pytest.mark.parametrize("make", [nano, clip, dino])
def test_the_same_gradients_from_less_memory(make):
    pixels = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    gradients, kept = [], []
    for is_recomputed in (False, True):
        model = make().train()
        if is_recomputed:
            recompute_activations(model)
        torch.manual_seed(0)
        output = model(pixels)
        (output.attack_logit if isinstance(model, Detector) else output).sum().backward()
        gradients.append({name: one.grad for name, one in model.named_parameters() if one.grad is not None})
        kept.append(kept_numbers(model, pixels))
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-6, rtol=1e-5)
    assert kept[1] < kept[0]


def test_an_encoder_without_blocks():
    with pytest.raises(
        RecipeError, match=r"^optimisation.is_recomputed needs an encoder of transformer blocks; set"
    ):
        recompute_activations(nn.Linear(2, 2))


def test_keeping_freed_memory_says_whether_it_could():
    assert keep_freed_memory() in {True, False}
