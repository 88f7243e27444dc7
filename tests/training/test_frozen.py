"""Runs whose encoder does not learn: a zero-shot CLIP against CLIP itself, the probe against the loop's way of judging."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from transformers import CLIPModel, CLIPTokenizer

from bonaface.bundle import self_test_crops
from bonaface.data.manifest import read_manifest, write_manifest
from bonaface.errors import CheckpointError, RecipeError
from bonaface.inference.session import Session
from bonaface.models.detector import Detector
from bonaface.models.linear_head import LinearHead
from bonaface.models.pixels import normalise
from bonaface.models.prompts import PromptsConfig
from bonaface.training import frozen
from bonaface.training.checkpoint import BEST, LAST, load_checkpoint
from bonaface.training.embeddings import Embedded
from bonaface.training.events import read_events
from bonaface.training.export import export_run
from bonaface.training.feeding import loader_of
from bonaface.training.frozen import EMBEDDINGS, probed, run_frozen
from bonaface.training.judgement import judge
from bonaface.training.stored_material import gather_stored

from .tiny_clip import clip_folder, clip_recipe, pictures

ZERO_SHOT = {
    "experts": None,
    "tuned": "head",
    "num_families": 1,
    "prompts": PromptsConfig(("T-3", "T-8")),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frozen")
    clip_folder(folder / "clip")
    (folder / "faces").mkdir()
    write_manifest(folder / "faces/manifest.csv", pictures(folder / "faces"))
    return folder


def material_of(place, recipe):
    return gather_stored(read_manifest(place / "faces/manifest.csv"), contract=recipe.contract)


def zero_shot_recipe(place, **changes):
    return clip_recipe(place / "clip", model=ZERO_SHOT, **changes)


@pytest.fixture
def probe(place, monkeypatch):
    """A recipe and its pictures; heads are built linear."""
    build = frozen.build_detector

    def built(config, **settings):
        encoder = build(config, **settings).encoder
        return Detector(encoder, LinearHead(config.num_families, encoder.width))

    monkeypatch.setattr(frozen, "build_detector", built)
    model = {"experts": None, "prompts": PromptsConfig(level="family"), "num_families": 2}
    recipe = clip_recipe(place / "clip", model=model, epochs=3)
    return recipe, material_of(place, recipe)


def judged_by_the_loop(detector, recipe, material):
    return judge(
        detector, loader_of(material.dev, recipe, drops_last=False), Accelerator(cpu=True),
        contract=recipe.contract, species_names=material.dev.species_names,
    )  # fmt: skip


def test_a_zero_shot_bundle_says_what_clip_says(place, tmp_path):
    """Witness: the whole CLIP of transformers, its own tokenizer, text by text, averaged by hand."""
    recipe = zero_shot_recipe(place)
    result = run_frozen(recipe, material_of(place, recipe), tmp_path / "run")
    assert result.is_finished
    export_run(tmp_path / "run", tmp_path / "bundle", version="1", licence="CC0-1.0")
    crops = self_test_crops(32)
    ours = Session(tmp_path / "bundle").score(crops)

    clip, tokenizer = (kind.from_pretrained(place / "clip") for kind in (CLIPModel, CLIPTokenizer))
    pixels = normalise(torch.from_numpy(crops), mean=recipe.contract.mean, std=recipe.contract.std)
    anchors = []
    for word in ("live", "fake"):
        sentences = [f"A photo of a {word} face", f"This is an image of a {word} face"]
        rows = []
        for sentence in sentences:
            found = clip.get_text_features(**tokenizer([sentence], return_tensors="pt")).pooler_output[0]
            rows.append(found.detach().double().numpy())
        mean = sum(row / np.linalg.norm(row) for row in rows)
        anchors.append(mean / np.linalg.norm(mean))
    images = clip.get_image_features(pixel_values=pixels).pooler_output.detach().double().numpy()
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    logits = np.exp(clip.logit_scale.item()) * images @ np.stack(anchors, axis=1)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert ours.attack == pytest.approx(chances[:, 1], abs=1e-4)
    assert ours.families.shape == (len(crops), 0)


def test_nothing_of_a_zero_shot_clip_moves(place, tmp_path):
    recipe = zero_shot_recipe(place)
    material = material_of(place, recipe)
    result = run_frozen(recipe, material, tmp_path)
    saved = load_checkpoint(tmp_path / BEST)
    before = frozen.build_detector(
        recipe.model, mean=recipe.contract.mean, std=recipe.contract.std, seed=0
    ).state_dict()
    assert before.keys() == saved.weights.keys()
    assert all(torch.equal(before[name], saved.weights[name]) for name in before)
    event, *others = read_events(tmp_path)
    assert others == []
    assert (event["event"], event["epoch"], event["best_epoch"]) == ("epoch", 0, 0)
    assert event["dev"]["mean_auc"] == result.progress.best_value
    assert (result.progress.epoch, result.progress.best_epoch) == (recipe.epochs, 0)


def test_a_probe_is_judged_as_the_loop_judges(probe, tmp_path):
    recipe, material = probe
    result = run_frozen(recipe, material, tmp_path)
    saved = load_checkpoint(tmp_path / BEST)
    detector = frozen.build_detector(
        recipe.model, mean=recipe.contract.mean, std=recipe.contract.std, seed=0, structure=saved.structure
    )
    detector.load_state_dict(saved.weights)
    figures = judged_by_the_loop(detector.eval(), recipe, material)
    assert figures.mean_auc == result.progress.best_value
    (event,) = read_events(tmp_path)
    assert event["dev"]["species_auc"] == figures.species_auc
    assert event["dev_auc_by_penalty"][f"{event['penalty']:g}"] == max(event["dev_auc_by_penalty"].values())
    assert event["untaught"] == []


def test_the_probe_has_learned_what_can_be_seen(probe, tmp_path):
    """Stripes tell the attacks; a random encoder keeps them."""
    recipe, material = probe
    assert run_frozen(recipe, material, tmp_path).progress.best_value > 0.9


def test_with_one_family_the_probe_learns_the_label(probe, place, tmp_path):
    recipe, _ = probe
    recipe = clip_recipe(
        place / "clip", model={"experts": None, "prompts": PromptsConfig(), "num_families": 1}, epochs=2
    )
    result = run_frozen(recipe, material_of(place, recipe), tmp_path)
    assert load_checkpoint(tmp_path / BEST).weights["anchors.weight"].shape[0] == 1
    assert result.progress.best_value > 0.8


def test_a_family_that_is_not_there_is_said_to_be_untaught(probe, place, tmp_path):
    recipe, _ = probe
    rows = [
        row
        for row in read_manifest(place / "faces/manifest.csv").rows
        if row.species.name != "print" or row.split == "dev"
    ]
    write_manifest(place / "faces/digital.csv", rows)
    material = gather_stored(read_manifest(place / "faces/digital.csv"), contract=recipe.contract)
    run_frozen(recipe, material, tmp_path)
    assert read_events(tmp_path)[0]["untaught"] == ["physical"]


def test_stopped_it_resumes_to_the_same_end(probe, tmp_path, monkeypatch):
    recipe, material = probe
    whole = run_frozen(recipe, material, tmp_path / "whole")
    real, seen = frozen.EmbeddingStore._embedded, []

    def embedded(self, samples):
        seen.append(len(samples))
        if len(seen) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(self, samples)

    monkeypatch.setattr(frozen.EmbeddingStore, "_embedded", embedded)
    stopped = run_frozen(recipe, material, tmp_path / "cut")
    assert not stopped.is_finished
    assert load_checkpoint(tmp_path / "cut" / LAST).progress.epoch == 0
    assert read_events(tmp_path / "cut") == []
    resumed = run_frozen(recipe, material, tmp_path / "cut", is_resumed=True)
    assert resumed.is_finished
    assert len(seen) == 2 + 3  # dev was kept; each epoch is one part here
    assert resumed.progress.best_value == whole.progress.best_value
    found, wanted = (load_checkpoint(tmp_path / name / BEST).weights for name in ("cut", "whole"))
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_resuming_a_finished_run_changes_nothing(place, tmp_path):
    recipe = zero_shot_recipe(place)
    material = material_of(place, recipe)
    first = run_frozen(recipe, material, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = run_frozen(recipe, material, tmp_path, is_resumed=True)
    assert again.progress == first.progress and again.is_finished
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_runs_can_share_their_embeddings(probe, tmp_path, monkeypatch):
    recipe, material = probe
    run_frozen(recipe, material, tmp_path / "a", embeddings=tmp_path / "shared")
    monkeypatch.setattr(frozen.EmbeddingStore, "_embedded", None)
    run_frozen(recipe, material, tmp_path / "b", embeddings=tmp_path / "shared")
    assert not (tmp_path / "b" / EMBEDDINGS).exists()


def test_a_folder_with_a_run_is_not_written_over(place, tmp_path):
    recipe = zero_shot_recipe(place)
    material = material_of(place, recipe)
    run_frozen(recipe, material, tmp_path)
    with pytest.raises(CheckpointError, match="holds a run already"):
        run_frozen(recipe, material, tmp_path)
    with pytest.raises(CheckpointError, match="of another recipe"):
        run_frozen(zero_shot_recipe(place, seed=5), material, tmp_path, is_resumed=True)


def test_it_is_work_for_one_process(place, tmp_path, monkeypatch):
    class Four:
        num_processes = 4

    monkeypatch.setattr(frozen, "accelerator_of", lambda recipe: Four())
    recipe = zero_shot_recipe(place)
    with pytest.raises(RecipeError, match="by one process; got 4; start it without torchrun"):
        run_frozen(recipe, material_of(place, recipe), tmp_path)


def test_pictures_of_which_nothing_is_known_teach_a_probe_of_attacks_nothing():
    """A label that is nan, as a generated carrier's: the head is that of a family of which those rows say nothing."""
    embedding = torch.randn(40, 4, generator=torch.Generator().manual_seed(0))
    label = (embedding[:, 0] > 0).float()
    is_known = torch.arange(40) < 30
    rows = {"embedding": embedding, "targets": label[:, None].expand(-1, 2), "species": label.long()}
    dev = Embedded(label=label, known=torch.ones(40, 2), **rows)
    train = Embedded(
        label=label.masked_fill(~is_known, torch.nan), known=is_known[:, None].expand(-1, 2).float(), **rows
    )
    one, two = (
        probed(train, dev, ("bonafide", "print"), num_families=number).anchors.state_dict()
        for number in (1, 2)
    )
    for name, value in one.items():
        torch.testing.assert_close(value, two[name][:1])
