import json

import pytest

from bonaface.data.dataset import FixedCrops
from bonaface.errors import RecipeError
from bonaface.faces.crop import prepare
from bonaface.training.loop import train
from bonaface.training.material import Material
from bonaface.training.recipe import overridden
from bonaface.training.recipes import RECIPES, recipe_named

from .tiny import scenes

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


@pytest.mark.parametrize("name", RECIPES)
def test_it_builds_and_takes_two_steps(name, tmp_path):
    recipe = overridden(recipe_named(name), SMALL)
    known = scenes(2)
    crops = [(prepare(k.scene.pixels, k.scene.face, recipe.contract).pixels, k.species) for k in known]
    result = train(recipe, Material(tuple(known), FixedCrops(crops), {}, {}), tmp_path)
    assert result.is_finished
    (line,) = (tmp_path / "events.jsonl").read_text().splitlines()
    assert 0 < json.loads(line)["loss"] < 10


@pytest.mark.parametrize("name", RECIPES)
def test_its_name_and_its_docstring(name):
    assert recipe_named(name).name == name
    assert RECIPES[name].__doc__


def test_an_unknown_name():
    with pytest.raises(
        RecipeError, match=r"^the recipe must be one of .*; got 'nanno'; did you mean 'nano'\?$"
    ):
        recipe_named("nanno")
