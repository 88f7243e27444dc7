"""The challenge winner's baseline: its settings, its loss, and a tiny one of it from pictures to a bundle."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from bonaface.data.clue_schedule import NOT_COMPARABLE, Clues
from bonaface.data.manifest import Row, write_manifest
from bonaface.errors import RecipeError
from bonaface.faces.whole import WholePicture
from bonaface.models.detector import Evidence
from bonaface.models.resnet import ResnetConfig
from bonaface.training.checkpoint import load_checkpoint
from bonaface.training.export import TOLERANCES, export_run
from bonaface.training.losses import evidence_loss
from bonaface.training.recipe import from_dict, overridden, to_dict
from bonaface.training.recipes import recipe_named
from bonaface.training.run import run_recipe
from bonaface.training.trained import detector_of_run
from bonaface.vocabulary import BONAFIDE, SPECIES, Label, Split

NAMES = ("resnet", "resnet_spsc", "resnet_spsc_challenge")
TINY = [
    "model.image_size=32",
    "model.stem_width=8",
    "model.widths=[8, 16]",
    "model.depths=[1, 1]",
    "contract.size=32",
    "contract.min_face_px=8",
    "epochs=2",
    "batch_size=4",
    "num_workers=0",
]


def loss(two: torch.Tensor, label: list[float], weights: tuple[float, float]) -> float:
    """Of a softmax over (bona fide, attack), as the one head of log-odds has it."""
    logit = two[:, 1] - two[:, 0]
    return evidence_loss(
        Evidence(logit[:, None], logit),
        label=torch.tensor(label),
        targets=torch.zeros(len(label), 2),
        known=torch.ones(len(label), 2),
        label_smoothing=0.0,
        combined_weight=1.0,
        class_weights=weights,
    ).item()


def test_class_weights_worked_by_hand():
    # odds of 3 to 1 for an attack: log 4 for a bona fide picture, log 4/3 for an attack
    two, label = torch.tensor([[0.0, np.log(3)]] * 3), [0.0, 1.0, 1.0]
    bonafide, attack = np.log(4), np.log(4 / 3)
    assert loss(two, label, (1.0, 1.0)) == pytest.approx((bonafide + 2 * attack) / 3, abs=1e-6)
    assert loss(two, label, (5.0, 1.0)) == pytest.approx((5 * bonafide + 2 * attack) / 7, abs=1e-6)
    assert loss(two, label, (2.0, 1.0)) == pytest.approx(0.836988, abs=1e-5)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (5.0, 1.0), (2.0, 1.0), (0.1, 0.3)])
def test_class_weights_are_those_of_torchs_cross_entropy(weights):
    two = torch.randn(9, 2, generator=torch.Generator().manual_seed(0))
    label = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    expected = cross_entropy(two, torch.tensor(label).long(), weight=torch.tensor(weights)).item()
    assert loss(two, label, weights) == pytest.approx(expected, abs=1e-6)


def test_families_are_weighed_alike():
    """Physical: 5 log 4 and log 4/3 over 6. Digital: the bona fide sample alone knows, log 4. Their mean."""
    logits = torch.full((2, 2), float(np.log(3)))
    found = evidence_loss(
        Evidence(logits, torch.zeros(2)),
        label=torch.tensor([0.0, 1.0]),
        targets=torch.tensor([[0.0, 0.0], [1.0, 0.0]]),
        known=torch.tensor([[1.0, 1.0], [1.0, 0.0]]),
        label_smoothing=0.0,
        combined_weight=0.0,
        class_weights=(5.0, 1.0),
    ).item()
    assert found == pytest.approx(((5 * np.log(4) + np.log(4 / 3)) / 6 + np.log(4)) / 2, abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_of_the_paper(name):
    recipe, how = recipe_named(name), recipe_named(name).optimisation
    assert recipe.name == name
    assert (recipe.epochs, recipe.batch_size, recipe.seed, recipe.kept) == (200, 512, 240, "last")
    assert (how.kind, how.lr_new, how.betas, how.weight_decay) == ("adamw", 1e-3, (0.9, 0.999), 5e-4)
    assert (how.clip_norm, how.warmup_share, how.scheduled_by) == (5.0, 0.0, "step")
    assert (how.label_smoothing, how.ema_decay, recipe.mixed_precision) == (0.0, 0.0, "no")
    assert recipe.model == ResnetConfig()
    assert (recipe.data.area, recipe.data.aspect, recipe.data.flip) == ((0.75, 1.0), (0.75, 4 / 3), 0.5)
    assert recipe.contract.size == 224
    assert from_dict(to_dict(recipe)) == recipe


@pytest.mark.parametrize(
    ("settings", "weights"),
    [
        (["data.schedule=P2.1"], (5, 1)),
        (["data.schedule=P2.1", "data.loss_weights=scripts"], (1, 1)),
        (["data.schedule=P2.2"], (2, 1)),
        (["data.schedule=none"], (1, 1)),
    ],
)
def test_both_presets_of_class_weights(settings, weights):
    assert overridden(recipe_named("resnet_spsc"), settings).class_weights == weights


def test_other_recipes_weigh_classes_alike():
    assert recipe_named("nano").class_weights == (1.0, 1.0)


def test_dev_can_not_choose_the_epoch_where_it_is_learned_from():
    assert recipe_named("resnet_spsc_challenge").data.is_dev_merged
    assert not recipe_named("resnet_spsc").data.is_dev_merged
    with pytest.raises(
        RecipeError, match=r"^kept must be 'last' where dev is learned from: .*; got 'best'; set kept=last$"
    ):
        replace(recipe_named("resnet"), kept="best", data=Clues(is_dev_merged=True))


def test_pictures_with_clues_are_taken_whole():
    with pytest.raises(
        RecipeError, match=r"^contract.finder must be 'whole', clues are used as they are; got"
    ):
        overridden(recipe_named("resnet"), ["contract.finder=dlib_hog"])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Sixteen of P2.2: bona fide ones, and prints with stripes; half of them for dev."""
    folder = tmp_path_factory.mktemp("p2.2")
    rows = []
    for number in range(16):
        species, split = (BONAFIDE, SPECIES["print"])[number % 2], (Split.TRAIN, Split.DEV)[number // 2 % 2]
        pixels = np.random.default_rng(number).integers(60, 200, (48, 40, 3), np.uint8)
        if species is not BONAFIDE:
            pixels[::4] = 0
        cv2.imwrite(str(folder / f"{number}.png"), pixels)
        label = Label.BONAFIDE if species is BONAFIDE else Label.ATTACK
        rows.append(Row(f"{number}.png", label, species, f"s{number}", split, groups={"protocol": "p2.2"}))
    write_manifest(folder / "m.csv", rows)
    return folder / "m.csv"


@pytest.mark.parametrize(("name", "num_samples"), [("resnet_spsc", 8), ("resnet_spsc_challenge", 12)])
def test_a_tiny_one_trains(name, num_samples, pictures, tmp_path):
    recipe, run = overridden(recipe_named(name), TINY), tmp_path / "run"
    result = run_recipe(recipe, pictures, run, finder=WholePicture(), command="bonaface train")
    assert result.is_finished
    saved = load_checkpoint(run / "best")
    assert saved.recipe["data"]["schedule"] == "P2.2"  # as the manifest's rows name it
    assert saved.progress.best_epoch == 1  # the last one, whatever dev says
    steps = int(load_checkpoint(run / "last").loop["average"]["n_averaged"])
    assert steps == 2 * num_samples // 4
    detector, _ = detector_of_run(run)
    last = load_checkpoint(run / "last").weights
    assert all(torch.equal(tensor, last[name]) for name, tensor in detector.state_dict().items())


def test_a_bundle_says_what_it_learned_from(pictures, tmp_path):
    """The export compares the graph with torch, and refuses beyond the tolerance."""
    recipe = overridden(recipe_named("resnet_spsc_challenge"), [*TINY, "epochs=1"])
    run_recipe(recipe, pictures, tmp_path / "run", finder=WholePicture(), command="bonaface train")
    card = export_run(tmp_path / "run", tmp_path / "bundle", version="0", licence="MIT", notes=("tiny",))
    assert TOLERANCES["resnet"] == 1e-4
    assert card.notes == ("tiny", NOT_COMPARABLE)
    assert (card.species, card.simulated_species, card.families) == (("print", "sdsc"), ("sdsc",), ())


def test_resuming_finds_the_same_schedule(pictures, tmp_path):
    recipe = overridden(recipe_named("resnet_spsc"), [*TINY, "epochs=1"])
    for is_resumed in (False, True):
        result = run_recipe(
            recipe, pictures, tmp_path, finder=WholePicture(), command="bonaface train", is_resumed=is_resumed
        )
    assert result.is_finished
    assert json.loads((tmp_path / "run.json").read_text())["recipe"]["data"]["schedule"] == "P2.2"


def test_a_manifest_without_a_protocol_needs_a_schedule(pictures, tmp_path):
    text = pictures.read_text().replace("p2.2", "p1.3")
    other = pictures.with_name("other.csv")
    other.write_text(text)
    with pytest.raises(RecipeError, match=r"got p1\.3; add --set data\.schedule=P1"):
        run_recipe(
            recipe_named("resnet_spsc"),
            other,
            tmp_path / "run",
            finder=WholePicture(),
            command="bonaface train",
        )
    assert not (tmp_path / "run").exists()
