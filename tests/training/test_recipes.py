import json

import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModel

from bonaface.data.dataset import FixedCrops
from bonaface.data.manifest import write_manifest
from bonaface.data.pairs import Pairs
from bonaface.errors import RecipeError
from bonaface.faces.crop import prepare
from bonaface.faces.whole import WholePicture
from bonaface.models.insertion import insert_experts
from bonaface.models.prompts import anchor_texts
from bonaface.training.events import read_events
from bonaface.training.loop import train
from bonaface.training.material import Material
from bonaface.training.recipe import overridden
from bonaface.training.recipes import RECIPES, recipe_named
from bonaface.training.run import run_recipe

from .tiny import scenes
from .tiny_clip import clip_folder, pictures

SMALL = [
    "model.image_size=32",
    "contract.size=32",
    "contract.min_face_px=8",
    "model.hidden_size=16",
    "model.num_layers=1",
    "model.num_heads=2",
    "model.stem_widths=[4, 6, 8]",
    "model.experts.hidden=4",
    "epochs=1",
    "samples_per_epoch=8",
    "batch_size=4",
    "num_workers=0",
]


@pytest.mark.parametrize("name", [name for name in RECIPES if name.startswith("nano")])
def test_it_builds_and_takes_two_steps(name, tmp_path):
    recipe = overridden(recipe_named(name), SMALL)
    known = scenes(2)
    crops = [(prepare(k.scene.pixels, k.scene.face, recipe.contract).pixels, k.species) for k in known]
    material = Material(tuple(known), FixedCrops(crops), {}, {}, kept_in=tmp_path / "pairs")
    result = train(recipe, material, tmp_path)
    assert result.is_finished
    assert 0 < read_events(tmp_path)[-1]["loss"] < 10


@pytest.mark.parametrize("name", ["paper", "practical"])
def test_clip_learns_from_pairs(name, tmp_path):
    settings = [
        f"model.source={json.dumps(str(clip_folder(tmp_path / 'clip')))}",
        "model.image_size=32", "contract.size=32", "contract.through_size=43", "data.resize=43",
        "model.experts.slots_per_expert=4", "epochs=1", "batch_size=4", "num_workers=0", "mixed_precision=no",
    ]  # fmt: skip
    recipe = overridden(recipe_named(name), settings)
    write_manifest(tmp_path / "m.csv", pictures(tmp_path))
    result = run_recipe(recipe, tmp_path / "m.csv", tmp_path / "run", finder=WholePicture(), command="")
    assert result.is_finished
    events = read_events(tmp_path / "run")
    assert [event["event"] for event in events] == ["parameters", "routers", "epoch"]
    assert 0 < events[-1]["loss"] < 10


def test_paper_is_as_published_and_as_the_laboratory_trains():
    recipe, how = recipe_named("paper"), recipe_named("paper").optimisation
    assert (how.kind, how.lr_new, how.lr_pretrained, how.betas) == ("adam_l2", 1e-6, 1e-6, (0.9, 0.999))
    assert (how.weight_decay, how.clip_norm, how.warmup_share, how.scheduled_by) == (5e-4, 0.0, 0.0, "epoch")
    assert (how.label_smoothing, how.ema_decay, how.accumulation) == (0.0, 0.0, 1)
    assert (recipe.epochs, recipe.batch_size, recipe.seed, recipe.is_mirrored) == (500, 2 * 18, 1, False)
    assert recipe.data == Pairs(resize=300, flip=0.5, rotation=0.5, colour=0.0)
    assert (recipe.contract.through_size, recipe.contract.size, recipe.contract.finder) == (300, 224, "whole")
    model = recipe.model
    assert (model.tuned, model.is_text_frozen, model.num_families, model.blocks) == ("all", False, 1, None)
    assert (model.experts.num_experts, model.experts.slots_per_expert) == (4, 49)
    (texts,) = anchor_texts(model.prompts, num_families=1)
    assert texts.bonafide == ("This is an image of a live face",)
    assert texts.attack == ("This is an image of a fake face",)


@pytest.mark.parametrize("name", RECIPES)
def test_its_name_and_its_docstring(name):
    assert recipe_named(name).name == name
    assert RECIPES[name].__doc__


def test_an_unknown_name():
    with pytest.raises(
        RecipeError, match=r"^the recipe must be one of .*; got 'nanno'; did you mean 'nano'\?$"
    ):
        recipe_named("nanno")


def test_practical_adds_less_than_six_million_parameters_to_a_base_clip():
    with torch.device("meta"):  # shapes alone
        vision = CLIPVisionModel(CLIPVisionConfig(
            hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, patch_size=16
        ))  # fmt: skip
        before = sum(one.numel() for one in vision.parameters())
        insert_experts(vision, recipe_named("practical").model.experts)
    added = sum(one.numel() for one in vision.parameters()) - before
    assert 5_900_000 < added <= 6_000_000
