"""The recipes of CLIP as it comes, from a manifest to a bundle."""

from __future__ import annotations

import pytest
import torch

from bonaface.bundle import self_test_crops
from bonaface.data.manifest import write_manifest
from bonaface.errors import RecipeError
from bonaface.faces.whole import WholePicture
from bonaface.inference.session import Session
from bonaface.models.graph import DeployedDetector
from bonaface.models.linear_head import LinearHead
from bonaface.training.export import export_run
from bonaface.training.recipes import recipe_named
from bonaface.training.run import run_recipe
from bonaface.training.trained import detector_of_run

from .tiny_clip import clip_folder, clip_recipe, pictures


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baselines")
    clip_folder(folder / "clip")
    (folder / "faces").mkdir()
    write_manifest(folder / "faces/manifest.csv", pictures(folder / "faces"))
    return folder


def tiny_of(place, name, **changes):
    """The recipe in `clip_recipe`'s sizes, its own settings of the model kept."""
    named = recipe_named(name).model
    own = {key: getattr(named, key) for key in ("experts", "prompts", "num_families", "tuned")}
    return clip_recipe(place / "clip", model=own | changes.pop("model", {}), name=name, **changes)


def run(place, recipe, out, **settings):
    manifest = place / "faces/manifest.csv"
    return run_recipe(recipe, manifest, out, finder=WholePicture(), command="bonaface train", **settings)


@pytest.mark.parametrize("name", ["zero_shot", "linear_probe"])
def test_it_runs_and_exports(place, tmp_path, name):
    recipe = tiny_of(place, name)
    assert run(place, recipe, tmp_path / "run").is_finished
    detector, again = detector_of_run(tmp_path / "run")
    assert again == recipe
    assert isinstance(detector.anchors, LinearHead) == (name == "linear_probe")
    card = export_run(tmp_path / "run", tmp_path / "bundle", version="1", licence="CC0-1.0")
    assert card.families == ()
    crops = self_test_crops(32)
    deployed = DeployedDetector(detector, mean=recipe.contract.mean, std=recipe.contract.std)
    with torch.no_grad():
        expected = deployed(torch.from_numpy(crops))[0].tolist()
    assert Session(tmp_path / "bundle").score(crops).attack.tolist() == pytest.approx(expected, abs=1e-4)


def test_a_run_to_start_from_is_refused(place, tmp_path):
    with pytest.raises(RecipeError, match="leave --start-from out"):
        run(place, tiny_of(place, "linear_probe"), tmp_path / "run", start_from=tmp_path)


@pytest.mark.parametrize("change", [{"prompts": None}, {"is_text_frozen": False}])
def test_without_fixed_texts_there_is_nothing_to_judge_by(place, tmp_path, change):
    with pytest.raises(RecipeError, match="texts must say what an attack is"):
        run(place, tiny_of(place, "zero_shot", model=change), tmp_path / "run")


def test_the_probe_may_tell_families(place, tmp_path):
    recipe = tiny_of(place, "linear_probe", model={"num_families": 2})
    assert run(place, recipe, tmp_path / "run").is_finished
    assert detector_of_run(tmp_path / "run")[0].anchors.weight.shape[0] == 2
