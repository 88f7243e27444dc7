from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from bonaface.errors import CheckpointError, RecipeError
from bonaface.models.architecture import KINDS, BackboneConfig, build_detector, kind_of, structure_of
from bonaface.models.carried_over import carried_over
from bonaface.models.insertion import experts_of
from bonaface.models.nano import NanoConfig, build_nano
from bonaface.models.prompts import PromptsConfig, anchor_texts
from bonaface.models.soft_moe import ExpertsConfig
from bonaface.models.text_anchors import TextAnchors
from bonaface.models.text_features import text_features
from bonaface.models.text_towers import load_text
from bonaface.models.vision_kinds import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD

from .tiny_checkpoints import tiny_encoder
from .tiny_text import tiny_clip, write_clip_tokenizer

NORM = {"mean": CLIP_MEAN, "std": CLIP_STD, "seed": 0}
EXPERTS = ExpertsConfig(num_experts=2, slots_per_expert=3, hidden=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("clip")
    write_clip_tokenizer(place)
    tiny_clip().save_pretrained(place)
    return place


def config(folder, **changes):
    return replace(BackboneConfig(source=str(folder), image_size=32, experts=EXPERTS), **changes)


def pixels():
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_kinds_by_name():
    assert {name: kind_of(made()) for name, made in KINDS.items()} == {name: name for name in KINDS}
    assert kind_of({"hidden_size": 3}) == "nano"
    assert kind_of({"kind": "backbone"}) == "backbone"
    assert kind_of(3) is None


def test_nano_is_as_it_was():
    settings = NanoConfig(image_size=32, hidden_size=16, num_layers=1, num_heads=2, stem_widths=(4, 6, 8))
    norm = {"mean": (0.5,) * 3, "std": (0.25,) * 3, "seed": 3}
    made, before = build_detector(settings, **norm), build_nano(settings, **norm)
    assert structure_of(made) == {}
    for name, value in before.state_dict().items():
        assert torch.equal(made.state_dict()[name], value)


@torch.no_grad()
def test_a_clip_with_closed_gates_and_texts_judges_as_clip_does(folder):
    detector = build_detector(config(folder), **NORM).eval()
    assert len(list(experts_of(detector))) == 1
    clip = tiny_clip()
    image = torch.nn.functional.normalize(
        clip.get_image_features(pixel_values=pixels()).pooler_output, dim=-1
    )
    side = load_text(folder)
    texts = text_features(side.tower, side.tokenizer, anchor_texts(PromptsConfig(level="family")))
    cosines = torch.einsum("bd,fkd->bfk", image, texts)
    expected = clip.logit_scale.exp() * (cosines[..., 1] - cosines[..., 0])
    torch.testing.assert_close(detector(pixels()).family_logits, expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"prompts": None},
        {"prompts": PromptsConfig(), "num_families": 1, "is_text_frozen": False},
        {"experts": None, "tuned": "lora", "lora_rank": 2},
    ],
    ids=["texts", "learned anchors", "texts that learn", "low rank"],
)
@torch.no_grad()
def test_it_is_built_again_without_its_source(folder, changes):
    settings = config(folder, **changes)
    first = build_detector(settings, **NORM).eval()
    structure = json.loads(json.dumps(structure_of(first)))
    away = replace(settings, source="nowhere at all")
    again = build_detector(away, **NORM | {"seed": 5}, structure=structure).eval()
    again.load_state_dict(first.state_dict())
    torch.testing.assert_close(again(pixels()).family_logits, first(pixels()).family_logits, atol=0, rtol=0)
    assert json.loads(json.dumps(structure_of(again))) == structure
    names = [{name for name, one in made.named_parameters() if one.requires_grad} for made in (first, again)]
    assert names[0] == names[1]


def test_texts_learn_only_when_they_should(folder):
    frozen = build_detector(config(folder), **NORM)
    assert [name for name, _ in frozen.anchors.named_parameters()] == ["logit_scale"]
    learning = build_detector(config(folder, is_text_frozen=False), **NORM)
    assert isinstance(learning.anchors, TextAnchors)
    assert learning.anchors.logit_scale.item() == frozen.anchors.logit_scale.item()
    assert any(name.startswith("tower.") for name, _ in learning.anchors.named_parameters())


def test_the_seed_makes_the_new_weights_and_leaves_torchs_own_generator(folder):
    state = torch.random.get_rng_state()
    first, again, other = (
        build_detector(config(folder), **NORM | {"seed": seed}).state_dict() for seed in (1, 1, 2)
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    routes = next(name for name in first if name.endswith("routes_DES"))
    assert torch.equal(first[routes], again[routes])
    assert not torch.equal(first[routes], other[routes])


def test_an_encoder_without_texts(tmp_path):
    tiny_encoder("dinov2").save_pretrained(tmp_path)
    norm = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD, "seed": 0}
    detector = build_detector(config(tmp_path, prompts=None), **norm)
    assert detector(pixels()).family_logits.shape == (2, 2)
    with pytest.raises(CheckpointError, match="text encoder"):
        build_detector(config(tmp_path), **norm)


def test_another_size_of_pictures(folder):
    detector = build_detector(config(folder, image_size=48), **NORM)
    assert detector(torch.zeros(1, 3, 48, 48)).attack_logit.shape == (1,)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"source": ""}, r"^model.source must say where the encoder's weights are: .*; it is empty; give --weights$"),
        ({"image_size": 33}, r"^the model's settings must fit each other: image_size must be a multiple .*; got 33$"),
        ({"blocks": (0, 7)}, r"^the model's settings must fit each other: blocks must be within 0\.\.0; got 7$"),
        ({"prompts": PromptsConfig()}, r"^texts that are the same for every family can not tell families apart; set "),
        ({"prompts": PromptsConfig(templates=("T-9",))}, r"^a prompt must be one of T-1, .*; got 'T-9'"),
        ({"tuned": "lora", "lora_rank": 0}, r": lora_rank must be at least 1; got 0$"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit(folder, changes, sentence):
    with pytest.raises(RecipeError, match=sentence):
        build_detector(config(folder, **changes), **NORM)


def test_colours_that_the_encoder_never_saw(folder):
    with pytest.raises(
        RecipeError, match=r"^contract.mean must be the encoder's own, \[0.48.*\]; got \[0.5, 0.5, 0.5\]"
    ):
        build_detector(config(folder), **NORM | {"mean": (0.5, 0.5, 0.5)})


def test_a_source_that_is_not_there(tmp_path):
    with pytest.raises(CheckpointError, match="must be a folder"):
        build_detector(config(tmp_path / "nothing"), **NORM)


@torch.no_grad()
def test_a_detector_is_rebuilt_for_crops_of_another_size(folder):
    """As `bonaface export --size` does: from its structure alone, its weights carried over."""
    learned = build_detector(config(folder), **NORM)
    larger = build_detector(config(folder, image_size=48), **NORM, structure=structure_of(learned))
    larger.load_state_dict(carried_over(learned.state_dict(), larger))
    assert larger.eval()(torch.randn(2, 3, 48, 48)).family_logits.isfinite().all()
    texts = config(folder, prompts=PromptsConfig(level="family"), is_text_frozen=False)
    spoken = build_detector(texts, **NORM)
    again = build_detector(texts, **NORM, structure=structure_of(spoken))
    again.load_state_dict(carried_over(spoken.state_dict(), again))
