"""A CLIP with experts from a folder, through training with a stop, to a bundle: every part of the way together."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from bonaface.bundle import read_card, self_test_crops, write_card
from bonaface.data.manifest import write_manifest
from bonaface.errors import RecipeError
from bonaface.faces.whole import WholePicture
from bonaface.inference.gate import load
from bonaface.inference.session import Session
from bonaface.models.graph import DeployedDetector
from bonaface.models.prompts import PromptsConfig
from bonaface.training import detection
from bonaface.training.export import export_run
from bonaface.training.run import run_recipe
from bonaface.training.trained import detector_of_run

from .test_loop import assert_equal_runs
from .tiny_clip import clip_folder, clip_recipe, pictures


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A CLIP and a manifest; six pairs are three batches of two."""
    folder = tmp_path_factory.mktemp("clip")
    clip_folder(folder / "clip")
    (folder / "faces").mkdir()
    write_manifest(folder / "faces/manifest.csv", pictures(folder / "faces"))
    return folder


def run(place, out, recipe, **settings):
    manifest = place / "faces/manifest.csv"
    return run_recipe(recipe, manifest, out, finder=WholePicture(), command="bonaface train", **settings)


@pytest.fixture
def stopping(monkeypatch):
    """Runs with SIGTERM sent in batch k, from 1."""

    def stopped(place, out, recipe, *, at):
        real, seen = detection.evidence_loss, []

        def evidence_loss(*args, **settings):
            seen.append(1)
            if len(seen) == at:
                os.kill(os.getpid(), signal.SIGTERM)
            return real(*args, **settings)

        with monkeypatch.context() as patch:
            patch.setattr(detection, "evidence_loss", evidence_loss)
            return run(place, out, recipe)

    return stopped


WAYS = {
    "experts_norm": {},
    "everything, one family, text learns": {
        "model": {"tuned": "all", "is_text_frozen": False, "num_families": 1},
    },
    "low rank, routed experts": {
        "model": {"tuned": "lora", "lora_rank": 2},
    },
}


def recipe_of(place, changes):
    recipe = clip_recipe(place / "clip", **changes)
    how = recipe.optimisation
    if recipe.model.tuned == "all":
        how = replace(
            how, kind="adam_l2", class_regularisation=0.1, ema_decay=0.0, scheduled_by="epoch", clip_norm=0.0
        )
    if recipe.model.tuned == "lora":
        how = replace(how, accumulation=2, is_recomputed=True)
        experts = replace(recipe.model.experts, routing="top_k", top_k=1)
        recipe = replace(recipe, model=replace(recipe.model, experts=experts))
    return replace(recipe, optimisation=how)


@pytest.mark.parametrize("changes", WAYS.values(), ids=WAYS.keys())
def test_from_a_folder_to_a_bundle(place, tmp_path, stopping, changes):
    recipe = recipe_of(place, changes)
    straight, halved = tmp_path / "straight", tmp_path / "halved"
    assert run(place, straight, recipe).is_finished
    stopped = stopping(place, halved, recipe, at=5)
    assert not stopped.is_finished
    assert stopped.progress.step in {2, 3}
    shutil.move(place / "clip", place / "away")  # from here on nothing needs the source
    try:
        assert run(place, halved, recipe, is_resumed=True).is_finished
        assert_equal_runs(straight, halved)
        card = export_run(straight, tmp_path / "bundle", version="1", licence="CC0-1.0")
        detector, again = detector_of_run(straight)
    finally:
        shutil.move(place / "away", place / "clip")
    assert again == recipe
    assert sorted(card.species) == ["faceswap", "print"]
    assert card.simulated_species == ()
    assert card.families == (() if recipe.model.num_families == 1 else ("physical", "digital"))
    session = Session(tmp_path / "bundle")
    deployed = DeployedDetector(detector, mean=card.contract.mean, std=card.contract.std)
    for crops in (self_test_crops(32), np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)):
        with torch.no_grad():
            attack, families = deployed(torch.from_numpy(crops))
        found = session.score(crops)
        np.testing.assert_allclose(found.attack, attack.numpy(), atol=1e-3)
        np.testing.assert_allclose(found.families, families.numpy(), atol=1e-3)
    verdict = load(tmp_path / "bundle")(place / "faces/dev-0.png")
    assert 0 <= verdict.attack_score <= 1
    assert (verdict.box.width, verdict.num_faces) == (40, 1)
    assert verdict.family_scores.keys() == set(card.families)
    strict = replace(read_card(tmp_path / "bundle"), threshold=replace(card.threshold, value=0.0, low=0.0))
    write_card(tmp_path / "bundle", strict)
    attack = load(tmp_path / "bundle")(place / "faces/dev-0.png")
    assert attack.outcome == "attack"
    if not card.families:
        assert attack.reason == "attack_evidence"
        assert attack.detail.endswith("reaches the threshold 0.000")


def test_a_mistake_in_the_model_is_told_before_any_picture_is_read(place, tmp_path):
    seen = []
    for settings, sentence in (
        ({"source": ""}, "model.source must say where"),
        ({"tuned": "head"}, "something must learn"),
        ({"experts": None, "tuned": "experts"}, "got 'experts' without experts"),
    ):
        with pytest.raises(RecipeError, match=sentence):
            run(
                place, tmp_path / "run", clip_recipe(place / "clip", model=settings),
                on_row=lambda: seen.append(1),
            )  # fmt: skip
    assert seen == []
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("tuned", ["nothing", "probe"])
def test_what_does_not_learn_takes_the_same_way_to_a_bundle(place, tmp_path, tuned):
    prompts = PromptsConfig(level="family") if tuned == "nothing" else None
    recipe = clip_recipe(
        place / "clip", model={"tuned": tuned, "experts": None, "prompts": prompts, "num_families": 2}
    )
    result = run(place, tmp_path / "run", recipe)
    assert result.is_finished
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert record["dev"]["mean_auc"] == pytest.approx(result.progress.best_value)
    card = export_run(tmp_path / "run", tmp_path / "bundle", version="1", licence="CC0-1.0")
    assert card.families == ("physical", "digital")
    assert Session(tmp_path / "bundle").card.id == "tiny_clip 1"
    with pytest.raises(
        RecipeError, match="must start from its encoder's own weights; leave --start-from out"
    ):
        run(place, tmp_path / "other", recipe, start_from=tmp_path / "run")
