from __future__ import annotations

from dataclasses import replace

import pytest
from torch import nn

from bonaface.errors import RecipeError
from bonaface.models.architecture import build_detector
from bonaface.models.nano import build_nano
from bonaface.models.resnet import ResnetConfig
from bonaface.models.vision_kinds import CLIP_MEAN, CLIP_STD
from bonaface.training.trainable import let_learn

from .tiny import TINY
from .tiny_clip import clip_folder, clip_recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return clip_folder(tmp_path_factory.mktemp("clip"))


def let(folder, **changes):
    settings = clip_recipe(folder).model
    settings = replace(settings, **changes)
    model = build_detector(settings, mean=CLIP_MEAN, std=CLIP_STD, seed=0)
    found = let_learn(model, settings)
    learning = {name for name, one in model.named_parameters() if one.requires_grad}
    sizes = {name: one.numel() for name, one in model.named_parameters()}
    assert found.num_new == sum(sizes[name] for name in learning - found.pretrained)
    assert found.num_pretrained == sum(sizes[name] for name in found.pretrained)
    assert found.num_frozen == sum(size for name, size in sizes.items() if name not in learning)
    return found, learning, sizes.keys()


def is_experts(name):
    return ".mlp.experts." in name or name.endswith(".mlp.gate")


def test_experts_alone(folder):
    found, learning, names = let(folder, tuned="experts")
    assert learning == {name for name in names if is_experts(name)} | {"anchors.logit_scale"}
    assert found.pretrained == frozenset()


def test_experts_and_norms(folder):
    found, learning, names = let(folder, tuned="experts_norm")
    norms = {name for name in names if "norm" in name}
    assert norms == {name for name in names if any(
        f".{norm}." in name for norm in ("pre_layrnorm", "layer_norm1", "layer_norm2", "post_layernorm")
    )}  # fmt: skip
    assert learning == norms | {name for name in names if is_experts(name)} | {"anchors.logit_scale"}
    assert found.pretrained == norms


def test_low_rank(folder):
    found, learning, names = let(folder, tuned="lora", lora_rank=2)
    low_rank = {name for name in names if ".lora_A." in name or ".lora_B." in name}
    assert len(low_rank) == 4
    assert learning == low_rank | {name for name in names if is_experts(name)} | {"anchors.logit_scale"}
    assert found.pretrained == frozenset()


def test_the_head_alone(folder):
    found, learning, _ = let(folder, tuned="head", prompts=None)
    assert learning == {"anchors.features", "anchors.logit_scale"}
    assert found.pretrained == frozenset()


def test_everything(folder):
    found, learning, names = let(folder, tuned="all", is_text_frozen=False)
    assert learning == set(names)
    assert found.num_frozen == 0
    new = {name for name in names if is_experts(name)} | {"anchors.logit_scale"}
    assert found.pretrained == learning - new


def test_texts_learn_whatever_else_is_tuned(folder):
    found, learning, names = let(folder, tuned="experts", is_text_frozen=False)
    tower = {name for name in names if name.startswith("anchors.tower.")}
    assert tower
    assert found.pretrained == tower
    assert {name for name in learning if not is_experts(name)} == tower | {"anchors.logit_scale"}


def test_of_nano_everything_is_new():
    model = build_nano(TINY.model, mean=(0.5,) * 3, std=(0.25,) * 3, seed=0)
    found = let_learn(model, TINY.model)
    assert (found.pretrained, found.num_pretrained, found.num_frozen) == (frozenset(), 0, 0)
    assert found.num_new == sum(one.numel() for one in model.parameters())


@pytest.mark.parametrize(("source", "is_old"), [("", False), ("somewhere", True)])
def test_a_resnet_with_weights_is_pretrained(source, is_old):
    model = nn.ModuleDict({"encoder": nn.Linear(2, 3), "anchors": nn.Linear(3, 2)})
    found = let_learn(model, ResnetConfig(source=source))
    assert found.pretrained == (frozenset({"encoder.weight", "encoder.bias"}) if is_old else frozenset())
    assert found.counts == {"pretrained": 9 * is_old, "new": 17 - 9 * is_old, "frozen": 0}


def test_nothing_to_learn(folder):
    with pytest.raises(
        RecipeError, match=r"^something must learn: texts fix the anchors, and model.tuned is 'head'; set"
    ):
        let(folder, tuned="head")
    with pytest.raises(
        RecipeError, match=r"^model.tuned must name what is there; got 'experts' without experts; set"
    ):
        let(folder, tuned="experts", experts=None)
